//! The client's half: whom it trusts, which name it expects, and the certificate it shows.

use std::{io, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    client::danger::ServerCertVerifier,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName},
    sign::SingleCertAndKey,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    TlsError, pem, provider,
    reload::{Material, Reloading},
    verify::{Anything, Trusted},
    versions,
};

/// What a client's TLS is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTlsFiles {
    /// The name that the server's certificate must be for, also sent as SNI. Absent: the host that is connected to.
    pub common_name: Option<String>,
    /// Take any certificate of anybody. A common name is still sent as SNI.
    pub disable_validation: bool,
    /// Files of trusted certificates, PEM; empty for the system's roots.
    pub trust: Vec<PathBuf>,
    /// The certificate to show when the server asks for one.
    pub client_auth: Option<ClientAuthFiles>,
    /// `TLSv1.2`, `TLSv1.3`; empty for both.
    pub protocols: Vec<String>,
    /// Cipher suites by the names of IANA or OpenSSL; empty for all that are safe.
    pub ciphers: Vec<String>,
    /// Application protocols in order of preference, such as `h2`; empty for no negotiation.
    pub alpn: Vec<String>,
}

/// A certificate that a client shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientAuthFiles {
    /// The certificate, PEM; more certificates in the file are taken for intermediates.
    pub cert: PathBuf,
    /// Its private key, PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// Certificates between it and a root, PEM.
    pub intermediates: Option<PathBuf>,
}

/// A client's TLS, which follows its files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<Reloading<ClientConfig>>,
    name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// See [`TlsError`]; later changes of the files never fail, they are logged.
    pub fn load(files: &ClientTlsFiles) -> Result<Self, TlsError> {
        let name = files.common_name.as_deref().map(server_name).transpose()?;
        let mut watched = files.trust.clone();
        if let Some(auth) = &files.client_auth {
            watched.extend([auth.cert.clone(), auth.key.clone()]);
            watched.extend(auth.intermediates.clone());
        }
        let files = files.clone();
        let config = Reloading::new(watched, move || config(&files))?;
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }

    /// The same settings for a server of another name, without reading the files again.
    ///
    /// # Errors
    /// [`TlsError::Name`] if it is neither a DNS name nor an IP address.
    pub fn named(&self, common_name: &str) -> Result<Self, TlsError> {
        Ok(Self {
            config: self.config.clone(),
            name: Some(server_name(common_name)?),
        })
    }

    /// The configuration of now, for a handshake that others do.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.current()
    }

    /// In how many seconds the first certificate of the client's chain expires; negative if it has. Nothing if it shows none.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        self.config.seconds_left()
    }

    /// Does the handshake on a connection to `host`, which is the expected name where no common name is set.
    /// An IP address is verified, but never sent as SNI (RFC 6066 §3). It has no timeout of its own.
    ///
    /// # Errors
    /// The server went away, its certificate is refused, or `host` cannot be a name: a [`rustls::Error`] is inside where it says why.
    pub async fn connect<S>(&self, stream: S, host: &str) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(host)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        TlsConnector::from(self.config())
            .connect(name, stream)
            .await
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name {
        name: name.to_owned(),
    })
}

fn config(files: &ClientTlsFiles) -> Result<Material<ClientConfig>, TlsError> {
    let provider = provider(&files.ciphers)?;
    let verifier: Arc<dyn ServerCertVerifier> = match files.disable_validation {
        true => Arc::new(Anything::new(&provider)),
        false => Arc::new(trusted(&files.trust, &provider)?),
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(&files.protocols)?)
        .map_err(|source| TlsError::Settings { source })?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut chain = Vec::new();
    let mut config = match &files.client_auth {
        None => builder.with_no_client_auth(),
        Some(auth) => {
            let key = pem::certified_key(
                &auth.cert,
                auth.intermediates.as_deref(),
                &auth.key,
                &provider,
            )?;
            chain.clone_from(&key.cert);
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
    };
    config.alpn_protocols = files
        .alpn
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(Material::showing(config, &chain))
}

fn trusted(files: &[PathBuf], provider: &Arc<CryptoProvider>) -> Result<Trusted, TlsError> {
    let mut roots = RootCertStore::empty();
    let mut named: Vec<CertificateDer<'static>> = Vec::new();
    for file in files {
        named.extend(pem::trust(file, &mut roots)?);
    }
    if files.is_empty() {
        let found = rustls_native_certs::load_native_certs();
        // Systems carry roots that are malformed or long forgotten; one of them must not take away the others.
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let reason = found
                .errors
                .first()
                .map(|error| format!(" ({error})"))
                .unwrap_or_default();
            return Err(TlsError::NoSystemRoots { reason });
        }
    }
    Trusted::new(roots, named, provider)
}
