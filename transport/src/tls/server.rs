//! The server's half: its certificate, and which clients it wants to know.

use std::{io, path::PathBuf, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    TlsError, certificate, pem, provider,
    reload::{Material, Reloading},
    subject, versions,
};

/// What a server's TLS is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTlsFiles {
    /// The server's certificate, PEM; more certificates in the file are taken for intermediates.
    pub cert: PathBuf,
    /// Its private key, PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// Certificates between the server's and a root, PEM.
    pub intermediates: Option<PathBuf>,
    /// What client certificates are verified with, PEM. With it a client is asked for a certificate, and a bad one is refused.
    pub ca: Option<PathBuf>,
    /// Refuse clients without a certificate. Needs `ca`.
    pub require_client_auth: bool,
    /// `TLSv1.2`, `TLSv1.3`; empty for both.
    pub protocols: Vec<String>,
    /// Cipher suites by the names of IANA or OpenSSL; empty for all that are safe.
    pub ciphers: Vec<String>,
    /// Application protocols in order of preference, such as `h2` and `http/1.1`; empty for no negotiation.
    pub alpn: Vec<String>,
}

/// A server's TLS, which follows its files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<Reloading<ServerConfig>>,
}

impl ServerTls {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// See [`TlsError`]; later changes of the files never fail, they are logged.
    pub fn load(files: &ServerTlsFiles) -> Result<Self, TlsError> {
        let watched = [
            Some(&files.cert),
            Some(&files.key),
            files.intermediates.as_ref(),
            files.ca.as_ref(),
        ];
        let watched = watched.into_iter().flatten().cloned().collect();
        let files = files.clone();
        let config = Reloading::new(watched, move || config(&files))?;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// The configuration of now, for a handshake that others do.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.current()
    }

    /// In how many seconds the first certificate of its chain expires; negative if it has.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        self.config.seconds_left()
    }

    /// Does the handshake on an accepted connection. It has no timeout of its own.
    ///
    /// # Errors
    /// The client went away, or it and we do not agree: a [`rustls::Error`] is inside.
    pub async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.config()).accept(stream).await
    }
}

/// The subject of the certificate that the client showed and we verified, as RFC 4514 writes it: `CN=web,O=Example`.
#[must_use]
pub fn client_cert_subject(connection: &ServerConnection) -> Option<Arc<str>> {
    let certificate = connection.peer_certificates()?.first()?;
    Some(subject::shown(certificate)?.into())
}

/// What the header `x-forwarded-client-cert` says of the certificate that the client showed and we verified.
#[must_use]
pub fn forwarded_client_cert(connection: &ServerConnection) -> Option<String> {
    certificate::forwarded(connection.peer_certificates()?.first()?)
}

fn config(files: &ServerTlsFiles) -> Result<Material<ServerConfig>, TlsError> {
    let provider = provider(&files.ciphers)?;
    let certified = pem::certified_key(
        &files.cert,
        files.intermediates.as_deref(),
        &files.key,
        &provider,
    )?;
    let verifier = match &files.ca {
        None if files.require_client_auth => return Err(TlsError::NoClientCa),
        None => WebPkiClientVerifier::no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            pem::trust(ca, &mut roots)?;
            let builder =
                WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
            client_verifier(builder, files.require_client_auth)?
        }
    };
    let chain = certified.cert.clone();
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(&files.protocols)?)
        .map_err(|source| TlsError::Settings { source })?;
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = files
        .alpn
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(Material::showing(config, &chain))
}

fn client_verifier(
    builder: rustls::server::ClientCertVerifierBuilder,
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let builder = if required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    // Fails without roots, and a trust file has at least one.
    builder.build().map_err(|_| TlsError::NoClientCa)
}
