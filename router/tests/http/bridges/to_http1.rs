//! Clients of HTTP/2, endpoints that speak HTTP/1.1.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, HeaderValue};

use crate::admin::metrics;
use crate::bridges::peers::{Caller, block_on, request, send, with, world};
use crate::world::{Addresses, Backend, PATIENCE, World, nobody, silent, stuck, wait_until};

/// A router that takes both versions and leads to this endpoint.
fn leads_to(backend: &Backend, client: &str) -> World {
    world(&format!("/svc/web => {}", backend.path()), client)
}

/// The same with these addresses and lines of its `client:`.
fn leads_to_all(addresses: &[std::net::SocketAddr], router: &str) -> (World, Addresses) {
    let addresses = Addresses::of(addresses);
    let world = World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0, h2c: true}}]\n  dtab: \"/svc => /#/io.l5d.fs\"\n{router}namers:\n- {{kind: io.l5d.fs, rootDir: {}}}\n",
        addresses.folder().display()
    ));
    (world, addresses)
}

/// What the client of `web` counts, if it has but one endpoint.
fn counted(world: &World, backend: &Backend, what: &str) -> serde_json::Value {
    let port = backend.address.port();
    metrics(world)[format!("rt/http/client/$/inet/127.0.0.1/{port}/{what}")].clone()
}

