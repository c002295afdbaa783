//! Handshakes over in-memory pipes.

use std::{fs, path::Path, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{pki::Pki, *};

/// What a pair that shook hands knows of each other.
#[derive(Debug)]
struct Met {
    server_certificate: CertificateDer<'static>,
    client_subject: Option<Arc<str>>,
    version: Option<rustls::ProtocolVersion>,
    alpn: Option<Vec<u8>>,
    sni: Option<String>,
}

/// Shakes hands and passes a byte each way, or says who refused whom: with TLS 1.3 a client learns from its first read that it was refused.
async fn meet(server: &ServerTls, client: &ClientTls) -> Result<Met, String> {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let serving = async {
        let mut stream = server
            .accept(far)
            .await
            .map_err(|error| format!("server: {error}"))?;
        let byte = stream
            .read_u8()
            .await
            .map_err(|error| format!("server: {error}"))?;
        stream
            .write_u8(byte)
            .await
            .map_err(|error| format!("server: {error}"))?;
        stream
            .flush()
            .await
            .map_err(|error| format!("server: {error}"))?;
        let connection = stream.get_ref().1;
        let sni = connection.server_name().map(str::to_owned);
        Ok((client_cert_subject(connection), sni))
    };
    let calling = async {
        let mut stream = client
            .connect(near, "10.1.2.3")
            .await
            .map_err(|error| format!("client: {error}"))?;
        stream
            .write_u8(7)
            .await
            .map_err(|error| format!("client: {error}"))?;
        stream
            .flush()
            .await
            .map_err(|error| format!("client: {error}"))?;
        stream
            .read_u8()
            .await
            .map_err(|error| format!("client: {error}"))?;
        let connection = stream.get_ref().1;
        let certificate = connection.peer_certificates().expect("a server has one")[0]
            .clone()
            .into_owned();
        Ok((
            certificate,
            connection.protocol_version(),
            connection.alpn_protocol().map(<[u8]>::to_vec),
        ))
    };
    // Each side's own reason says more than the alert that the other one saw.
    match tokio::join!(Box::pin(serving), Box::pin(calling)) {
        (Ok((client_subject, sni)), Ok((server_certificate, version, alpn))) => Ok(Met {
            server_certificate,
            client_subject,
            version,
            alpn,
            sni,
        }),
        (Err(why), Ok(_)) | (Ok(_), Err(why)) => Err(why),
        (Err(server), Err(client)) if server.contains("alert") => Err(client),
        (Err(server), Err(_)) => Err(server),
    }
}

fn load(server: &ServerTlsFiles, client: &ClientTlsFiles) -> (ServerTls, ClientTls) {
    (
        ServerTls::load(server).expect("good server files"),
        ClientTls::load(client).expect("good client files"),
    )
}

async fn refused(server: &ServerTlsFiles, client: &ClientTlsFiles) -> String {
    let (server, client) = load(server, client);
    meet(&server, &client)
        .await
        .expect_err("the handshake must fail")
}

async fn met(server: &ServerTlsFiles, client: &ClientTlsFiles) -> Met {
    let (server, client) = load(server, client);
    meet(&server, &client)
        .await
        .expect("both accept each other")
}

fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in {text:?}");
}

#[tokio::test]
async fn a_server_is_who_its_certificate_says() {
    let pki = Pki::new();
    let issued = pki.issue("web", &["web.example", "*.wild.example"]);
    let right = met(&pki.server("web"), &pki.client("web.example")).await;
    assert_eq!(right.server_certificate, issued);
    assert_eq!(right.sni.as_deref(), Some("web.example"));
    assert_eq!(right.client_subject, None);
    met(&pki.server("web"), &pki.client("any.wild.example")).await;

    let wrong_name = refused(&pki.server("web"), &pki.client("other.example")).await;
    assert_has(
        &wrong_name,
        "client: invalid peer certificate: certificate not valid for name \"other.example\"",
    );
    let foreign = Pki::new();
    let stranger = ClientTlsFiles {
        trust: vec![foreign.path("ca.pem")],
        ..pki.client("web.example")
    };
    assert_has(
        &refused(&pki.server("web"), &stranger).await,
        "client: invalid peer certificate",
    );
}

#[tokio::test]
async fn one_client_serves_several_names() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    let (server, client) = load(&pki.server("web"), &pki.client("other.example"));
    meet(&server, &client).await.expect_err("the wrong name");
    meet(&server, &client.named("web.example").expect("a name"))
        .await
        .expect("the right name");
    let error = client.named("not a name").expect_err("spaces");
    assert_eq!(
        error.to_string(),
        "common name \"not a name\" is neither a DNS name nor an IP address"
    );
}

