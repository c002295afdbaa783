//! The two `tls:` objects: of what listens, and of what connects.

use std::path::PathBuf;

use serde::Serialize;

use crate::field::Field;
use crate::object::Object;

/// TLS of a listening socket. All files are PEM and exist when the configuration was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTlsConfig {
    /// The server's certificate, perhaps followed by its chain.
    pub cert_path: PathBuf,
    /// Its private key.
    pub key_path: PathBuf,
    /// Further certificates of the chain.
    pub intermediate_certs_path: Option<PathBuf>,
    /// Authorities whose client certificates are accepted; without it no client certificate is asked for.
    pub ca_cert_path: Option<PathBuf>,
    /// Whether a client without a certificate is turned away; needs `ca_cert_path`.
    pub require_client_auth: bool,
    /// Versions to speak; empty means all that are supported.
    pub protocols: Vec<TlsProtocol>,
}

/// TLS of an outgoing connection. All files are PEM and exist when the configuration was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTlsConfig {
    /// Whether the server's certificate is believed unseen.
    pub disable_validation: bool,
    /// The name sent as SNI and verified; always present unless `disable_validation`.
    pub common_name: Option<String>,
    /// Authorities to trust (`trustCerts` or `trustCertsBundle`); empty means the system's.
    pub trust_certs: Vec<PathBuf>,
    /// The certificate shown to the server.
    pub client_auth: Option<ClientAuth>,
    /// Versions to speak; empty means all that are supported.
    pub protocols: Vec<TlsProtocol>,
}

/// The certificate with which a client shows who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientAuth {
    /// The client's certificate.
    pub cert_path: PathBuf,
    /// Its private key.
    pub key_path: PathBuf,
    /// Further certificates of the chain.
    pub intermediate_certs_path: Option<PathBuf>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TlsProtocol {
    /// TLS 1.2
    #[serde(rename = "TLSv1.2")]
    V1_2,
    /// TLS 1.3
    #[serde(rename = "TLSv1.3")]
    V1_3,
}

impl ServerTlsConfig {
    /// Reads the `tls:` object of what listens; `enabled: false` is no TLS.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        if object.get("enabled", Field::boolean) == Some(false) {
            object.skip(&["certPath", "keyPath", "intermediateCertsPath", "caCertPath"]);
            object.skip(&["requireClientAuth", "protocols", "ciphers"]);
            object.finish();
            return None;
        }
        let cert_path = object.require("certPath", Field::file);
        let key_path = object.require("keyPath", Field::file);
        let intermediate_certs_path = object.get("intermediateCertsPath", Field::file);
        let ca_cert_path = object.get("caCertPath", Field::file);
        let require_client_auth = object.get("requireClientAuth", Field::boolean) == Some(true);
        let protocols = object.each("protocols", TlsProtocol::read);
        let message = "`ciphers` is not supported: the cipher suites are a fixed, safe set";
        object.refuse("ciphers", message, "leave it out");
        if require_client_auth && !object.has("caCertPath") {
            let at = object.place_of("requireClientAuth");
            let help = "without it, any certificate of any public authority would do";
            field
                .complaints
                .error(at, "`requireClientAuth` needs `caCertPath`", help);
        }
        object.finish();
        Some(Self {
            cert_path: cert_path?,
            key_path: key_path?,
            intermediate_certs_path,
            ca_cert_path,
            require_client_auth,
            protocols,
        })
    }
}

impl ClientTlsConfig {
    /// Reads the `tls:` object of what connects; `enabled: false` is no TLS.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        if object.get("enabled", Field::boolean) == Some(false) {
            object.skip(&[
                "disableValidation",
                "commonName",
                "trustCerts",
                "trustCertsBundle",
            ]);
            object.skip(&["clientAuth", "protocols"]);
            object.finish();
            return None;
        }
        let tls = Self {
            disable_validation: object
                .get("disableValidation", Field::boolean)
                .unwrap_or_default(),
            common_name: object.get("commonName", Field::word),
            trust_certs: trust_certs(&mut object),
            client_auth: object.get("clientAuth", ClientAuth::read),
            protocols: object.each("protocols", TlsProtocol::read),
        };
        if !tls.disable_validation && !object.has("commonName") {
            let help = "write the name that the server's certificate must have";
            field.complaints.error(
                field.key_at,
                "`tls` verifies the server, but `commonName` is not set",
                help,
            );
        }
        if tls.disable_validation && object.has("clientAuth") {
            let message = "`disableValidation: true` is incompatible with `clientAuth`";
            let help = "a client that shows who it is must know to whom";
            field
                .complaints
                .error(object.place_of("disableValidation"), message, help);
        }
        object.finish();
        Some(tls)
    }
}

fn trust_certs(object: &mut Object<'_>) -> Vec<PathBuf> {
    let list = object.field("trustCerts");
    let bundle = object.field("trustCertsBundle");
    if let (Some(list), Some(_)) = (list, bundle) {
        let help = "keep `trustCertsBundle`, and put all certificates into that file";
        list.complaints.error(
            list.key_at,
            "`trustCerts` and `trustCertsBundle` exclude each other",
            help,
        );
    }
    let listed = list.and_then(Field::items).unwrap_or_default();
    listed
        .into_iter()
        .chain(bundle)
        .filter_map(Field::file)
        .collect()
}

impl ClientAuth {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let cert_path = object.require("certPath", Field::file);
        let key_path = object.require("keyPath", Field::file);
        let intermediate_certs_path = object.get("intermediateCertsPath", Field::file);
        object.finish();
        Some(Self {
            cert_path: cert_path?,
            key_path: key_path?,
            intermediate_certs_path,
        })
    }
}

impl TlsProtocol {
    fn read(field: Field<'_>) -> Option<Self> {
        match field.text()?.as_str() {
            "TLSv1.2" => Some(Self::V1_2),
            "TLSv1.3" => Some(Self::V1_3),
            "SSLv2Hello" | "SSLv3" | "TLSv1" | "TLSv1.1" => field.wrong(
                "names a version that is not supported: it is broken (RFC 8996)",
                "use TLSv1.2 or TLSv1.3",
            ),
            other => field.wrong(
                &format!("names an unknown version, `{other}`"),
                "use TLSv1.2 or TLSv1.3",
            ),
        }
    }
}
