//! Certificates for tests, made on the spot.

use std::{fs, path::PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use super::{ClientAuthFiles, ClientTlsFiles, ServerTlsFiles};

/// A folder of PEM files, with one authority.
pub(crate) struct Pki {
    pub(crate) folder: TempDir,
    authority: Issuer<'static, KeyPair>,
}

impl Pki {
    /// Writes `ca.pem`.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("written");
        Self {
            folder,
            authority: Issuer::new(params, key),
        }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Writes `<file>.pem` and `<file>.key`, signed by the authority, with these alternative names.
    pub(crate) fn issue(&self, file: &str, names: &[&str]) -> CertificateDer<'static> {
        self.issue_as(file, names, |_| {})
    }

    pub(crate) fn issue_as(
        &self,
        file: &str,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("DNS names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example, Inc");
        params.distinguished_name.push(DnType::CommonName, file);
        change(&mut params);
        let certificate = params
            .signed_by(&key, &self.authority)
            .expect("a certificate");
        fs::write(self.path(&format!("{file}.pem")), certificate.pem()).expect("written");
        fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).expect("written");
        certificate.der().clone()
    }

    pub(crate) fn server(&self, file: &str) -> ServerTlsFiles {
        ServerTlsFiles {
            cert: self.path(&format!("{file}.pem")),
            key: self.path(&format!("{file}.key")),
            ..ServerTlsFiles::default()
        }
    }

    pub(crate) fn client(&self, common_name: &str) -> ClientTlsFiles {
        ClientTlsFiles {
            common_name: Some(common_name.to_owned()),
            trust: vec![self.path("ca.pem")],
            ..ClientTlsFiles::default()
        }
    }

    pub(crate) fn client_auth(&self, file: &str) -> Option<ClientAuthFiles> {
        let server = self.server(file);
        Some(ClientAuthFiles {
            cert: server.cert,
            key: server.key,
            intermediates: None,
        })
    }
}
