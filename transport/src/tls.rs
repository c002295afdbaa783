//! TLS from PEM files: what is asked for ([`ServerTlsFiles`], [`ClientTlsFiles`]), and configurations that follow the files.
//!
//! Certificates and keys are looked at again on new handshakes, at most once a second; what cannot be used is logged, and the last good
//! material stays. Open connections keep what they were opened with.

mod certificate;
mod client;
mod der;
mod pem;
#[cfg(test)]
pub(crate) mod pki;
mod reason;
mod reload;
mod server;
mod subject;
mod verify;

use std::{io, path::PathBuf, sync::Arc};

pub use client::{ClientAuthFiles, ClientTls, ClientTlsFiles};
pub use reason::{is_certificate_refusal, tls_reason};
use rustls::{
    ALL_VERSIONS, CipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    version::{TLS12, TLS13},
};
pub use server::{ServerTls, ServerTlsFiles, client_cert_subject, forwarded_client_cert};
pub use tokio_rustls::TlsStream;

/// Why TLS settings cannot be used. Each names the file or the value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file has no valid PEM text.
    #[error("{} is not valid PEM: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A file that should hold certificates holds none.
    #[error("{} holds no certificate (no \"BEGIN CERTIFICATE\")", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file that should hold a private key holds none that can be used.
    #[error("{} holds no usable private key ({found}); it must be unencrypted PKCS#8, PKCS#1 or SEC1", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        found: String,
    },
    /// A key, or a certificate with its key, that the TLS library refuses.
    #[error("cannot use {}", path.display())]
    Material {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A key that isn't the certificate's.
    #[error("the key in {} does not belong to the certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A certificate in a trust file that cannot be used.
    #[error("certificate {number} in {} cannot be trusted", path.display())]
    Untrustable {
        /// The file.
        path: PathBuf,
        /// Its place in the file, from 1.
        number: usize,
        /// Why.
        source: rustls::Error,
    },
    /// Client certificates are required, and nothing says which to trust.
    #[error("client certificates are required, but there is no CA certificate to verify them with")]
    NoClientCa,
    /// No root certificates were found on this system.
    #[error("the system has no root certificates{reason}; name a trust file")]
    NoSystemRoots {
        /// What was found instead, with punctuation, or nothing.
        reason: String,
    },
    /// A protocol version that isn't supported.
    #[error("unknown TLS protocol {name:?}; supported are TLSv1.2 and TLSv1.3")]
    Protocol {
        /// What was asked for.
        name: String,
    },
    /// A cipher suite that isn't supported.
    #[error("unknown or unsafe cipher suite {name:?}; supported are {supported}")]
    Cipher {
        /// What was asked for.
        name: String,
        /// All names that would do.
        supported: String,
    },
    /// A common name that is neither a DNS name nor an IP address.
    #[error("common name {name:?} is neither a DNS name nor an IP address")]
    Name {
        /// What was asked for.
        name: String,
    },
    /// A combination that the TLS library refuses, such as TLSv1.3 with ciphers of TLSv1.2 only.
    #[error("the protocols, ciphers and certificates do not fit together")]
    Settings {
        /// Why.
        source: rustls::Error,
    },
}

/// The protocol versions by their names in Java, as the reference has them; none means all.
fn versions(names: &[String]) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    if names.is_empty() {
        return Ok(ALL_VERSIONS.to_vec());
    }
    let version = |name: &String| match name.as_str() {
        "TLSv1.2" => Ok(&TLS12),
        "TLSv1.3" => Ok(&TLS13),
        _ => Err(TlsError::Protocol { name: name.clone() }),
    };
    names.iter().map(version).collect()
}

/// The cryptography, with the named cipher suites only; none means all. IANA's names and OpenSSL's are known.
fn provider(ciphers: &[String]) -> Result<Arc<CryptoProvider>, TlsError> {
    let mut provider = aws_lc_rs::default_provider();
    if !ciphers.is_empty() {
        let all = std::mem::take(&mut provider.cipher_suites);
        for name in ciphers {
            let suite = all
                .iter()
                .find(|suite| plain_cipher(name) == plain_cipher(&iana_name(suite.suite())));
            provider.cipher_suites.push(*suite.ok_or_else(|| {
                TlsError::Cipher {
                    name: name.clone(),
                    supported: all
                        .iter()
                        .map(|suite| iana_name(suite.suite()))
                        .collect::<Vec<_>>()
                        .join(", "),
                }
            })?);
        }
    }
    Ok(Arc::new(provider))
}

fn iana_name(suite: CipherSuite) -> String {
    suite.as_str().unwrap_or_default().replace("TLS13_", "TLS_")
}

/// What IANA's `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` and OpenSSL's `ECDHE-RSA-AES128-GCM-SHA256` have in common.
/// OpenSSL leaves the hash of ChaCha20 suites away.
fn plain_cipher(name: &str) -> String {
    let words = name
        .split(['_', '-'])
        .filter(|word| !matches!(*word, "TLS" | "WITH"));
    let plain = words.collect::<String>().to_ascii_uppercase();
    match plain.strip_suffix("SHA256") {
        Some(start) if start.ends_with("POLY1305") => start.to_owned(),
        _ => plain,
    }
}

#[cfg(test)]
mod tests;
