//! The TLS of an interface.

use config::{InterfaceConfig, InterfaceKind, ServerTlsConfig, TlsProtocol};
use transport::{ServerTls, ServerTlsFiles};

use super::BuildError;

/// An interface's kind, as a configuration writes it.
pub(super) fn kind(config: &InterfaceConfig) -> &'static str {
    match config.kind {
        InterfaceKind::HttpController { .. } => "io.l5d.httpController",
        InterfaceKind::Mesh => "io.l5d.mesh",
    }
}

/// Reads and checks the files of an interface that has TLS.
pub(super) fn load(config: &InterfaceConfig) -> Result<Option<ServerTls>, BuildError> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    let alpn: &[&str] = match config.kind {
        InterfaceKind::HttpController { .. } => &["h2", "http/1.1"],
        InterfaceKind::Mesh => &["h2"],
    };
    let loaded = ServerTls::load(&files(tls, alpn));
    loaded.map(Some).map_err(|source| BuildError::Tls {
        kind: kind(config),
        source,
    })
}

fn files(tls: &ServerTlsConfig, alpn: &[&str]) -> ServerTlsFiles {
    ServerTlsFiles {
        cert: tls.cert_path.clone(),
        key: tls.key_path.clone(),
        intermediates: tls.intermediate_certs_path.clone(),
        ca: tls.ca_cert_path.clone(),
        require_client_auth: tls.require_client_auth,
        protocols: tls
            .protocols
            .iter()
            .map(|protocol| name(*protocol).to_owned())
            .collect(),
        ciphers: Vec::new(),
        alpn: alpn.iter().map(|protocol| (*protocol).to_owned()).collect(),
    }
}

fn name(protocol: TlsProtocol) -> &'static str {
    match protocol {
        TlsProtocol::V1_2 => "TLSv1.2",
        TlsProtocol::V1_3 => "TLSv1.3",
    }
}
