//! TLS as a configuration writes it, with its files read and checked.

use config::{ClientTlsConfig, ServerTlsConfig, TlsProtocol};
use transport::{ClientAuthFiles, ClientTls, ClientTlsFiles, ServerTls, ServerTlsFiles, TlsError};

/// The TLS of what connects. `alpn` are the application protocols, in order of preference.
///
/// # Errors
/// [`TlsError`]
pub fn client_tls(config: &ClientTlsConfig, alpn: &[&str]) -> Result<ClientTls, TlsError> {
    let client_auth = config.client_auth.as_ref().map(|auth| ClientAuthFiles {
        cert: auth.cert_path.clone(),
        key: auth.key_path.clone(),
        intermediates: auth.intermediate_certs_path.clone(),
    });
    ClientTls::load(&ClientTlsFiles {
        common_name: config.common_name.clone(),
        disable_validation: config.disable_validation,
        trust: config.trust_certs.clone(),
        client_auth,
        protocols: protocols(&config.protocols),
        ciphers: Vec::new(),
        alpn: names(alpn),
    })
}

/// The TLS of what listens. `alpn` are the application protocols, in order of preference.
///
/// # Errors
/// [`TlsError`]
pub fn server_tls(config: &ServerTlsConfig, alpn: &[&str]) -> Result<ServerTls, TlsError> {
    ServerTls::load(&ServerTlsFiles {
        cert: config.cert_path.clone(),
        key: config.key_path.clone(),
        intermediates: config.intermediate_certs_path.clone(),
        ca: config.ca_cert_path.clone(),
        require_client_auth: config.require_client_auth,
        protocols: protocols(&config.protocols),
        ciphers: Vec::new(),
        alpn: names(alpn),
    })
}

fn protocols(protocols: &[TlsProtocol]) -> Vec<String> {
    let name = |protocol: &TlsProtocol| match protocol {
        TlsProtocol::V1_2 => "TLSv1.2".to_owned(),
        TlsProtocol::V1_3 => "TLSv1.3".to_owned(),
    };
    protocols.iter().map(name).collect()
}

fn names(alpn: &[&str]) -> Vec<String> {
    alpn.iter().map(|name| (*name).to_owned()).collect()
}
