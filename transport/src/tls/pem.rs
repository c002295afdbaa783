//! PEM files, read whole, with complaints that name the file.

use std::{fs, path::Path};

use rustls::{
    RootCertStore,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};

use super::TlsError;

/// All certificates of a file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| bad_pem(path, &error))?;
    match certificates.is_empty() {
        true => Err(TlsError::NoCertificate {
            path: path.to_owned(),
        }),
        false => Ok(certificates),
    }
}

/// The first private key of a file.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey {
            path: path.to_owned(),
            found: sections(&text),
        }),
        Err(error) => Err(bad_pem(path, &error)),
    }
}

/// A certificate with its intermediates and its key, which belong together.
pub(super) fn certified_key(
    cert: &Path,
    intermediates: Option<&Path>,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let mut chain = certificates(cert)?;
    if let Some(intermediates) = intermediates {
        chain.extend(certificates(intermediates)?);
    }
    let material = |path: &Path| {
        let path = path.to_owned();
        |source| TlsError::Material { path, source }
    };
    let signing = provider
        .key_provider
        .load_private_key(private_key(key)?)
        .map_err(material(key))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        // A key that cannot tell its public half (`Unknown`) is left to the handshake.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::Mismatch {
            cert: cert.to_owned(),
            key: key.to_owned(),
        }),
        Err(source) => Err(material(cert)(source)),
    }
}

/// Adds the certificates of a file to those that are trusted, and returns them.
pub(super) fn trust(
    path: &Path,
    roots: &mut RootCertStore,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = certificates(path)?;
    for (index, certificate) in certificates.iter().enumerate() {
        let untrustable = |source| TlsError::Untrustable {
            path: path.to_owned(),
            number: index + 1,
            source,
        };
        roots.add(certificate.clone()).map_err(untrustable)?;
    }
    Ok(certificates)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn bad_pem(path: &Path, error: &pem::Error) -> TlsError {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let reason = match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!(
                "a section has no \"-----END {}-----\" line",
                shown(end_marker)
            )
        }
        pem::Error::IllegalSectionStart { line } => format!("bad section start {:?}", shown(line)),
        other => other.to_string(),
    };
    TlsError::Pem {
        path: path.to_owned(),
        reason,
    }
}

/// The kinds of sections a text has, for the complaint about a missing key. Contents are never shown.
fn sections(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let starts = text
        .lines()
        .filter_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    let kinds: Vec<String> = starts.map(|kind| format!("found \"{kind}\"")).collect();
    match kinds.is_empty() {
        true => "found no PEM section".to_owned(),
        false => kinds.join(", "),
    }
}

#[cfg(test)]
mod tests;
