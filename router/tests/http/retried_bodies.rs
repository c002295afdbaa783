//! Bodies of requests that are sent again.

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::world::{Backend, Client, PATIENCE, World};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const FAILED: &str = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";

/// A router that tries all methods again, with this `retryBufferKB`.
fn world(backend: &Backend, kept: usize) -> World {
    World::with(
        &format!(
            "  dtab: /svc/web => {}\n  service: {{responseClassifier: {{kind: io.l5d.http.retryableAll5XX}}, retryBufferKB: {kept}, retries: {{backoff: {{kind: constant, ms: 0}}}}}}\n",
            backend.path()
        ),
        "",
    )
}

/// Reads a body with its trailers, where the chunks end being nobody's business.
fn read_body(connection: &mut Client, head: &crate::world::Reply) -> String {
    if let Some(length) = head.header("content-length") {
        return connection.read_bytes(length.parse().expect("a length"));
    }
    let mut body = String::new();
    loop {
        let size = connection.read_chunk_size();
        if size == 0 {
            // Trailers are fields, and end as they do.
            body.push('\n');
            loop {
                let line = read_line(connection);
                if line == "\r\n" {
                    return body;
                }
                body.push_str(&line);
            }
        }
        body.push_str(&connection.read_bytes(size));
        assert_eq!(connection.read_bytes(2), "\r\n");
    }
}

fn read_line(connection: &mut Client) -> String {
    let mut line = String::new();
    std::io::BufRead::read_line(&mut connection.stream, &mut line).expect("a line comes");
    line
}

/// How an endpoint fails a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Failing {
    /// Once it has the head, and the connection closes.
    Early,
    /// The same, and the connection stays open.
    EarlyAndOpen,
    /// Once it has everything.
    Late,
    /// It just closes the connection, once it has everything.
    Closing,
}

/// Fails its first request, and tells the body of the second.
fn backend(
    failing: Failing,
) -> (
    Backend,
    mpsc::Receiver<&'static str>,
    mpsc::Receiver<String>,
) {
    let (tell_step, steps) = mpsc::sync_channel(1000);
    let (tell_body, bodies) = mpsc::sync_channel(1000);
    let turn = AtomicUsize::new(0);
    let backend = Backend::scripted(move |mut connection| {
        if turn.fetch_add(1, Ordering::Relaxed) == 0 {
            let head = connection.read_head();
            if matches!(failing, Failing::Late | Failing::Closing) {
                read_body(&mut connection, &head);
            }
            let _ = tell_step.send("failed");
            if failing != Failing::Closing {
                connection.write(FAILED);
            }
            match failing {
                Failing::EarlyAndOpen => while !connection.ends() {},
                Failing::Late => serve(&mut connection, &tell_step, &tell_body),
                _ => {}
            }
        } else {
            serve(&mut connection, &tell_step, &tell_body);
        }
    });
    (backend, steps, bodies)
}

fn serve(
    connection: &mut Client,
    tell_step: &mpsc::SyncSender<&'static str>,
    tell_body: &mpsc::SyncSender<String>,
) {
    let head = connection.read_head();
    let _ = tell_step.send("asked again");
    let body = read_body(connection, &head);
    let _ = tell_body.send(body);
    connection.write(OK);
}

/// Text in which no two places look alike.
fn text(length: usize) -> String {
    let text: String = (0..)
        .map(|number: u32| format!("{number} "))
        .take(length)
        .collect();
    text[..length].to_owned()
}

fn chunked(data: &str, size: usize) -> String {
    let chunks = data.as_bytes().chunks(size);
    let chunks = chunks.map(|chunk| {
        let chunk = std::str::from_utf8(chunk).expect("text");
        format!("{:x}\r\n{chunk}\r\n", chunk.len())
    });
    chunks.collect()
}

#[test]
fn a_body_arrives_as_it_was_sent_whenever_the_first_endpoint_fails() {
    let data = text(40_000);
    let (one, two) = data.split_at(23_456);
    let length = format!("Content-Length: {}", data.len());
    for failing in [
        Failing::Early,
        Failing::EarlyAndOpen,
        Failing::Late,
        Failing::Closing,
    ] {
        for is_chunked in [false, true] {
            let (backend, steps, bodies) = backend(failing);
            let world = world(&backend, 64);
            let mut client = world.client();
            let (framing, first, second, expected) = match is_chunked {
                false => (&*length, one.to_owned(), two.to_owned(), data.clone()),
                true => (
                    "Transfer-Encoding: chunked\r\nTrailer: x-sum",
                    chunked(one, 5000),
                    format!("{}0\r\nx-sum: 7\r\n\r\n", chunked(two, 999)),
                    format!("{data}\nx-sum: 7\r\n"),
                ),
            };
            let case = format!("{failing:?}, {framing}");
            client.write(&format!(
                "POST / HTTP/1.1\r\nHost: web\r\n{framing}\r\n\r\n{first}"
            ));
            let step = || steps.recv_timeout(PATIENCE).expect("a step");
            if matches!(failing, Failing::Early | Failing::EarlyAndOpen) {
                assert_eq!((step(), step()), ("failed", "asked again"), "{case}");
            }
            client.write(&second);
            assert_eq!(client.read(false).body, "ok", "{case}");
            let body = bodies.recv_timeout(PATIENCE).expect("a body");
            assert!(body == expected, "{case}: {} bytes", body.len());
            // The client's connection is as good as before.
            assert_eq!(
                client
                    .send("HEAD / HTTP/1.1\r\nHost: other\r\n\r\n")
                    .status(),
                502
            );
        }
    }
}

