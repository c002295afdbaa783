//! TLS, from what a configuration says to files that are followed.

use config::{ClientTlsConfig, ServerTlsConfig, TlsProtocol};
use transport::{ClientAuthFiles, ClientTls, ClientTlsFiles, ServerTls, ServerTlsFiles, TlsError};

/// Reads and checks the files of what listens with TLS. `alpn` is what is spoken there, the best first.
///
/// # Errors
/// [`TlsError`]
pub fn server_tls(
    config: Option<&ServerTlsConfig>,
    alpn: &[&str],
) -> Result<Option<ServerTls>, TlsError> {
    let Some(config) = config else {
        return Ok(None);
    };
    let files = ServerTlsFiles {
        cert: config.cert_path.clone(),
        key: config.key_path.clone(),
        intermediates: config.intermediate_certs_path.clone(),
        ca: config.ca_cert_path.clone(),
        require_client_auth: config.require_client_auth,
        protocols: versions(&config.protocols),
        ciphers: Vec::new(),
        alpn: owned(alpn),
    };
    ServerTls::load(&files).map(Some)
}

/// Reads and checks the files of what connects with TLS. `alpn` is what is spoken there, the best first.
///
/// # Errors
/// [`TlsError`]
pub fn client_tls(
    config: Option<&ClientTlsConfig>,
    alpn: &[&str],
) -> Result<Option<ClientTls>, TlsError> {
    let Some(config) = config else {
        return Ok(None);
    };
    let client_auth = config.client_auth.as_ref().map(|auth| ClientAuthFiles {
        cert: auth.cert_path.clone(),
        key: auth.key_path.clone(),
        intermediates: auth.intermediate_certs_path.clone(),
    });
    let files = ClientTlsFiles {
        common_name: config.common_name.clone(),
        disable_validation: config.disable_validation,
        trust: config.trust_certs.clone(),
        client_auth,
        protocols: versions(&config.protocols),
        ciphers: Vec::new(),
        alpn: owned(alpn),
    };
    ClientTls::load(&files).map(Some)
}

fn versions(protocols: &[TlsProtocol]) -> Vec<String> {
    let name = |protocol: &TlsProtocol| match protocol {
        TlsProtocol::V1_2 => "TLSv1.2".to_owned(),
        TlsProtocol::V1_3 => "TLSv1.3".to_owned(),
    };
    protocols.iter().map(name).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