#[tokio::test]
async fn the_host_is_the_name_where_none_is_set_and_an_address_is_no_sni() {
    let pki = Pki::new();
    pki.issue("web", &["10.1.2.3"]);
    let unnamed = ClientTlsFiles {
        common_name: None,
        ..pki.client("")
    };
    assert_eq!(met(&pki.server("web"), &unnamed).await.sni, None);
    pki.issue("elsewhere", &["10.9.9.9"]);
    assert_has(
        &refused(&pki.server("elsewhere"), &unnamed).await,
        "not valid for name \"10.1.2.3\"",
    );
}

#[tokio::test]
async fn without_validation_anybody_will_do() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    let blind = ClientTlsFiles {
        common_name: Some("sent.example".to_owned()),
        disable_validation: true,
        ..ClientTlsFiles::default()
    };
    assert_eq!(
        met(&pki.server("web"), &blind).await.sni.as_deref(),
        Some("sent.example")
    );
    for version in ["TLSv1.2", "TLSv1.3"] {
        let blind = ClientTlsFiles {
            protocols: vec![version.to_owned()],
            ..blind.clone()
        };
        met(&pki.server("web"), &blind).await;
    }
}

#[tokio::test]
async fn a_certificate_without_alternative_names_is_matched_by_its_common_name() {
    let pki = Pki::new();
    pki.issue_as("web", &[], |params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "old.example")
    });
    met(&pki.server("web"), &pki.client("old.example")).await;
    assert_has(
        &refused(&pki.server("web"), &pki.client("new.example")).await,
        "not valid for name",
    );

    pki.issue_as("wild", &[], |params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "*.old.example")
    });
    met(&pki.server("wild"), &pki.client("a.old.example")).await;
    refused(&pki.server("wild"), &pki.client("a.b.old.example")).await;

    pki.issue_as("both", &["new.example"], |params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "old.example");
    });
    refused(&pki.server("both"), &pki.client("old.example")).await;
}

#[tokio::test]
async fn a_trusted_certificate_may_be_the_servers_own() {
    let pki = Pki::new();
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["self.example".to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(pki.path("self.pem"), certificate.pem()).expect("written");
    fs::write(pki.path("self.key"), key.serialize_pem()).expect("written");
    let trusting = |name| ClientTlsFiles {
        trust: vec![pki.path("self.pem")],
        ..pki.client(name)
    };
    met(&pki.server("self"), &trusting("self.example")).await;
    assert_has(
        &refused(&pki.server("self"), &trusting("other.example")).await,
        "not valid for name",
    );
    // Only that very certificate: another one of the same name is a stranger.
    pki.issue("imposter", &["self.example"]);
    refused(&pki.server("imposter"), &trusting("self.example")).await;

    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    fs::write(
        pki.path("self.pem"),
        params.self_signed(&key).expect("a certificate").pem(),
    )
    .expect("written");
    assert_has(
        &refused(&pki.server("self"), &trusting("self.example")).await,
        "expired",
    );
}

#[tokio::test]
async fn clients_are_verified_when_a_ca_is_given() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    pki.issue("caller", &["caller.example"]);
    let foreign = Pki::new();
    foreign.issue("caller", &["caller.example"]);
    let anonymous = pki.client("web.example");
    let known = ClientTlsFiles {
        client_auth: pki.client_auth("caller"),
        ..anonymous.clone()
    };
    let stranger = ClientTlsFiles {
        client_auth: foreign.client_auth("caller"),
        ..anonymous.clone()
    };

    let optional = ServerTlsFiles {
        ca: Some(pki.path("ca.pem")),
        ..pki.server("web")
    };
    let required = ServerTlsFiles {
        require_client_auth: true,
        ..optional.clone()
    };
    for server in [&optional, &required] {
        let met = met(server, &known).await;
        assert_eq!(
            met.client_subject.as_deref(),
            Some("CN=caller,O=Example\\, Inc")
        );
        assert_has(
            &refused(server, &stranger).await,
            "server: invalid peer certificate",
        );
    }
    met(&optional, &anonymous).await;
    assert_has(
        &refused(&required, &anonymous).await,
        "server: peer sent no certificates",
    );
}