#[test]
fn a_body_that_came_with_its_head_arrives_as_it_was_sent() {
    for size in [9_000, 16_384, 30_000] {
        for failing in [Failing::Early, Failing::Late, Failing::Closing] {
            let (backend, _steps, bodies) = backend(failing);
            let world = world(&backend, 64);
            let mut client = world.client();
            let data = text(size);
            let head = format!("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: {size}\r\n\r\n");
            client.write(&(head + &data));
            let case = format!("{failing:?}, {size}");
            assert_eq!(client.read(false).body, "ok", "{case}");
            let body = bodies.recv_timeout(PATIENCE).expect("a body");
            assert!(body == data, "{case}: {} bytes", body.len());
        }
    }
}

#[test]
fn a_body_that_is_longer_than_what_is_kept_arrives_once_and_whole() {
    let count = |size: usize, framing: &str, body: &str| {
        let backend = Backend::answering(|_| FAILED.to_owned());
        let world = World::with(
            &format!(
                "  dtab: /svc/web => {}\n  service: {{responseClassifier: {{kind: io.l5d.http.retryableAll5XX}}, retryBufferKB: 1, retries: {{budget: {{minRetriesPerSec: 1, ttlSecs: 1, percentCanRetry: 0}}, backoff: {{kind: constant, ms: 0}}}}}}\n",
                backend.path()
            ),
            "",
        );
        let request = format!("POST / HTTP/1.1\r\nHost: web\r\n{framing}\r\n\r\n{body}");
        assert_eq!(world.client().send(&request).status(), 500);
        assert_eq!(backend.last().body.len(), size);
        backend.requests()
    };
    for (size, expected) in [(1024, 2), (1025, 1), (300_000, 1)] {
        let data = text(size);
        let length = format!("Content-Length: {size}");
        assert_eq!(count(size, &length, &data), expected, "{size}");
        let body = format!("{}0\r\n\r\n", chunked(&data, 700));
        let chunks = "Transfer-Encoding: chunked";
        assert_eq!(count(size, chunks, &body), expected, "{size} in chunks");
    }
}

const EXPECTING: &str =
    "POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

#[test]
fn a_client_that_waits_is_told_to_go_on_by_whoever_wants_its_body() {
    let turn = AtomicUsize::new(0);
    let backend = Backend::scripted(move |mut connection| {
        let head = connection.read_head();
        assert!(head.has("expect", "100-continue"), "{}", head.head);
        if turn.fetch_add(1, Ordering::Relaxed) == 0 {
            return connection.write(FAILED);
        }
        connection.write(CONTINUE);
        assert_eq!(connection.read_bytes(5), "hello");
        connection.write(OK);
    });
    let world = world(&backend, 64);
    let mut client = world.client();
    client.write(EXPECTING);
    assert_eq!(client.read_head().status(), 100);
    client.write("hello");
    assert_eq!(client.read(false).body, "ok");
    assert_eq!(backend.connections(), 2);
}

#[test]
fn a_client_that_was_told_to_go_on_is_not_told_again() {
    let turn = AtomicUsize::new(0);
    let backend = Backend::scripted(move |mut connection| {
        let head = connection.read_head();
        let is_first = turn.fetch_add(1, Ordering::Relaxed) == 0;
        assert_eq!(
            head.has("expect", "100-continue"),
            is_first,
            "{}",
            head.head
        );
        if is_first {
            connection.write(CONTINUE);
        }
        assert_eq!(connection.read_bytes(5), "hello");
        connection.write(if is_first { FAILED } else { OK });
    });
    let world = world(&backend, 64);
    let mut client = world.client();
    client.write(EXPECTING);
    assert_eq!(client.read_head().status(), 100);
    client.write("hello");
    assert_eq!(client.read(false).body, "ok");
}

#[test]
fn an_idempotent_request_with_its_body_is_repeated_when_its_kept_connection_dies() {
    let check = |budget: &str, expected: u16| {
        let (tell, bodies) = mpsc::sync_channel(1000);
        let turn = AtomicUsize::new(0);
        let backend = Backend::scripted(move |mut connection| {
            let is_first = turn.fetch_add(1, Ordering::Relaxed) == 0;
            let head = connection.read_head();
            let _ = tell.send(read_body(&mut connection, &head));
            connection.write(OK);
            if is_first {
                // The next request meets the end of the connection.
                let _ = connection.stream.read(&mut [0; 1]);
            }
        });
        let world = World::with(
            &format!(
                "  dtab: /svc/web => {}\n  client: {{requeueBudget: {{{budget}}}}}\n",
                backend.path()
            ),
            "",
        );
        let body = text(20_000);
        let put = format!("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 20000\r\n\r\n{body}");
        let mut client = world.client();
        assert_eq!(client.send(&put).status(), 200);
        assert_eq!(client.send(&put).status(), expected, "{budget}");
        let seen: Vec<_> = bodies.try_iter().collect();
        let is_repeated = expected == 200;
        assert_eq!(seen.len(), if is_repeated { 2 } else { 1 });
        assert!(seen.iter().all(|seen| *seen == body));
    };
    check("minRetriesPerSec: 10", 200);
    check("minRetriesPerSec: 0, percentCanRetry: 0", 502);
}
