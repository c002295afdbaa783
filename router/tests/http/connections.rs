//! Connections to endpoints: kept, found closed, broken, cancelled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use crate::world::{Backend, PATIENCE, World, stuck, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

#[test]
fn a_connection_serves_request_after_request() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    for _ in 0..20 {
        assert_eq!(client.send(GET).body, "web");
    }
    assert_eq!((web.requests(), web.connections()), (20, 1));
}

#[test]
fn a_last_answer_arrives_though_its_client_has_said_too_much() {
    let (web, gate) = stuck();
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    // An empty line behind the request, as some old clients send it, and another one that nobody reads.
    client.write("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n\r\n");
    wait_until("asked", || web.connections() == 1);
    client.write("\r\n");
    gate.open();
    let reply = client.read(false);
    assert_eq!(reply.body, "web");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_replaced_unseen() {
    let web = Backend::scripted(|mut connection| {
        connection.read(false);
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb");
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    for _ in 0..20 {
        assert_eq!(client.send(GET).body, "web");
    }
    assert_eq!(web.connections(), 20);
}

#[test]
fn a_get_is_repeated_when_its_kept_connection_dies_under_it_but_a_post_is_not() {
    let turn = AtomicUsize::new(0);
    let web = Backend::scripted(move |mut connection| {
        // The first connection answers once and hangs up on its second request.
        connection.read(false);
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb");
        if turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            connection.read(false);
        }
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    assert_eq!(client.send(GET).status(), 200);
    assert_eq!(client.send(GET).status(), 200);
    let mut client = world.client();
    assert_eq!(client.send(GET).status(), 200);
    let post = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n\r\nx";
    let reply = client.send(post);
    assert_eq!(reply.status(), 502, "{}", reply.body);
    assert_eq!(reply.header("l5d-retryable"), None);
}

#[test]
fn a_client_that_goes_away_takes_its_request_along() {
    let (told, tells) = mpsc::sync_channel(2);
    let web = Backend::scripted(move |mut connection| {
        connection.read(false);
        told.send("arrived").expect("the test waits");
        assert!(connection.ends());
        told.send("cancelled").expect("the test waits");
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write(GET);
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("arrived"));
    drop(client);
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("cancelled"));
}

#[test]
fn a_response_that_is_cut_off_is_cut_off_for_the_client() {
    let (go_on, may_go_on) = mpsc::sync_channel::<()>(1);
    let may_go_on = Mutex::new(may_go_on);
    let web = Backend::scripted(move |mut connection| {
        connection.read(false);
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        let may_go_on = may_go_on.lock().expect("not poisoned");
        may_go_on
            .recv_timeout(PATIENCE)
            .expect("the client has the first piece");
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write(GET);
    client.read_head();
    assert_eq!(client.read_chunk().as_deref(), Some("abc"));
    go_on.send(()).expect("the backend waits");
    assert!(
        client.ends(),
        "the client must not take the piece for the whole"
    );
}

#[test]
fn a_protocol_that_nobody_asked_for_is_an_error() {
    let web = Backend::answering(|_| {
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".into()
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    assert_eq!(world.get("web").status(), 502);
}
