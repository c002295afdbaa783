//! Answers that are compressed on their way.

use std::io::Read as _;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::{Decompress, FlushDecompress};

use crate::world::{Backend, Client, PATIENCE, World};

/// A router to this backend, with more lines in its entry.
fn world(backend: &Backend, router: &str) -> World {
    World::with(
        &format!("  dtab: /svc/web => {}\n{router}", backend.path()),
        "",
    )
}

/// Answers with this body, whose lines repeat, and these lines in its head.
fn text(length: usize, lines: &'static str) -> Backend {
    Backend::answering(move |_| {
        let body = body(length);
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
        )
    })
}

fn body(length: usize) -> String {
    let lines = (0..).map(|number| format!("{} and the rest of a line\n", number % 1000));
    let mut body = lines.take(length / 20 + 1).collect::<String>();
    body.truncate(length);
    body
}

/// All that the chunks of a body hold.
fn chunks(client: &mut Client) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let size = client.read_chunk_size();
        all.extend(client.read_raw(size));
        assert_eq!(client.read_raw(2), b"\r\n");
        if size == 0 {
            return all;
        }
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\nAccept-Encoding: gzip\r\n\r\n";

#[test]
fn a_client_that_can_read_it_gets_less() {
    let backend = text(300_000, "ETag: \"a\"\r\n");
    let world = world(&backend, "");
    let mut client = world.client();
    for coding in ["gzip", "deflate", "gzip"] {
        client.write(&format!(
            "GET / HTTP/1.1\r\nHost: web\r\nAccept-Encoding: {coding}\r\n\r\n"
        ));
        let head = client.read_head();
        assert!(head.has("content-encoding", coding), "{}", head.head);
        assert!(head.has("transfer-encoding", "chunked"), "{}", head.head);
        assert!(head.has("vary", "accept-encoding"), "{}", head.head);
        assert!(head.has("etag", "W/\"a\""), "{}", head.head);
        assert_eq!(head.header("content-length"), None);
        let small = chunks(&mut client);
        assert!(small.len() < 60_000, "{}", small.len());
        let mut large = String::new();
        let read = match coding {
            "gzip" => GzDecoder::new(&*small).read_to_string(&mut large),
            _ => ZlibDecoder::new(&*small).read_to_string(&mut large),
        };
        read.expect("a whole stream");
        assert!(large == body(300_000), "{} bytes", large.len());
    }
    // On the same connections as anybody else.
    assert_eq!(backend.connections(), 1);
    let plain = client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    assert!(plain.has("content-length", "300000") && plain.has("etag", "\"a\""));
    assert!(plain.body == body(300_000));
}

#[test]
fn a_level_says_how_hard_and_none_not_at_all() {
    let backend = text(300_000, "");
    let length = |level: &str| {
        let world = world(&backend, &format!("  compressionLevel: {level}\n"));
        let mut client = world.client();
        client.write(GET);
        let head = client.read_head();
        match head.header("content-length") {
            Some(length) => length.parse().expect("a length"),
            None => chunks(&mut client).len(),
        }
    };
    let (none, quick, small) = (length("0"), length("1"), length("9"));
    assert_eq!(none, 300_000);
    assert!(small < quick && quick < none, "{small}, {quick}");
}

#[test]
fn what_the_endpoint_said_so_far_is_readable_at_once() {
    let (go_on, may_go_on) = sync_channel::<()>(1);
    let may_go_on = Mutex::new(may_go_on);
    let backend = Backend::scripted(move |mut connection| {
        connection.read(false);
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        for event in ["one", "two"] {
            let event = format!("data: {event}\n\n");
            connection.write(&format!("{:x}\r\n{event}\r\n", event.len()));
            let may_go_on = may_go_on.lock().expect("not poisoned");
            may_go_on.recv_timeout(PATIENCE).expect("the client has it");
        }
        connection.write("0\r\nx-sum: 2\r\n\r\n");
    });
    let world = world(&backend, "");
    let mut client = world.client();
    client.write(GET);
    assert!(client.read_head().has("content-encoding", "gzip"));
    let mut stream = Decompress::new_gzip(15);
    let mut heard = Vec::with_capacity(1000);
    for so_far in ["data: one\n\n", "data: one\n\ndata: two\n\n"] {
        while heard.len() < so_far.len() {
            let size = client.read_chunk_size();
            let chunk = client.read_raw(size);
            assert_eq!(client.read_raw(2), b"\r\n");
            let flush = FlushDecompress::Sync;
            let read = stream.decompress_vec(&chunk, &mut heard, flush);
            read.expect("a stream");
        }
        assert_eq!(String::from_utf8_lossy(&heard), so_far);
        go_on.send(()).expect("the backend waits");
    }
    let size = client.read_chunk_size();
    client.read_raw(size + 2);
    assert_eq!(client.read_chunk_size(), 0);
    assert_eq!(client.read_head().head, "x-sum: 2\r\n\r\n");
}

#[test]
fn what_breaks_off_does_not_look_whole() {
    let backend = Backend::scripted(|mut connection| {
        connection.read(false);
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5000\r\n\r\nhalf",
        );
    });
    let world = world(&backend, "");
    let mut client = world.client();
    client.write(GET);
    client.read_head();
    let mut rest = Vec::new();
    // Ends with a reset, or before the last chunk.
    let _ = client.stream.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{rest:?}");
}
