//! TLS on either side, and on both.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{SanType, date_time_ymd};
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tokio::time::Instant;

use crate::pki::{ClientStream, Pki, accept, connect};
use crate::world::{Backend, Client, PATIENCE, Reply, World};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

/// The `tls:` of a server that shows `web.pem`.
fn server_tls(pki: &Pki, more: &str) -> String {
    pki.issue("web", "web.example");
    format!(
        "tls: {{certPath: {}, keyPath: {}{more}}}",
        pki.shown("web.pem"),
        pki.shown("web.key")
    )
}

/// More of it: client certificates are looked at, and wanted or not.
fn looks_at_clients(pki: &Pki, is_required: bool) -> String {
    let ca = pki.shown("ca.pem");
    format!(", caCertPath: {ca}, requireClientAuth: {is_required}")
}

/// The `tls:` of a client that trusts the authority.
fn client_tls(pki: &Pki, name: &str, more: &str) -> String {
    let ca = pki.shown("ca.pem");
    format!("tls: {{commonName: {name}, trustCertsBundle: {ca}{more}}}")
}

/// More of it: the client shows `<file>.pem`.
fn shows(pki: &Pki, file: &str) -> String {
    let (cert, key) = (
        pki.shown(&format!("{file}.pem")),
        pki.shown(&format!("{file}.key")),
    );
    format!(", clientAuth: {{certPath: {cert}, keyPath: {key}}}")
}

/// A router with these options of its one server and of its clients.
fn world(server: &str, client: &str, dtab: &str) -> World {
    World::parse(&format!(
        "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0, {server}}}]\n  client: {{{client}}}\n  dtab: \"{dtab}\"\n"
    ))
}

fn leads_to(backend: &Backend) -> String {
    format!("/svc/web => {}", backend.path())
}

/// The number of a metric of the router's only server.
fn of_server(world: &World, name: &str) -> Value {
    let name = format!("rt/http/server/127.0.0.1/0/{name}");
    crate::admin::metrics(world)[&*name].clone()
}

/// Waits until handshakes have failed so many times.
fn wait_for_failures(world: &World, expected: u64) {
    let began = Instant::now();
    while of_server(world, "tls/failures") != expected {
        assert!(
            began.elapsed() < PATIENCE,
            "{}",
            of_server(world, "tls/failures")
        );
    }
}

