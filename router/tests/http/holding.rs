//! Bodies that are read whole before anybody is told of them.

use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::world::{Backend, PATIENCE, World};

const ALL: &str = "  streamingEnabled: false\n";

/// A router to this backend, with more lines in its entry.
fn world(backend: &Backend, router: &str) -> World {
    World::with(
        &format!("  dtab: /svc/web => {}\n{router}", backend.path()),
        "maxBufferedMB: 8\n",
    )
}

/// Answers with the body that came.
fn echo() -> Backend {
    Backend::answering(|request| {
        let body = &request.body;
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    })
}

#[test]
fn an_endpoint_is_asked_when_the_request_is_whole() {
    let backend = echo();
    let world = World::of_workers(
        1,
        &format!(
            "admin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0}}]\n  dtab: /svc/web => {}\n{ALL}",
            backend.path()
        ),
    );
    let mut client = world.client();
    for _ in 0..2 {
        client
            .write("PUT / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n");
        assert_eq!(world.get("web").status(), 200);
        // Whoever is asked early would have a connection beside that of the other request.
        assert_eq!(backend.connections(), 1);
        client.write("2\r\ndy\r\n0\r\n\r\n");
        let reply = client.read(false);
        assert_eq!((reply.status(), &*reply.body), (200, "body"));
        let seen = backend.last();
        assert!(seen.has("content-length", "4"), "{}", seen.head);
        assert_eq!(seen.header("transfer-encoding"), None);
    }
}

#[test]
fn trailers_of_what_is_held_pass_both_ways() {
    let backend = Backend::scripted(|mut connection| {
        connection.read_head();
        assert_eq!(connection.read_chunk().as_deref(), Some("forth"));
        assert_eq!(connection.read_chunk_size(), 0);
        assert_eq!(connection.read_head().head, "x-sum: 1\r\n\r\n");
        connection.write("HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nba\r\n2\r\nck\r\n0\r\nx-sum: 2\r\n\r\n");
    });
    let world = world(&backend, ALL);
    let mut client = world.client();
    client.write("PUT / HTTP/1.1\r\nHost: web\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfor\r\n2\r\nth\r\n0\r\nx-sum: 1\r\n\r\n");
    let head = client.read_head();
    assert!(head.has("trailer", "x-sum"), "{}", head.head);
    assert_eq!(client.read_chunk().as_deref(), Some("back"));
    assert_eq!(client.read_chunk_size(), 0);
    assert_eq!(client.read_head().head, "x-sum: 2\r\n\r\n");
}

/// That the client hears of an answer with this framing when it is whole, and not before.
fn answers_whole(router: &str, head: &'static str, first: &'static str, rest: &'static str) {
    let (go_on, may_go_on) = sync_channel::<()>(1);
    let may_go_on = Mutex::new(may_go_on);
    let backend = Backend::scripted(move |mut connection| {
        connection.read(false);
        connection.write(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{first}"));
        let may_go_on = may_go_on.lock().expect("not poisoned");
        may_go_on.recv_timeout(PATIENCE).expect("the test goes on");
        connection.write(rest);
    });
    let world = world(&backend, router);
    let mut client = world.client();
    client.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    let stream = client.stream.get_mut();
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .expect("a timeout");
    let early = stream.peek(&mut [0]);
    assert!(early.is_err(), "{head}");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    go_on.send(()).expect("the backend waits");
    let reply = client.read(false);
    assert_eq!((reply.status(), &*reply.body), (200, "body"));
    assert!(reply.has("content-length", "4"), "{}", reply.head);
}

#[test]
fn a_client_is_told_when_the_answer_is_whole() {
    answers_whole(ALL, "Content-Length: 4", "bo", "dy");
    answers_whole(
        ALL,
        "Transfer-Encoding: chunked",
        "2\r\nbo\r\n",
        "2\r\ndy\r\n0\r\n\r\n",
    );
    answers_whole(ALL, "Connection: close", "bo", "dy");
    answers_whole(
        "  streamAfterContentLengthKB: 1\n",
        "Content-Length: 4",
        "bo",
        "dy",
    );
}

#[test]
fn what_is_too_long_to_be_held_is_refused() {
    // A worker may hold 4 MiB, and a quarter of that for one body.
    let most = 1024 * 1024;
    let long = "x".repeat(most + 1);
    let backend = Backend::answering(move |request| {
        let body = if request.first_line().starts_with("GET") {
            &long
        } else {
            "small"
        };
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let world = world(&backend, ALL);
    let mut client = world.client();
    client.write(&format!(
        "PUT / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        most + 1
    ));
    assert_eq!(client.read(false).status(), 413);
    let mut client = world.client();
    client.write("PUT / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n");
    let piece = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    for _ in 0..17 {
        client.write(&piece);
    }
    let reply = client.read(false);
    assert_eq!(reply.status(), 413, "{}", reply.head);
    assert_eq!(backend.requests(), 0);
    let body = "x".repeat(most);
    let mut client = world.client();
    let whole = format!("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: {most}\r\n\r\n{body}");
    assert_eq!(client.send(&whole).status(), 200);
    let reply = client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_eq!(reply.status(), 502);
    assert!(
        reply.body.contains("answered with more than 1048576 bytes"),
        "{}",
        reply.body
    );
    assert_eq!(reply.header("l5d-retryable"), None);
    // The client's connection is as good as before.
    assert_eq!(client.send(&whole).body, "small");
}

#[test]
fn who_waits_to_be_told_to_continue_is_told_by_the_router() {
    let backend = echo();
    let world = world(&backend, ALL);
    let mut client = world.client();
    client
        .write("PUT / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.read_head().status(), 100);
    assert_eq!(backend.connections(), 0);
    client.write("body");
    assert_eq!(client.read(false).body, "body");
    assert_eq!(backend.last().header("expect"), None);
}

#[test]
fn short_bodies_may_be_held_and_longer_ones_pass() {
    let (got, first) = sync_channel(1);
    let backend = Backend::scripted(move |mut connection| {
        let head = connection.read_head();
        got.send(head.header("content-length").map(str::to_owned))
            .expect("the test waits");
        let length = head.header("content-length").expect("a length");
        connection.read_bytes(length.parse().expect("a number"));
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let world = world(&backend, "  streamAfterContentLengthKB: 1\n");
    let send = |length: usize, is_held: bool| {
        let mut client = world.client();
        let body = "x".repeat(length);
        client.write(&format!(
            "PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: {length}\r\n\r\n"
        ));
        let wait = if is_held {
            Duration::from_millis(50)
        } else {
            PATIENCE
        };
        assert_eq!(first.recv_timeout(wait).is_err(), is_held, "{length}");
        client.write(&body);
        assert_eq!(client.read(false).status(), 200);
        if is_held {
            first
                .recv_timeout(PATIENCE)
                .expect("the endpoint was asked");
        }
    };
    send(1024, true);
    send(1025, false);
}
