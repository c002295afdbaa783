//! Forms of keys, and complaints.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::crypto::aws_lc_rs;

use super::*;
use crate::tls::{ServerTls, ServerTlsFiles, pki::Pki};

#[test]
fn keys_of_every_form_are_read() {
    let pki = Pki::new();
    for (form, begin, pem) in [
        ("PKCS#8", "BEGIN PRIVATE KEY", pkcs8_rsa()),
        (
            "PKCS#1",
            "BEGIN RSA PRIVATE KEY",
            relabelled("RSA PRIVATE KEY", inner_of_pkcs8(&pkcs8_rsa())),
        ),
    ] {
        assert!(pem.contains(begin), "{pem}");
        fs::write(pki.path("form.key"), &pem).expect("written");
        let key = private_key(&pki.path("form.key")).expect(form);
        aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(key)
            .expect(form);
    }
    let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .expect("a key")
        .serialize_pem();
    let sec1 = relabelled("EC PRIVATE KEY", inner_of_pkcs8(&elliptic));
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    fs::write(pki.path("form.key"), format!("{parameters}{sec1}")).expect("written");
    let key = private_key(&pki.path("form.key")).expect("SEC1");
    assert!(matches!(key, PrivateKeyDer::Sec1(_)));
}

fn pkcs8_rsa() -> String {
    KeyPair::generate_for(&PKCS_RSA_SHA256)
        .expect("a key")
        .serialize_pem()
}

/// The key inside PKCS#8's wrapping: the octet string after version and algorithm.
fn inner_of_pkcs8(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    let whole =
        rustls::pki_types::PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("PKCS#8");
    let der = whole.secret_pkcs8_der();
    // The inner key is a sequence with a long length, and the last thing before optional attributes, which rcgen's RSA and P-256 keys lack.
    let start = (1..der.len())
        .find(|start| is_octets_to_the_end(&der[*start..]))
        .expect("an octet string");
    der[start + header_length(&der[start..])..].to_vec()
}

fn is_octets_to_the_end(der: &[u8]) -> bool {
    const OCTETS: u8 = 0x04;
    let header = header_length(der);
    der[0] == OCTETS && der.len() > header && {
        let digits = if header == 2 {
            &der[1..2]
        } else {
            &der[2..header]
        };
        digits
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit))
            == der.len() - header
    }
}

fn header_length(der: &[u8]) -> usize {
    match der.get(1) {
        Some(0x81) => 3,
        Some(0x82) => 4,
        _ => 2,
    }
}

fn relabelled(label: &str, der: Vec<u8>) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn what_is_wrong_is_said_with_the_file() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    pki.issue("other", &["other.example"]);
    let write = |file: &str, text: &str| {
        fs::write(pki.path(file), text).expect("written");
        pki.path(file)
    };
    let web = pki.server("web");
    let check = |files: ServerTlsFiles, expected: &str| {
        let error = ServerTls::load(&files).expect_err(expected);
        assert_eq!(
            error
                .to_string()
                .replace(&format!("{}/", pki.folder.path().display()), ""),
            expected
        );
    };
    check(
        ServerTlsFiles {
            cert: pki.path("none.pem"),
            ..web.clone()
        },
        "cannot read none.pem",
    );
    check(
        ServerTlsFiles {
            key: pki.path("other.key"),
            ..web.clone()
        },
        "the key in other.key does not belong to the certificate in web.pem",
    );
    check(
        ServerTlsFiles {
            cert: web.key.clone(),
            ..web.clone()
        },
        "web.key holds no certificate (no \"BEGIN CERTIFICATE\")",
    );
    check(
        ServerTlsFiles {
            key: web.cert.clone(),
            ..web.clone()
        },
        "web.pem holds no usable private key (found \"CERTIFICATE\"); it must be unencrypted PKCS#8, PKCS#1 or SEC1",
    );
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    check(
        ServerTlsFiles {
            key: write("locked.key", locked),
            ..web.clone()
        },
        "locked.key holds no usable private key (found \"ENCRYPTED PRIVATE KEY\"); it must be unencrypted PKCS#8, PKCS#1 or SEC1",
    );
    check(
        ServerTlsFiles {
            key: write("empty.key", ""),
            ..web.clone()
        },
        "empty.key holds no usable private key (found no PEM section); it must be unencrypted PKCS#8, PKCS#1 or SEC1",
    );
    check(
        ServerTlsFiles {
            cert: write("half.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
            ..web.clone()
        },
        "half.pem is not valid PEM: a section has no \"-----END CERTIFICATE-----\" line",
    );
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check(
        ServerTlsFiles {
            cert: write("bad.pem", nonsense),
            ..web.clone()
        },
        "cannot use bad.pem",
    );
    check(
        ServerTlsFiles {
            ca: Some(pki.path("bad.pem")),
            ..web.clone()
        },
        "certificate 1 in bad.pem cannot be trusted",
    );
    check(
        ServerTlsFiles {
            require_client_auth: true,
            ..web.clone()
        },
        "client certificates are required, but there is no CA certificate to verify them with",
    );
    check(
        ServerTlsFiles {
            protocols: vec!["TLSv1.1".to_owned()],
            ..web.clone()
        },
        "unknown TLS protocol \"TLSv1.1\"; supported are TLSv1.2 and TLSv1.3",
    );
    let cipher = ServerTlsFiles {
        ciphers: vec!["RC4-MD5".to_owned()],
        ..web
    };
    let error = ServerTls::load(&cipher)
        .expect_err("an unsafe cipher")
        .to_string();
    let expected = "unknown or unsafe cipher suite \"RC4-MD5\"; supported are TLS_";
    assert!(error.starts_with(expected), "{error}");
}