#[test]
fn a_server_with_tls_answers_and_says_goodbye() {
    let (pki, web) = (Pki::new(), Backend::named("web"));
    let world = world(&server_tls(&pki, ""), "", &leads_to(&web));
    for is_old in [false, true] {
        let mut client = connect(world.address(), "web.example", &pki.client(None, is_old));
        for _ in 0..3 {
            assert_eq!(client.send(GET).body, "web");
        }
        let last = client.send("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
        assert_eq!(last.body, "web");
        // An end without a goodbye is an error to whoever reads.
        assert_eq!(client.stream.read(&mut [0]).expect("an orderly end"), 0);
    }
    let left = of_server(&world, "tls/certificate_expiry_seconds");
    assert!(left.as_f64() > Some(86_400.0), "{left}");
    assert_eq!(of_server(&world, "tls/failures"), 0);
}

#[test]
fn what_is_no_handshake_is_counted_and_does_not_stay() {
    let (pki, web) = (Pki::new(), Backend::named("web"));
    let server = server_tls(&pki, ", protocols: [TLSv1.3]") + ", headerReadTimeoutMs: 200";
    let world = world(&server, "", &leads_to(&web));
    let mut plain = world.client();
    plain.write(GET);
    let mut answer = Vec::new();
    let _ = plain.stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    wait_for_failures(&world, 1);
    let mut silent = world.client();
    assert!(silent.ends());
    wait_for_failures(&world, 2);
    let mut old = connect(world.address(), "web.example", &pki.client(None, true));
    old.stream
        .get_mut()
        .flush()
        .expect_err("no version in common");
    wait_for_failures(&world, 3);
    let mut good = connect(world.address(), "web.example", &pki.client(None, false));
    assert_eq!(good.send(GET).body, "web");
}

#[test]
fn a_client_without_a_certificate_is_turned_away_where_one_is_required() {
    let (pki, web) = (Pki::new(), Backend::named("web"));
    let server = server_tls(&pki, &looks_at_clients(&pki, true));
    let world = world(&server, "", &leads_to(&web));
    pki.issue("alice", "alice.example");
    let mut known = connect(
        world.address(),
        "web.example",
        &pki.client(Some("alice"), false),
    );
    assert_eq!(known.send(GET).body, "web");
    let stranger = Pki::new();
    stranger.issue("mallory", "mallory.example");
    std::fs::copy(stranger.path("mallory.pem"), pki.path("mallory.pem")).expect("copied");
    std::fs::copy(stranger.path("mallory.key"), pki.path("mallory.key")).expect("copied");
    for (turn, file) in [None, Some("mallory")].into_iter().enumerate() {
        let mut unknown = connect(world.address(), "web.example", &pki.client(file, false));
        // Either fails, depending on what the client hears first.
        let sent = unknown.stream.get_mut().write_all(GET.as_bytes());
        let read = sent.and_then(|()| unknown.stream.read(&mut [0; 64]));
        read.expect_err("it is refused");
        wait_for_failures(&world, turn as u64 + 1);
    }
    assert_eq!(web.requests(), 1);
}

#[test]
fn the_next_hop_is_told_of_the_clients_certificate_if_it_is_to_be() {
    let pki = Pki::new();
    let server = server_tls(&pki, &looks_at_clients(&pki, false));
    let certificate = pki.issue_with("alice", "alice.example", |params| {
        let uri = "spiffe://example/alice".try_into().expect("ASCII");
        params.subject_alt_names.push(SanType::URI(uri));
    });
    let forged = "GET / HTTP/1.1\r\nHost: web\r\nx-forwarded-client-cert: Hash=forged\r\nConnection: x-forwarded-client-cert\r\n\r\n";
    for (is_told, file) in [(true, Some("alice")), (true, None), (false, Some("alice"))] {
        let web = Backend::named("web");
        let client = format!("forwardClientCert: {is_told}");
        let world = world(&server, &client, &leads_to(&web));
        let mut client = connect(world.address(), "web.example", &pki.client(file, false));
        assert_eq!(client.send(forged).body, "web");
        let told = match (is_told, file) {
            (true, Some(_)) => Some(format!(
                "Hash={};SAN=spiffe://example/alice;DNS=alice.example;Subject=\"CN=alice\"",
                sha256(&certificate)
            )),
            _ => None,
        };
        let seen = web.last();
        assert_eq!(seen.header("x-forwarded-client-cert"), told.as_deref());
        assert_eq!(
            seen.head.matches("x-forwarded-client-cert").count(),
            usize::from(told.is_some())
        );
    }
}

fn sha256(certificate: &CertificateDer<'_>) -> String {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let suite = provider.cipher_suites.iter().find_map(|suite| match suite {
        rustls::SupportedCipherSuite::Tls13(suite) => {
            let hash = suite.common.hash_provider;
            (hash.output_len() == 32).then_some(hash)
        }
        rustls::SupportedCipherSuite::Tls12(_) => None,
    });
    let hash = suite.expect("SHA-256 is in use").hash(certificate);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

#[test]
fn new_connections_see_a_new_certificate_and_old_ones_live_on() {
    let (pki, web) = (Pki::new(), Backend::named("web"));
    let world = world(&server_tls(&pki, ""), "", &leads_to(&web));
    let config = pki.client(None, false);
    let mut old = connect(world.address(), "web.example", &config);
    assert_eq!(old.send(GET).body, "web");
    let renewed = pki.issue("web", "web.example");
    let shown = |client: &Client<ClientStream>| {
        let shown = client.stream.get_ref().conn.peer_certificates();
        shown.and_then(|shown| shown.first().cloned())
    };
    let began = Instant::now();
    loop {
        let mut new = connect(world.address(), "web.example", &pki.client(None, false));
        assert_eq!(new.send(GET).body, "web");
        if shown(&new).as_ref() == Some(&renewed) {
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "the new certificate is not shown"
        );
        assert_eq!(old.send(GET).body, "web");
    }
    assert_eq!(old.send(GET).body, "web");
    assert_ne!(shown(&old), Some(renewed));
}

/// An endpoint that shows `<file>.pem`, and its answers.
fn endpoint(pki: &Pki, file: &str, wants_client: bool) -> Backend {
    let config = pki.server(file, wants_client);
    Backend::named_behind("web", move |stream| accept(stream, &config))
}

