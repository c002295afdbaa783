//! The TLS of an interface.

use config::{InterfaceConfig, InterfaceKind};
use namer::build::server_tls;
use transport::ServerTls;

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
    let loaded = server_tls(tls, alpn);
    loaded.map(Some).map_err(|source| BuildError::Tls {
        kind: kind(config),
        source,
    })
}