#[tokio::test]
async fn protocols_ciphers_and_alpn_are_as_asked() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    let list = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let server = ServerTlsFiles {
        alpn: list(&["h2", "http/1.1"]),
        ..pki.server("web")
    };
    let client = ClientTlsFiles {
        alpn: list(&["http/1.1", "h2"]),
        ..pki.client("web.example")
    };
    let newest = met(&server, &client).await;
    assert_eq!(newest.version, Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(newest.alpn.as_deref(), Some(&b"h2"[..]));

    let old = ServerTlsFiles {
        protocols: list(&["TLSv1.2"]),
        ..server.clone()
    };
    assert_eq!(
        met(&old, &client).await.version,
        Some(rustls::ProtocolVersion::TLSv1_2)
    );
    let new = ClientTlsFiles {
        protocols: list(&["TLSv1.3"]),
        ..client.clone()
    };
    refused(&old, &new).await;

    for name in [
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ] {
        let one = ServerTlsFiles {
            ciphers: list(&[name]),
            protocols: list(&["TLSv1.2"]),
            ..server.clone()
        };
        met(&one, &client).await;
        let other = list(&["ECDHE-ECDSA-CHACHA20-POLY1305"]);
        refused(
            &one,
            &ClientTlsFiles {
                ciphers: other,
                protocols: list(&["TLSv1.2"]),
                ..client.clone()
            },
        )
        .await;
    }
}

/// Gives the files another time of change than they had, as a later write would.
fn touch(path: &Path) {
    let file = fs::File::options()
        .append(true)
        .open(path)
        .expect("the file is there");
    let changed = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .expect("a time");
    file.set_modified(changed + Duration::from_secs(5))
        .expect("set");
}

#[tokio::test(start_paused = true)]
async fn changed_files_are_used_by_new_handshakes() {
    let pki = Pki::new();
    let first = pki.issue("web", &["web.example"]);
    let (server, client) = load(&pki.server("web"), &pki.client("web.example"));
    let shown = async || {
        meet(&server, &client)
            .await
            .expect("a good certificate")
            .server_certificate
    };
    assert_eq!(shown().await, first);

    let second = pki.issue("web", &["web.example"]);
    touch(&pki.path("web.pem"));
    assert_eq!(
        shown().await,
        first,
        "the files are looked at once a second, not more"
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(shown().await, second);

    // A certificate whose key hasn't arrived yet is not taken; when the key is there, both are.
    let key = fs::read(pki.path("web.key")).expect("there");
    let third = pki.issue("web", &["web.example"]);
    let new_key = fs::read(pki.path("web.key")).expect("there");
    fs::write(pki.path("web.key"), key).expect("written");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(shown().await, second);
    fs::write(pki.path("web.key"), new_key).expect("written");
    touch(&pki.path("web.key"));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(shown().await, third);

    fs::remove_file(pki.path("web.pem")).expect("removed");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(shown().await, third);
}

#[tokio::test(start_paused = true)]
async fn a_client_follows_its_files_too() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    let (server, client) = load(&pki.server("web"), &pki.client("web.example"));
    meet(&server, &client).await.expect("trusted");
    let other = Pki::new();
    fs::copy(other.path("ca.pem"), pki.path("ca.pem")).expect("copied");
    touch(&pki.path("ca.pem"));
    tokio::time::advance(Duration::from_secs(1)).await;
    meet(&server, &client)
        .await
        .expect_err("the authority was replaced");
}

#[tokio::test(start_paused = true)]
async fn the_time_that_is_left_follows_the_files() {
    let pki = Pki::new();
    let ends = |year| {
        move |params: &mut CertificateParams| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        }
    };
    pki.issue_as("web", &["web.example"], ends(2021));
    let server = ServerTls::load(&pki.server("web")).expect("good server files");
    let client = ClientTlsFiles {
        client_auth: pki.client_auth("web"),
        ..pki.client("web.example")
    };
    let client = ClientTls::load(&client).expect("good client files");
    for left in [server.seconds_left(), client.seconds_left()] {
        assert!(left.is_some_and(|left| left < 0.0), "{left:?}");
    }
    pki.issue_as("web", &["web.example"], ends(2100));
    touch(&pki.path("web.pem"));
    tokio::time::advance(Duration::from_secs(2)).await;
    for left in [server.seconds_left(), client.seconds_left()] {
        assert!(left.is_some_and(|left| left > 1e9), "{left:?}");
    }
    let unseen = ClientTls::load(&pki.client("web.example")).expect("good client files");
    assert_eq!(unseen.seconds_left(), None);
}

#[test]
fn subjects_are_read_and_nonsense_is_not() {
    let pki = Pki::new();
    let der = pki.issue_as("web", &["web.example"], |params| {
        params.distinguished_name.push(DnType::CountryName, "DE");
        params
            .distinguished_name
            .push(DnType::from_oid(&[1, 2, 840, 113_549, 1, 9, 1]), " a+b<c>");
    });
    let shown = "1.2.840.113549.1.9.1=\\ a\\+b\\<c\\>,C=DE,CN=web,O=Example\\, Inc";
    assert_eq!(subject::shown(&der).as_deref(), Some(shown));
    assert_eq!(subject::common_name(&der).as_deref(), Some("web"));
    for length in 0..der.len() {
        assert_eq!(subject::shown(&der[..length]), None, "cut at {length}");
    }
}
