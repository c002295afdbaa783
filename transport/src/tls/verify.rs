//! Who a server is: the rules of webpki, and two that the reference's Java has beside them.
//!
//! - A certificate without alternative names is matched by its common name. `commonName` in old configurations counts on it.
//! - A server certificate that is itself in the trust file is trusted, though it is marked as an authority (as `openssl req -x509` does).
//!   It must still be for the expected name and within its dates.

use std::{collections::HashSet, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::{TlsError, subject};

/// Verifies a server against trusted certificates and an expected name.
#[derive(Debug)]
pub(super) struct Trusted {
    webpki: Arc<WebPkiServerVerifier>,
    /// Certificates of the trust files, not the system's roots.
    named: HashSet<CertificateDer<'static>>,
}

impl Trusted {
    pub(super) fn new(
        roots: RootCertStore,
        named: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let webpki =
            WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build();
        // Fails without roots, which the caller has seen to.
        let webpki = webpki.map_err(|error| TlsError::NoSystemRoots {
            reason: format!(" ({error})"),
        })?;
        Ok(Self {
            webpki,
            named: named.into_iter().collect(),
        })
    }
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        use CertificateError as Refused;
        let verdict = self.webpki.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let verdict = match verdict {
            // webpki looks at dates before it looks for an issuer, and at the name last.
            Err(Error::InvalidCertificate(refused))
                if self.named.contains(end_entity)
                    && !is_about_dates(&refused)
                    && !is_about_name(&refused) =>
            {
                let parsed = ParsedCertificate::try_from(end_entity)?;
                verify_server_name(&parsed, server_name).map(|()| ServerCertVerified::assertion())
            }
            verdict => verdict,
        };
        match &verdict {
            Err(Error::InvalidCertificate(Refused::NotValidForNameContext {
                presented, ..
            })) if presented.is_empty() && has_common_name(end_entity, server_name) => {
                Ok(ServerCertVerified::assertion())
            }
            _ => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

fn is_about_dates(refused: &CertificateError) -> bool {
    use CertificateError as Refused;
    matches!(
        refused,
        Refused::Expired
            | Refused::ExpiredContext { .. }
            | Refused::NotValidYet
            | Refused::NotValidYetContext { .. }
    )
}

fn is_about_name(refused: &CertificateError) -> bool {
    matches!(
        refused,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    )
}

/// Whether the subject's common name is the expected DNS name; a `*` stands for the whole first label (RFC 6125 §6.4.3).
fn has_common_name(certificate: &CertificateDer<'_>, expected: &ServerName<'_>) -> bool {
    let (Some(common), ServerName::DnsName(expected)) =
        (subject::common_name(certificate), expected)
    else {
        return false;
    };
    let expected = expected.as_ref();
    match common.strip_prefix("*.") {
        None => common.eq_ignore_ascii_case(expected),
        Some(parent) => expected
            .split_once('.')
            .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent) && parent.contains('.')),
    }
}

/// Verifies nothing about the server but that it has the key of the certificate it showed.
#[derive(Debug)]
pub(super) struct Anything {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Anything {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
