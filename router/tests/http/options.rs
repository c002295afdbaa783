//! What the configuration says about the heads of requests.

use crate::world::{Backend, World};

/// A router to this backend, with more lines in its entry and in its server's.
fn world(backend: &Backend, router: &str, server: &str) -> World {
    World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: /svc/web => {}\n  servers:\n  - port: 0\n{server}{router}",
        backend.path()
    ))
}

#[test]
fn an_endpoint_learns_whence_and_when_a_request_came() {
    let backend = Backend::named("a");
    let marks = "    addForwardedHeader: {by: {kind: router}, for: {kind: ip}}\n    timestampHeader: x-start\n";
    let world = world(&backend, "", marks);
    // Naming our lines does not remove them.
    let request = "GET http://web/ HTTP/1.1\r\nHost: web\r\nConnection: x-start, forwarded\r\nx-start: 1\r\n\r\n";
    assert_eq!(world.client().send(request).status(), 200);
    let seen = backend.last();
    assert!(
        seen.has("forwarded", "by=_http;for=127.0.0.1;host=web;proto=http"),
        "{}",
        seen.head
    );
    let start = seen.header("x-start").expect("a time");
    assert!(
        start.len() == 13 && start.bytes().all(|b| b.is_ascii_digit()),
        "{start}"
    );
}

#[test]
fn a_connection_keeps_its_random_name() {
    let backend = Backend::named("a");
    let mark =
        "    addForwardedHeader: {by: {kind: static, label: x}, for: {kind: connectionRandom}}\n";
    let world = world(&backend, "", mark);
    let forwarded = |client: &mut crate::world::Client| {
        client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
        let seen = backend.last();
        seen.header("forwarded").expect("a line").to_owned()
    };
    let mut client = world.client();
    let first = forwarded(&mut client);
    assert!(
        first.starts_with("by=_x;for=_") && first.ends_with(";host=web"),
        "{first}"
    );
    assert_eq!(forwarded(&mut client), first);
    assert_ne!(forwarded(&mut world.client()), first);
}

#[test]
fn heads_are_as_long_as_they_may_be_and_no_longer() {
    let backend = Backend::named("a");
    let limits = "  maxHeadersKB: 2\n  maxInitialLineKB: 1\n";
    let world = world(&backend, limits, "");
    let check = |line: usize, fields: usize, status: u16| {
        let target = "a".repeat(line - "GET / HTTP/1.1".len());
        let value = "b".repeat(fields - "Host: web\r\nx: \r\n".len());
        let request = format!("GET /{target} HTTP/1.1\r\nHost: web\r\nx: {value}\r\n\r\n");
        assert_eq!(
            world.client().send(&request).status(),
            status,
            "{line}, {fields}"
        );
    };
    check(1024, 2048, 200);
    check(1025, 100, 414);
    check(100, 2049, 431);
}

#[test]
fn what_a_head_says_of_an_error_is_as_long_as_it_may_be() {
    let backend = Backend::named("a");
    let world = world(&backend, "  maxErrResponseKB: 1\n", "");
    let host = "a".repeat(2000);
    let reply = world.get(&host);
    assert_eq!(reply.status(), 502);
    assert_eq!(reply.header("l5d-err").map(str::len), Some(1024));
    assert!(reply.body.contains(&host));
}

#[test]
fn a_request_that_may_go_no_further_is_answered_by_the_router() {
    let backend = Backend::named("a");
    let world = world(&backend, "", "");
    let ask = |method: &str, left: &str| {
        world.client().send(&format!(
            "{method} /x HTTP/1.1\r\nHost: web\r\nMax-Forwards: {left}\r\nCookie: secret\r\n\r\n"
        ))
    };
    let trace = ask("TRACE", "0");
    assert_eq!(trace.status(), 200);
    assert!(trace.has("content-type", "message/http"), "{}", trace.head);
    assert_eq!(
        trace.body,
        "TRACE /x HTTP/1.1\r\nHost: web\r\nMax-Forwards: 0\r\n\r\n"
    );
    let options = ask("OPTIONS", "0");
    assert_eq!((options.status(), &*options.body), (200, ""));
    assert_eq!(ask("TRACE", "soon").status(), 400);
    assert_eq!(backend.requests(), 0);
    assert_eq!(ask("OPTIONS", "2").body, "a");
    assert!(backend.last().has("max-forwards", "1"));
}
