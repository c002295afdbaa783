//! What is left when etcd hangs, dies, loses time or is cut off: the last state, told as such.

use super::*;

#[tokio::test]
async fn a_namerd_outlives_its_etcd() {
    let mut server = Server::start(&[]);
    server.kill();
    let store = Etcd::open("namerd-1", hasty(&server, "/outage"));
    let health = || store.view().health().value().unwrap();
    until("it says what is wrong", async || {
        health().detail().is_some()
    })
    .await;
    assert_eq!(health().state(), "pending");
    assert!(
        store.view().head(&name("web")).now().is_pending(),
        "not heard is not absent"
    );
    assert!(store.view().namespaces().now().is_pending());
    unavailable(&store).await;

    server.restart();
    until("it is heard", async || health().state() == "ok").await;
    store
        .put(&name("web"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();
    store
        .put(&name("gone"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();

    server.kill();
    until("it is stale", async || health().state() == "stale").await;
    assert_eq!(text(&store, "web").as_deref(), Some("/a => /1;"));
    assert_eq!(store.view().namespaces().value().unwrap().len(), 2);
    unavailable(&store).await;
    let now = tokio::time::Instant::now();
    assert!(
        health().age(now) > Some(Duration::from_millis(100)),
        "{:?}",
        health().age(now)
    );
    let backup = ["data", "backup"];
    server.copy_data(backup[0], backup[1]);

    server.restart();
    until("it heals", async || health().state() == "ok").await;
    assert_eq!(
        store.put(&name("web"), dtab("/a => /2;"), by("ann")).await,
        Ok(2),
        "what was acknowledged is there"
    );
    assert_eq!(store.delete(&name("gone"), None, by("ann")).await, Ok(2));
    store
        .put(&name("new"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();

    server.kill();
    server.copy_data(backup[1], backup[0]);
    server.restart();
    until("the past is back", async || {
        revision(&store, "web") == 1 && health().state() == "ok"
    })
    .await;
    assert_eq!(text(&store, "web").as_deref(), Some("/a => /1;"));
    assert_eq!(text(&store, "gone").as_deref(), Some("/a => /1;"));
    assert_eq!(
        *store.view().head(&name("new")).value().unwrap(),
        Head::default()
    );
    assert_eq!(
        store
            .update(&name("web"), 1, dtab("/a => /3;"), by("ann"))
            .await,
        Ok(2)
    );
}

#[tokio::test]
async fn an_etcd_that_hangs_is_noticed_and_its_return_too() {
    let server = Server::start(&[]);
    let store = Etcd::open("namerd-1", hasty(&server, "/hang"));
    let health = || store.view().health().value().unwrap();
    until("it is heard", async || health().state() == "ok").await;
    store
        .put(&name("web"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();
    server.signal("-STOP");
    until("it is stale", async || health().state() == "stale").await;
    assert_eq!(text(&store, "web").as_deref(), Some("/a => /1;"));
    unavailable(&store).await;
    server.signal("-CONT");
    until("it heals", async || health().state() == "ok").await;
    // The attempts that etcd had not answered may have been done when it went on, but then only once each.
    let revision = store
        .put(&name("web"), dtab("/a => /2;"), by("bob"))
        .await
        .unwrap();
    let history = history(&store, "web").await;
    assert_eq!(
        (history.len() as u64, history[0].revision),
        (revision, revision)
    );
}

#[tokio::test]
async fn what_was_missed_while_cut_off_is_taken_in_after_a_compaction() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.address()).await;
    let cut_off = Etcd::open(
        "namerd-1",
        EtcdSettings {
            endpoints: vec![proxy.address()],
            ..server.settings("/cut")
        },
    );
    let other = store(&server, "/cut").await;
    for namespace in ["kept", "changed", "gone", "by-hand"] {
        other
            .create(&name(namespace), dtab("/a => /1;"), by("ann"))
            .await
            .unwrap();
        until("it is told", async || revision(&cut_off, namespace) == 1).await;
    }
    let (mut kept, mut raw) = (cut_off.view().head(&name("kept")), server.client().await);
    kept.changed().await;

    proxy.cut().await;
    until("it is stale", async || {
        cut_off.view().health().value().unwrap().state() == "stale"
    })
    .await;
    other
        .put(&name("changed"), dtab("/a => /2;"), by("ann"))
        .await
        .unwrap();
    other.delete(&name("gone"), None, by("ann")).await.unwrap();
    other
        .create(&name("new"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();
    raw.delete("/cut/by-hand", None).await.unwrap();
    until("it is recorded", async || revision(&other, "by-hand") == 2).await;
    let now = raw
        .get("/cut/new", None)
        .await
        .unwrap()
        .header()
        .unwrap()
        .revision();
    raw.compact(now, None).await.unwrap();
    assert_eq!(
        text(&cut_off, "gone").as_deref(),
        Some("/a => /1;"),
        "not known is not absent"
    );

    proxy.heal();
    until("it heals", async || {
        cut_off.view().health().value().unwrap().state() == "ok"
    })
    .await;
    for (namespace, at, now) in [
        ("changed", 2, Some("/a => /2;")),
        ("gone", 2, None),
        ("new", 1, Some("/a => /1;")),
        ("by-hand", 2, None),
    ] {
        assert_eq!(
            (
                revision(&cut_off, namespace),
                text(&cut_off, namespace).as_deref()
            ),
            (at, now),
            "{namespace}"
        );
    }
    let quiet = tokio::time::timeout(Duration::from_millis(20), kept.changed()).await;
    assert!(quiet.is_err(), "what did not change is no news");
}

#[tokio::test]
async fn etcd_may_want_certificates_and_a_password() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let dir = tempfile::tempdir().unwrap();
    let path = |file: &str| dir.path().join(file);
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new([]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(path("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    for who in ["etcd.test", "namerd.test"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([who.to_owned()]).unwrap();
        // etcd takes a common name for a user's.
        params.distinguished_name = rcgen::DistinguishedName::new();
        std::fs::write(
            path(&format!("{who}.pem")),
            params.signed_by(&key, &issuer).unwrap().pem(),
        )
        .unwrap();
        std::fs::write(path(&format!("{who}.key")), key.serialize_pem()).unwrap();
    }
    let file = |option: &str, file: &str| format!("--{option}={}", path(file).display());
    let files = [
        file("cert-file", "etcd.test.pem"),
        file("key-file", "etcd.test.key"),
        file("trusted-ca-file", "ca.pem"),
        "--client-cert-auth".to_owned(),
    ];
    let server = Server::start(&files.each_ref().map(String::as_str));
    let tls = EtcdTls {
        trust: vec![path("ca.pem")],
        common_name: Some("etcd.test".to_owned()),
        client_auth: Some((vec![path("namerd.test.pem")], path("namerd.test.key"))),
    };
    let open = |user: Option<(&str, &str)>, tls: &EtcdTls| {
        let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
        Etcd::open(
            "namerd-1",
            EtcdSettings {
                user,
                tls: Some(tls.clone()),
                ..server.settings("/guarded")
            },
        )
    };
    let state = |store: &Etcd| store.view().health().value().unwrap().state();

    let nobody = open(None, &tls);
    until("certificates are enough", async || state(&nobody) == "ok").await;
    let mut raw = nobody.shared.connection().await.client;
    raw.user_add("root", "secret", None).await.unwrap();
    raw.role_add("root").await.unwrap();
    raw.user_grant_role("root", "root").await.unwrap();
    raw.auth_enable().await.unwrap();

    let root = open(Some(("root", "secret")), &tls);
    until("the password is right", async || state(&root) == "ok").await;
    assert_eq!(
        root.put(&name("web"), dtab("/a => /b;"), by("ann")).await,
        Ok(1)
    );

    for (store, complaint) in [
        (open(None, &tls), "permission denied"),
        (open(Some(("root", "wrong")), &tls), "authentication failed"),
        (
            open(
                Some(("root", "secret")),
                &EtcdTls {
                    client_auth: None,
                    ..tls.clone()
                },
            ),
            "etcd",
        ),
        (
            open(
                None,
                &EtcdTls {
                    trust: vec![path("none.pem")],
                    ..tls.clone()
                },
            ),
            "none.pem",
        ),
    ] {
        let detail = || store.view().health().value().unwrap().detail();
        until(complaint, async || {
            detail().is_some_and(|detail| detail.contains(complaint))
        })
        .await;
        assert_eq!(state(&store), "pending");
    }
}

fn hasty(server: &Server, path_prefix: &str) -> EtcdSettings {
    EtcdSettings {
        request_timeout: Duration::from_millis(1500),
        ..server.settings(path_prefix)
    }
}

/// Writes fail in the time that they are given, and say why.
async fn unavailable(store: &Etcd) {
    let started = tokio::time::Instant::now();
    let refused = store
        .put(&name("web"), dtab("/a => /never;"), by("bob"))
        .await;
    let Err(StoreError::Unavailable { reason }) = refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("gave up after 1.5s"), "{reason}");
    assert!(started.elapsed() < Duration::from_millis(2500));
}