#[test]
fn an_endpoint_with_the_right_name_answers() {
    let pki = Pki::new();
    pki.issue("web", "web.example");
    let web = endpoint(&pki, "web", false);
    let client = client_tls(&pki, "web.example", "");
    let world = world("clearContext: false", &client, &leads_to(&web));
    let mut client = world.client();
    for _ in 0..20 {
        assert_eq!(client.send(GET).body, "web");
    }
    assert_eq!(web.connections(), 1);
}

/// What a request is answered that leads to this endpoint.
fn refused(client: &str, web: &Backend) -> Reply {
    let reply = world("clearContext: false", client, &leads_to(web)).get("web");
    assert_eq!(reply.status(), 502, "{}", reply.body);
    assert!(reply.has("l5d-retryable", "true"), "{}", reply.head);
    reply
}

/// Whether the answer says why, in its body and in `l5d-err`.
fn says(reply: &Reply, why: &str) {
    assert!(reply.body.contains(why), "{why}: {}", reply.body);
    let told = reply.header("l5d-err").expect("a reason");
    let told = told
        .replace("%2C", ",")
        .replace("%3A", ":")
        .replace('+', " ");
    assert!(told.contains(why), "{why}: {told}");
}

#[test]
fn an_endpoint_that_is_not_who_it_should_be_is_refused_with_the_reason() {
    let pki = Pki::new();
    pki.issue("web", "web.example");
    let web = endpoint(&pki, "web", false);
    let reply = refused(&client_tls(&pki, "other.example", ""), &web);
    says(
        &reply,
        "its certificate is for web.example, not for other.example",
    );

    let stranger = Pki::of("another authority");
    let reply = refused(&client_tls(&stranger, "web.example", ""), &web);
    says(
        &reply,
        "its certificate is signed by an authority that is not trusted",
    );

    let reply = refused(&client_tls(&Pki::new(), "web.example", ""), &web);
    says(&reply, "the trusted authority of that name has another key");

    pki.issue_with("old", "web.example", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let old = endpoint(&pki, "old", false);
    let reply = refused(&client_tls(&pki, "web.example", ""), &old);
    says(&reply, "its certificate has expired");

    let plain = Backend::scripted(|mut connection| {
        let _ = connection.stream.fill_buf().expect("a greeting");
        connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = connection.stream.read_to_end(&mut Vec::new());
    });
    let reply = refused(&client_tls(&pki, "web.example", ""), &plain);
    says(&reply, "it does not speak TLS");

    assert_eq!(web.requests() + old.requests(), 0);
    // Whoever asks for it takes anybody.
    let blind = "tls: {disableValidation: true}";
    let world = world("clearContext: false", blind, &leads_to(&old));
    assert_eq!(world.get("web").body, "web");
}

#[test]
fn an_endpoint_that_never_shakes_hands_is_given_up() {
    let pki = Pki::new();
    let silent = Backend::scripted(|mut connection| {
        let mut all = Vec::new();
        let _ = connection.stream.read_to_end(&mut all);
    });
    let client = client_tls(&pki, "web.example", "") + ", connectTimeoutMs: 100";
    let reply = world("clearContext: false", &client, &leads_to(&silent)).get("web");
    assert_eq!(reply.status(), 504, "{}", reply.body);
    assert!(
        reply.body.contains("it did not shake hands within 100 ms"),
        "{}",
        reply.body
    );
}

#[test]
fn an_endpoint_may_want_to_see_the_routers_certificate() {
    let pki = Pki::new();
    pki.issue("web", "web.example");
    pki.issue("router", "router.example");
    let web = endpoint(&pki, "web", true);
    for version in ["TLSv1.2", "TLSv1.3"] {
        let only = format!(", protocols: [{version}]");
        let client = client_tls(&pki, "web.example", &(shows(&pki, "router") + &only));
        let world = world("clearContext: false", &client, &leads_to(&web));
        assert_eq!(world.get("web").body, "web");
        let metrics = crate::admin::metrics(&world);
        let name = format!(
            "rt/http/client/{}/tls/certificate_expiry_seconds",
            web.path().trim_start_matches('/')
        );
        assert!(metrics[&*name].as_f64() > Some(86_400.0), "{metrics}");

        let client = client_tls(&pki, "web.example", &only);
        let reply = refused(&client, &web);
        assert!(
            reply.body.contains("certificate"),
            "{version}: {}",
            reply.body
        );
        if version == "TLSv1.3" {
            // The endpoint says so after the handshake, when the request was sent already.
            says(
                &reply,
                "it refused our certificate: it wants one, and none was shown",
            );
            let post = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nbody";
            let world = self::world("clearContext: false", &client, &leads_to(&web));
            let reply = world.client().send(post);
            assert_eq!(reply.status(), 502, "{}", reply.body);
            assert!(reply.has("l5d-retryable", "true"), "{}", reply.head);
        }
    }
    assert_eq!(web.requests(), 2);
}

#[test]
fn a_request_that_was_refused_unseen_goes_to_another_endpoint() {
    let pki = Pki::new();
    pki.issue("web", "web.example");
    let (strict, web) = (endpoint(&pki, "web", true), endpoint(&pki, "web", false));
    let folder = tempfile::tempdir().expect("a folder");
    let lines = [strict.address, web.address]
        .map(|address| format!("{} {}\n", address.ip(), address.port()));
    std::fs::write(folder.path().join("web"), lines.concat()).expect("written");
    let world = World::with(
        &format!(
            "  dtab: \"/svc => /#/io.l5d.fs\"\n  client: {{{}}}\n",
            client_tls(&pki, "web.example", "")
        ),
        &format!(
            "namers: [{{kind: io.l5d.fs, rootDir: {}}}]\n",
            folder.path().display()
        ),
    );
    let mut client = world.client();
    for _ in 0..20 {
        assert_eq!(client.send(GET).body, "web");
    }
    assert_eq!((strict.requests(), web.requests()), (0, 20));
}

#[test]
fn an_answer_that_was_cut_off_is_no_whole_one() {
    let pki = Pki::new();
    pki.issue("web", "web.example");
    let config = pki.server("web", false);
    let web = Backend::scripted_behind(
        move |stream| accept(stream, &config),
        |mut connection| {
            connection.read(false);
            connection.write("HTTP/1.1 200 OK\r\n\r\nhalf of it");
            // Closed without a goodbye, as by somebody in between.
        },
    );
    let client = client_tls(&pki, "web.example", "");
    let world = world("clearContext: false", &client, &leads_to(&web));
    let mut client = world.client();
    client.write(GET);
    client.read_head();
    let mut rest = Vec::new();
    let _ = client.stream.read_to_end(&mut rest);
    assert!(
        !rest.ends_with(b"0\r\n\r\n"),
        "{:?}",
        String::from_utf8_lossy(&rest)
    );
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole_with_a_goodbye() {
    let pki = Pki::new();
    pki.issue("web", "web.example");
    let config = pki.server("web", false);
    let web = Backend::scripted_behind(
        move |stream| accept(stream, &config),
        |mut connection| {
            connection.read(false);
            connection.write("HTTP/1.1 200 OK\r\n\r\nall of it");
            connection.stream.get_mut().conn.send_close_notify();
            connection
                .stream
                .get_mut()
                .flush()
                .expect("the router reads");
        },
    );
    let server = server_tls(&pki, "");
    let world = world(
        &server,
        &client_tls(&pki, "web.example", ""),
        &leads_to(&web),
    );
    let mut client = connect(world.address(), "web.example", &pki.client(None, false));
    assert_eq!(client.send(GET).body, "all of it");
}

#[test]
fn large_bodies_pass_both_ways() {
    const LENGTH: usize = 5_000_000;
    let pki = Pki::new();
    pki.issue("web", "web.example");
    let config = pki.server("web", false);
    let web = Backend::answering_behind(
        move |stream| accept(stream, &config),
        |request| {
            let body = &request.body;
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        },
    );
    let client = client_tls(&pki, "web.example", "");
    let world = world(&server_tls(&pki, ""), &client, &leads_to(&web));
    let body: String = (0..LENGTH)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    for is_old in [false, true] {
        let mut client = connect(world.address(), "web.example", &pki.client(None, is_old));
        let request =
            format!("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: {LENGTH}\r\n\r\n{body}");
        for _ in 0..2 {
            let reply = client.send(&request);
            assert!(reply.body == body, "{} of {LENGTH} bytes", reply.body.len());
        }
    }
}

#[test]
fn a_slow_reader_gets_all_of_a_large_answer() {
    const LENGTH: usize = 3_000_000;
    let (pki, body) = (Pki::new(), "x".repeat(LENGTH));
    let web = Backend::answering(move |_| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n{body}")
    });
    let world = world(&server_tls(&pki, ""), "", &leads_to(&web));
    let mut client = connect(world.address(), "web.example", &pki.client(None, false));
    client.write(GET);
    client.read_head();
    for _ in 0..LENGTH / 100_000 {
        // The router meets a full socket again and again.
        client.read_bytes(100_000);
        std::thread::yield_now();
    }
    // Nothing of it was left behind that the next answer would have to push out.
    assert_eq!(
        client.send("HEAD / HTTP/1.1\r\nHost: web\r\n\r\n").status(),
        200
    );
}

#[test]
fn tunnels_have_tls_on_both_sides() {
    let pki = Pki::new();
    pki.issue("web", "web.example");
    let config = pki.server("web", false);
    let web = Backend::scripted_behind(
        move |stream| accept(stream, &config),
        |mut connection| {
            let mut line = connection.read_bytes(4);
            if line == "GET " {
                connection.read_head();
                connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
                line = connection.read_bytes(4);
            }
            connection.write(&format!("heard {line}"));
            let mut rest = String::new();
            connection
                .stream
                .read_to_string(&mut rest)
                .expect("a goodbye");
            connection.write(&format!(" and {rest}"));
            connection.stream.get_mut().conn.send_close_notify();
            connection
                .stream
                .get_mut()
                .flush()
                .expect("the router reads");
        },
    );
    let client = client_tls(&pki, "web.example", "");
    let dtab = format!("/svc => {}", web.path());
    let world = world(&server_tls(&pki, ""), &client, &dtab);
    let config: Arc<_> = pki.client(None, false);
    for (request, status) in [
        ("CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n", 200),
        (
            "GET / HTTP/1.1\r\nHost: web\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
            101,
        ),
    ] {
        let mut client = connect(world.address(), "web.example", &config);
        client.write(request);
        let head = client.read_head();
        assert_eq!(head.status(), status, "{}", head.head);
        client.write("ping");
        assert_eq!(client.read_bytes(10), "heard ping");
        client.write("pong");
        client.stream.get_mut().conn.send_close_notify();
        client.stream.get_mut().flush().expect("the router reads");
        let mut rest = String::new();
        client.stream.read_to_string(&mut rest).expect("a goodbye");
        assert_eq!(rest, " and pong");
    }
}

#[test]
fn a_unix_socket_may_have_tls_too() {
    let (pki, web) = (Pki::new(), Backend::named("web"));
    let tls = server_tls(&pki, "");
    let path = pki.path("app.sock");
    let _world = World::parse(&format!(
        "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{unixPath: {}, {tls}}}]\n  dtab: \"{}\"\n",
        path.display(),
        leads_to(&web)
    ));
    let name = "web.example".try_into().expect("a name");
    let connection = rustls::ClientConnection::new(pki.client(None, false), name);
    let stream = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut stream = rustls::StreamOwned::new(connection.expect("a good client"), stream);
    let request = "GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    assert!(answer.ends_with("\r\n\r\nweb"), "{answer}");
}

#[test]
fn a_reload_changes_the_tls_of_a_server() {
    let (pki, web) = (Pki::new(), Backend::named("web"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("router.yaml");
    let port = crate::world::nobody().port();
    let write = |tls: &str| {
        let yaml = format!(
            "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: {port}{tls}}}]\n  dtab: \"{}\"\n",
            leads_to(&web)
        );
        std::fs::write(&file, yaml).expect("written");
    };
    write("");
    let world = World::from_file(&file);
    let mut plain = world.client();
    assert_eq!(plain.send(GET).body, "web");
    let reload = || {
        Client::<TcpStream>::to(world.admin())
            .send("POST /admin/reload HTTP/1.1\r\nHost: x\r\n\r\n")
    };
    write(&format!(", {}", server_tls(&pki, "")));
    assert_eq!(reload().status(), 200);
    let mut secure = connect(world.address(), "web.example", &pki.client(None, false));
    assert_eq!(secure.send(GET).body, "web");
    assert_eq!(plain.send(GET).body, "web");
    std::fs::write(pki.path("web.key"), "no key").expect("written");
    let refused = reload();
    assert_eq!(refused.status(), 400);
    assert!(
        refused.body.contains("web.key holds no usable private key"),
        "{}",
        refused.body
    );
    assert_eq!(secure.send(GET).body, "web");
}
