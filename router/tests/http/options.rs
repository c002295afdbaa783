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

/// What the router says of its way to this backend, but for how long it took.
fn block(label: &str, backend: &Backend) -> String {
    let (path, address) = (backend.path(), backend.address);
    format!(
        "--- Router: {label} ---\nservice name: /svc/web\nclient name: {path}\naddresses: [{address}]\nselected address: {address}\ndtab resolution:\n  /svc/web\n  {path} (/svc/web=>{path})\n"
    )
}

fn without_duration(body: &str) -> String {
    let lines = body.split_inclusive('\n');
    let is_duration = |line: &&str| {
        line.strip_prefix("request duration: ").is_some_and(|rest| {
            let number = rest.strip_suffix(" ms\n").expect("milliseconds");
            number.parse::<u32>().is_ok()
        })
    };
    assert!(lines.clone().any(|line| is_duration(&line)), "{body}");
    lines.filter(|line| !is_duration(line)).collect()
}

#[test]
fn a_trace_is_told_of_its_way() {
    let check = |answer: &'static str, left: &str, expected: &str| {
        let backend = Backend::answering(move |_| answer.to_owned());
        let world = world(&backend, "", "");
        let mut client = world.client();
        for _ in 0..2 {
            let reply = client.send(&format!(
                "TRACE /x HTTP/1.1\r\nHost: web\r\n{left}l5d-add-context: true\r\n\r\n"
            ));
            assert_eq!(reply.status(), 200, "{}", reply.head);
            let expected = format!("{expected}{}", block("http", &backend));
            assert_eq!(without_duration(&reply.body), expected);
        }
        backend.requests()
    };
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntrace\n";
    assert_eq!(check(answer, "", "trace\n\n"), 2);
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    check(empty, "Max-Forwards: 1\r\n", "");
    let chunks =
        "HTTP/1.1 200 Fine\r\nx: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    check(
        chunks,
        "",
        "x: y\nTransfer-Encoding: chunked\nHTTP 200 - Fine\nThe body of this answer came in chunks, encoded, or too long, and is left out.\n\n",
    );
    let here = "TRACE /x HTTP/1.1\r\nHost: web\r\nMax-Forwards: 0\r\nl5d-add-context: true\n\n";
    assert_eq!(check(answer, "Max-Forwards: 0\r\n", here), 0);
}

#[test]
fn each_router_on_the_way_of_a_trace_says_something() {
    let backend = Backend::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned());
    let last = world(&backend, "  label: last\n", "");
    let first = World::with_dtab(&format!(
        "/svc/web => {}",
        crate::world::inet(last.address())
    ));
    let reply = first
        .client()
        .send("TRACE / HTTP/1.1\r\nHost: web\r\nl5d-add-context: 1\r\n\r\n");
    let at = |text: &str| {
        reply
            .body
            .find(text)
            .unwrap_or_else(|| panic!("{}", reply.body))
    };
    assert!(at("--- Router: last ---") < at("--- Router: http ---"));
}

#[test]
fn strangers_are_told_nothing_of_ways() {
    let backend = Backend::named("a");
    let world = world(&backend, "", "    clearContext: true\n");
    let trace = |lines: &str| {
        let text = format!("TRACE / HTTP/1.1\r\nHost: web\r\n{lines}l5d-add-context: true\r\n\r\n");
        world.client().send(&text).body
    };
    assert_eq!(trace(""), "a");
    assert!(!trace("Max-Forwards: 0\r\n").contains("Router"));
    // Who does not ask is not told either.
    let get = "GET / HTTP/1.1\r\nHost: web\r\nl5d-add-context: true\r\n\r\n";
    assert_eq!(world.client().send(get).body, "a");
}
