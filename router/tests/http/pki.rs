//! An authority, what it signs, and both ends of TLS as a test has them: blocking and plain.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use tempfile::TempDir;

use crate::world::Client;

/// The client's end of a connection.
pub(crate) type ClientStream = StreamOwned<ClientConnection, TcpStream>;

/// The server's end.
pub(crate) type ServerStream = StreamOwned<ServerConnection, TcpStream>;

/// A folder with `ca.pem`, and whatever the authority has signed.
pub(crate) struct Pki {
    folder: TempDir,
    authority: Issuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self::of("the authority")
    }

    /// With an authority of this name.
    pub(crate) fn of(authority: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, authority);
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

    /// A path as YAML.
    pub(crate) fn shown(&self, file: &str) -> String {
        self.path(file).display().to_string()
    }

    /// Writes `<file>.pem` and `<file>.key` for this name.
    pub(crate) fn issue(&self, file: &str, name: &str) -> CertificateDer<'static> {
        self.issue_with(file, name, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        file: &str,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, file);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.authority);
        let certificate = certificate.expect("a certificate");
        // The key first: whoever looks in between finds that they do not fit, and looks again.
        fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).expect("written");
        fs::write(self.path(&format!("{file}.pem")), certificate.pem()).expect("written");
        certificate.der().clone()
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(self.path("ca.pem")).expect("PEM");
        roots.add(authority).expect("a certificate");
        Arc::new(roots)
    }

    fn identity(&self, file: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_file(self.path(&format!("{file}.pem")));
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{file}.key")));
        (vec![certificate.expect("PEM")], key.expect("PEM"))
    }

    /// What an endpoint has that shows `<file>.pem`, and wants to see the client's certificate or not.
    pub(crate) fn server(&self, file: &str, wants_client: bool) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder();
        let builder = match wants_client {
            true => {
                let verifier = WebPkiClientVerifier::builder(self.roots()).build();
                builder.with_client_cert_verifier(verifier.expect("there is a root"))
            }
            false => builder.with_no_client_auth(),
        };
        let (chain, key) = self.identity(file);
        Arc::new(builder.with_single_cert(chain, key).expect("they fit"))
    }

    /// What a client has that trusts the authority, and shows `<file>.pem` if there is a file.
    pub(crate) fn client(&self, file: Option<&str>, is_old: bool) -> Arc<ClientConfig> {
        let versions = match is_old {
            true => [&TLS12],
            false => [&TLS13],
        };
        let builder = ClientConfig::builder_with_protocol_versions(&versions)
            .with_root_certificates(self.roots());
        Arc::new(match file {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let (chain, key) = self.identity(file);
                builder.with_client_auth_cert(chain, key).expect("they fit")
            }
        })
    }
}

/// A connection to a server that must have this name. The handshake happens with the first bytes.
pub(crate) fn connect(
    address: SocketAddr,
    name: &'static str,
    config: &Arc<ClientConfig>,
) -> Client<ClientStream> {
    let name = ServerName::try_from(name).expect("a name");
    let connection = ClientConnection::new(Arc::clone(config), name).expect("a good client");
    Client::around(address, |stream| StreamOwned::new(connection, stream))
}

/// The other end of a connection that somebody has opened.
pub(crate) fn accept(stream: TcpStream, config: &Arc<ServerConfig>) -> ServerStream {
    let connection = ServerConnection::new(Arc::clone(config)).expect("a good server");
    StreamOwned::new(connection, stream)
}