#[test]
fn a_stream_becomes_a_request_on_a_pooled_connection() {
    let web = Backend::answering(|_| {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: x-hop\r\nX-Hop: a\r\nX-Own: b\r\nKeep-Alive: timeout=5\r\n\r\nweb".to_owned()
    });
    let world = leads_to(&web, "");
    let mut caller = Caller::to(world.address());
    for _ in 0..5 {
        let mut request = request("GET", "web");
        *request.uri_mut() = "http://web/a?b".parse().expect("a URI");
        let fields = request.headers_mut();
        fields.append("cookie", HeaderValue::from_static("c=d"));
        fields.append("cookie", HeaderValue::from_static("e=f"));
        fields.insert("te", HeaderValue::from_static("trailers"));
        let told = caller.ask(request).expect("an answer");
        assert_eq!((told.status.as_u16(), &*told.body), (200, "web"));
        assert_eq!(told.field("content-length"), Some("3"));
        assert_eq!(told.field("x-own"), Some("b"));
        for name in ["connection", "x-hop", "keep-alive"] {
            assert_eq!(told.field(name), None, "{name}");
        }
    }
    let seen = web.last();
    assert_eq!(seen.first_line(), "GET /a?b HTTP/1.1");
    assert!(
        seen.has("host", "web") && seen.has("cookie", "c=d; e=f"),
        "{}",
        seen.head
    );
    assert!(
        seen.has("te", "trailers") && seen.has("connection", "te"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("transfer-encoding"), None);
    assert_eq!((web.connections(), web.requests()), (1, 5));
    assert_eq!(counted(&world, &web, "connections"), 1.0);
    assert_eq!(counted(&world, &web, "connects"), 1);
}

#[test]
fn bodies_say_their_length_or_come_in_chunks() {
    let web = Backend::named("web");
    let world = leads_to(&web, "");
    let mut caller = Caller::to(world.address());
    assert_eq!(caller.post("web", "hello").expect("an answer").body, "web");
    let seen = web.last();
    assert!(seen.has("transfer-encoding", "chunked") && seen.body == "hello");
    let mut stated = request("POST", "web");
    stated.headers_mut().insert("content-length", 5.into());
    let mut asking = caller.begin(stated, false);
    asking.body.send_data("hello".into(), true).expect("open");
    assert_eq!(asking.told().expect("an answer").body, "web");
    let seen = web.last();
    assert!(seen.has("content-length", "5") && seen.body == "hello");
    assert_eq!(
        caller.ask(request("POST", "web")).expect("an answer").body,
        "web"
    );
    assert!(web.last().has("content-length", "0"));
}

#[test]
fn answers_of_each_form_pass() {
    let web = Backend::scripted(|mut connection| {
        loop {
            let request = connection.read_head();
            let path = request
                .first_line()
                .split(' ')
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            let is_head = request.first_line().starts_with("HEAD");
            let answer = match (&*path, is_head) {
                ("/204", _) => "HTTP/1.1 204 No Content\r\n\r\n",
                ("/304", _) => "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
                ("/chunks", _) => {
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2\r\nwe\r\n1\r\nb\r\n0\r\nX-Sum: 7\r\n\r\n"
                }
                ("/early", _) => {
                    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb"
                }
                ("/close", _) => {
                    connection.write("HTTP/1.0 200 OK\r\n\r\nweb");
                    return;
                }
                (_, true) => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
                (_, false) => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb",
            };
            connection.write(answer);
            if path == "/last" {
                return;
            }
        }
    });
    let world = leads_to(&web, "");
    let mut caller = Caller::to(world.address());
    let mut ask = |method: &str, path: &str| {
        let mut request = request(method, "web");
        *request.uri_mut() = format!("http://web{path}").parse().expect("a URI");
        caller.ask(request).expect("an answer")
    };
    let told = ask("HEAD", "/");
    assert_eq!((told.field("content-length"), &*told.body), (Some("3"), ""));
    assert_eq!(ask("GET", "/204").status, 204);
    assert_eq!(ask("GET", "/304").status, 304);
    let told = ask("GET", "/chunks");
    assert_eq!((told.field("trailer"), &*told.body), (Some("x-sum"), "web"));
    assert_eq!(told.trailers.expect("trailers")["x-sum"], "7");
    assert_eq!(ask("GET", "/early").body, "web");
    assert_eq!(web.connections(), 1);
    assert_eq!(ask("GET", "/close").body, "web");
    assert_eq!(ask("GET", "/").body, "web");
    assert_eq!(web.connections(), 2);
    // It closes, and does not say so before.
    for _ in 0..5 {
        assert_eq!(ask("GET", "/last").body, "web");
    }
}

#[test]
fn trailers_pass_to_the_endpoint() {
    let (told, tells) = std::sync::mpsc::sync_channel(1);
    let web = Backend::scripted(move |mut connection| {
        connection.read_head();
        while connection.read_chunk_size() > 0 {
            connection.read_bytes("hello\r\n".len());
        }
        told.send(connection.read_head().head)
            .expect("somebody listens");
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let world = leads_to(&web, "");
    let mut asking = Caller::to(world.address()).begin(request("POST", "web"), false);
    asking.body.send_data("hello".into(), false).expect("open");
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    trailers.insert(
        "host",
        HeaderValue::from_static("none of a trailer's business"),
    );
    asking.body.send_trailers(trailers).expect("open");
    assert_eq!(asking.told().expect("an answer").status, 200);
    assert_eq!(
        tells.recv_timeout(PATIENCE).as_deref(),
        Ok("x-sum: 7\r\n\r\n")
    );
}

#[test]
fn streams_at_once_have_a_connection_each() {
    let (web, gate) = stuck();
    let world = leads_to(&web, "");
    let mut caller = Caller::to(world.address());
    let asking: Vec<_> = (0..8)
        .map(|_| caller.begin(request("GET", "web"), true))
        .collect();
    wait_until("all are asked", || web.connections() == 8);
    gate.open();
    for asking in asking {
        assert_eq!(asking.told().expect("an answer").body, "web");
    }
    assert_eq!(caller.get("web").body, "web");
    assert_eq!(web.connections(), 8);
}

#[test]
fn a_bounded_pool_is_bounded() {
    let (web, gate) = stuck();
    let world = leads_to(&web, "hostConnectionPool: {maxSize: 1, maxWaiters: 1}");
    let mut caller = Caller::to(world.address());
    let first = caller.begin(request("GET", "web"), true);
    wait_until("the first is asked", || web.connections() == 1);
    let second = caller.begin(request("GET", "web"), true);
    let third = caller.begin(request("GET", "web"), true);
    let told = third.told().expect("an answer");
    assert_eq!(
        (told.status.as_u16(), told.field("retry-after")),
        (503, Some("1"))
    );
    gate.open();
    assert_eq!(first.told().expect("an answer").body, "web");
    assert_eq!(second.told().expect("an answer").body, "web");
    assert_eq!(web.connections(), 1);
}

#[test]
fn an_answer_that_breaks_off_is_reset() {
    for length in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let (go_on, waits) = std::sync::mpsc::sync_channel::<()>(1);
        let waits = Mutex::new(waits);
        let web = Backend::scripted(move |mut connection| {
            connection.read_head();
            connection.write(&format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n3\r\nweb\r\n"));
            let waits = waits.lock().expect("not poisoned");
            waits.recv_timeout(PATIENCE).expect("the head has come");
        });
        let world = leads_to(&web, "");
        let mut asking = Caller::to(world.address()).begin(request("GET", "web"), true);
        let answer = block_on(&mut asking.answer).expect("a head");
        go_on.send(()).expect("the endpoint waits");
        let read = block_on(crate::bridges::peers::read(answer.into_body()));
        let error = read.expect_err("a reset");
        assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
    }
}

#[test]
fn an_endpoint_that_closes_or_babbles_is_told_as_its_fault() {
    let check = |answer: &'static str, expected: &str| {
        let web = Backend::scripted(move |mut connection| {
            connection.read_head();
            connection.write(answer);
        });
        let world = leads_to(&web, "");
        let told = Caller::to(world.address()).get("web");
        assert_eq!(told.status, 502);
        let expected = format!("{} did not answer: {expected}", web.address);
        assert!(told.body.starts_with(&expected), "{}", told.body);
    };
    check("", "it was closed");
    check("HTTP/1.1 200", "it was closed");
    check("SSH-2.0 hello\r\n\r\n", "");
    check(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "it switched to another protocol",
    );
}

#[test]
fn a_connection_that_was_closed_while_it_was_idle_is_replaced() {
    let web = Backend::scripted(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb");
    });
    let world = leads_to(&web, "");
    let mut caller = Caller::to(world.address());
    for _ in 0..30 {
        assert_eq!(caller.get("web").body, "web");
    }
    assert_eq!(web.connections(), 30);
}

#[test]
fn a_refused_connection_leads_to_another_endpoint() {
    let web = Backend::named("web");
    let never_dead = "  client: {failureAccrual: {kind: none}}\n";
    let (world, _addresses) = leads_to_all(&[nobody(), web.address], never_dead);
    let mut caller = Caller::to(world.address());
    for _ in 0..40 {
        assert_eq!(caller.post("web", "hello").expect("an answer").body, "web");
        assert_eq!(web.last().body, "hello");
    }
    let counted = metrics(&world);
    let requeues = counted["rt/http/client/#/io.l5d.fs/web/retries/requeues"].as_u64();
    assert!(requeues.is_some_and(|count| count > 0), "{requeues:?}");
}

#[test]
fn an_endpoint_that_has_not_looked_at_a_request_hands_it_on() {
    const NACK: &str =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy";
    let (busy, web) = (
        Backend::answering(|_| NACK.to_owned()),
        Backend::named("web"),
    );
    let never_dead = "  client: {failureAccrual: {kind: none}}\n";
    let (world, _addresses) = leads_to_all(&[busy.address, web.address], never_dead);
    let mut caller = Caller::to(world.address());
    for _ in 0..40 {
        assert_eq!(caller.post("web", "hello").expect("an answer").body, "web");
        assert_eq!(web.last().body, "hello");
    }
    assert!(busy.requests() > 0 && busy.last().body == "hello");
    let nacks = &metrics(&world)["rt/http/client/#/io.l5d.fs/web/retries/nacks"];
    assert_eq!(*nacks, busy.requests());
    let world = leads_to(&busy, "");
    let told = Caller::to(world.address()).get("web");
    assert_eq!((told.status.as_u16(), &*told.body), (503, "busy"));
}

#[test]
fn failures_are_retried_elsewhere_and_are_the_endpoints() {
    let bad = Backend::answering(|_| "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned());
    let web = Backend::named("web");
    let retries = "  service: {responseClassifier: {kind: io.l5d.http.retryableRead5XX}}\n";
    let (world, _addresses) = leads_to_all(&[bad.address, web.address], retries);
    let mut caller = Caller::to(world.address());
    for _ in 0..100 {
        assert_eq!(caller.get("web").body, "web");
    }
    assert_eq!(bad.requests(), 5, "then it is left alone");
}

#[test]
fn an_attempt_that_takes_too_long_closes_its_connection() {
    let (web, ends) = silent();
    let world = leads_to(&web, "requestAttemptTimeoutMs: 100");
    let told = Caller::to(world.address()).get("web");
    assert_eq!(told.status, 504);
    assert!(ends.recv_timeout(PATIENCE).is_ok());
    wait_until("closed", || counted(&world, &web, "connections") == 0.0);
}

#[test]
fn a_stream_that_is_reset_closes_its_connection() {
    let (web, ends) = silent();
    let world = leads_to(&web, "");
    let mut caller = Caller::to(world.address());
    let mut asking = caller.begin(request("GET", "web"), true);
    wait_until("asked", || web.connections() == 1);
    asking.body.send_reset(Reason::CANCEL);
    assert!(ends.recv_timeout(PATIENCE).is_ok());
}

#[test]
fn long_bodies_pass_at_the_pace_of_the_slower_side() {
    let echoed = Arc::<Mutex<String>>::default();
    let body = Arc::clone(&echoed);
    let web = Backend::answering(move |request| {
        request
            .body
            .clone_into(&mut body.lock().expect("not poisoned"));
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            request.body.len(),
            request.body
        )
    });
    let world = leads_to(&web, "");
    let body: String = (0..300_000).map(|at| format!("{:09}\n", at)).collect();
    let mut asking = Caller::to(world.address()).begin(request("POST", "web"), false);
    block_on(send(&mut asking.body, Bytes::from(body.clone())));
    assert!(
        asking.told().expect("an answer").body == body,
        "it came back changed"
    );
    assert!(
        *echoed.lock().expect("not poisoned") == body,
        "it came changed"
    );
}

#[test]
fn an_answer_may_come_before_the_request_is_over() {
    let web = Backend::scripted(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
        while !connection.ends() {}
    });
    let world = with(&format!("/svc/web => {}", web.path()), "");
    let mut caller = Caller::to(world.address());
    let mut asking = caller.begin(request("POST", "web"), false);
    asking.body.send_data("hello".into(), false).expect("open");
    assert_eq!(asking.told().expect("an answer").body, "early");
    // Its connection is not used again: the rest of the request is missing there.
    assert_eq!(caller.get("web").body, "early");
    assert_eq!(web.connections(), 2);
}
