//! Bodies pass piece by piece, in both directions at once.

use std::sync::mpsc::sync_channel;

use crate::world::{Backend, PATIENCE, World};

#[test]
fn a_response_passes_before_it_is_whole() {
    let (go_on, may_go_on) = sync_channel::<()>(1);
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let web = Backend::scripted(move |mut connection| {
        connection.read(false);
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        may_go_on
            .lock()
            .expect("not poisoned")
            .recv_timeout(PATIENCE)
            .expect("the client has the first piece");
        connection.write("6\r\nsecond\r\n0\r\n\r\n");
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    client.read_head();
    assert_eq!(client.read_chunk().as_deref(), Some("first"));
    go_on.send(()).expect("the backend waits");
    assert_eq!(client.read_chunk().as_deref(), Some("second"));
    assert_eq!(client.read_chunk(), None);
}

#[test]
fn a_request_passes_before_it_is_whole() {
    let (got, first) = sync_channel(1);
    let web = Backend::scripted(move |mut connection| {
        let head = connection.read_head();
        assert!(head.has("transfer-encoding", "chunked"), "{}", head.head);
        got.send(connection.read_chunk()).expect("the test waits");
        let second = connection.read_chunk().expect("the second piece");
        assert_eq!(connection.read_chunk(), None);
        connection.write(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{second}",
            second.len()
        ));
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client
        .write("POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    let arrived = first
        .recv_timeout(PATIENCE)
        .expect("the first piece arrives by itself");
    assert_eq!(arrived.as_deref(), Some("first"));
    client.write("6\r\nsecond\r\n0\r\n\r\n");
    assert_eq!(client.read(false).body, "second");
}

#[test]
fn an_upload_goes_on_while_its_response_comes() {
    let web = Backend::scripted(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while let Some(piece) = connection.read_chunk() {
            connection.write(&format!("{:x}\r\n{piece}\r\n", piece.len()));
        }
        connection.write("0\r\n\r\n");
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write("POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.read_head();
    for piece in ["one", "two", "three"] {
        client.write(&format!("{:x}\r\n{piece}\r\n", piece.len()));
        assert_eq!(client.read_chunk().as_deref(), Some(piece));
    }
    client.write("0\r\n\r\n");
    assert_eq!(client.read_chunk(), None);
}

#[test]
fn large_bodies_arrive_whole() {
    let web = Backend::answering(|request| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            request.body.len(),
            request.body
        )
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    let body: String = (0..400_000)
        .map(|i| char::from(b'a' + (i % 23) as u8))
        .collect();
    for _ in 0..3 {
        let reply = client.send(&format!(
            "PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert!(
            reply.body == body,
            "{} of {} bytes",
            reply.body.len(),
            body.len()
        );
    }
    assert_eq!(web.connections(), 1);
}

#[test]
fn who_waits_to_be_told_to_continue_is_told() {
    let web = Backend::answering(|request| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            request.body.len(),
            request.body
        )
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client
        .write("PUT / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.read_head().status(), 100);
    client.write("body");
    assert_eq!(client.read(false).body, "body");
    // The endpoint might have said so itself, and was given a moment to.
    assert!(web.last().has("expect", "100-continue"));
}

#[test]
fn a_get_may_have_a_body_of_unknown_length() {
    let web = Backend::answering(|request| {
        let body = &request.body;
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write(
        "GET / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    );
    assert_eq!(client.read(false).body, "body");
}

#[test]
fn announced_trailers_pass_both_ways() {
    let web = Backend::scripted(|mut connection| {
        connection.read_head();
        while connection.read_chunk_size() > 0 {}
        let trailers = connection.read_head().head;
        assert_eq!(trailers, "x-sum: forth\r\n\r\n");
        connection.write("HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-sum: back\r\n\r\n");
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write("PUT / HTTP/1.1\r\nHost: web\r\nTE: trailers\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-sum: forth\r\n\r\n");
    assert_eq!(client.read_head().status(), 200);
    assert_eq!(client.read_chunk_size(), 0);
    assert_eq!(client.read_head().head, "x-sum: back\r\n\r\n");
}

#[test]
fn an_upload_that_nobody_wants_does_not_end_its_connection() {
    let world = World::with_dtab("/svc => /none");
    let mut client = world.client();
    let body = "x".repeat(300_000);
    for _ in 0..3 {
        client.write(&format!(
            "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        assert_eq!(client.read(false).status(), 502);
        client.write(&body);
    }
    client.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_eq!(client.read(false).status(), 502);
}
