//! Certificates for tests.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tests::World;

/// An authority, with its certificate and those that it issued in files.
pub(crate) struct Authority {
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
    dir: PathBuf,
}

impl Authority {
    pub(crate) fn new(world: &World, name: &'static str) -> Self {
        Self::called(world, name, name)
    }

    /// One whose certificate says another name than its files.
    pub(crate) fn called(world: &World, name: &'static str, common_name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let subject = &mut params.distinguished_name;
        subject.push(DnType::CommonName, common_name);
        let certificate = params.self_signed(&key).expect("a certificate");
        let authority = Self {
            name,
            issuer: Issuer::new(params, key),
            dir: world.dir().to_owned(),
        };
        fs::write(authority.path("ca.pem"), certificate.pem()).expect("it can be written");
        authority
    }

    /// Makes a certificate for this machine's own name and address.
    pub(crate) fn issue(self, owner: &str) -> Self {
        self.issue_with(owner, |_| {});
        self
    }

    /// Makes one that differs from that.
    pub(crate) fn issue_with(&self, owner: &str, change: impl FnOnce(&mut CertificateParams)) {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("valid names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let certificate_path = self.path(&format!("{owner}.pem"));
        fs::write(certificate_path, certificate.pem()).expect("it can be written");
        let key_path = self.path(&format!("{owner}.key"));
        fs::write(key_path, key.serialize_pem()).expect("it can be written");
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.join(format!("{}-{file}", self.name))
    }

    pub(crate) fn text(&self, file: &str) -> String {
        let path = self.path(file);
        path.to_str().expect("a plain path").to_owned()
    }

    /// The `tls:` of a server with the owner's certificate that lets in clients of this authority only.
    pub(crate) fn guarding(&self, owner: &str) -> String {
        format!(
            "{{certPath: {}, keyPath: {}, caCertPath: {}, requireClientAuth: true}}",
            self.text(&format!("{owner}.pem")),
            self.text(&format!("{owner}.key")),
            self.text("ca.pem"),
        )
    }
}
