//! The end: what is in flight finishes, and nothing else begins.

use std::net::TcpStream;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use crate::world::{Backend, Client, PATIENCE, World};

#[test]
fn a_request_in_flight_finishes_and_idle_connections_close() {
    let (arrived, arrives) = sync_channel(1);
    let (go_on, may_go_on) = sync_channel::<()>(1);
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let web = Backend::scripted(move |mut connection| {
        connection.read(false);
        arrived.send(()).expect("the test waits");
        may_go_on
            .lock()
            .expect("not poisoned")
            .recv_timeout(PATIENCE)
            .expect("the test goes on");
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb");
    });
    let world = World::with_dtab(&format!(
        "/svc/web => {} ; /svc/tea => /$/io.buoyant.http.status/418",
        web.path()
    ));
    let (address, admin) = (world.address(), world.admin());
    let mut client = world.client();
    client.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    arrives.recv_timeout(PATIENCE).expect("the request arrives");
    // They came later and are told later: when they are closed, the busy connection has been told.
    let mut idle = [world.client(), world.client()];
    for client in &mut idle {
        let tea = client.send("GET / HTTP/1.1\r\nHost: tea\r\n\r\n");
        assert_eq!(tea.status(), 418);
    }

    let running = world.take();
    running.shutdown().request(Some(PATIENCE));
    let ending = thread::spawn(move || running.run());
    assert!(idle.iter_mut().all(Client::ends));
    let ready = Client::to(admin).send("GET /admin/ready HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((ready.status(), &*ready.body), (503, "draining"));
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    go_on.send(()).expect("the backend waits");
    let reply = client.read(false);
    assert_eq!((reply.status(), &*reply.body), (200, "web"));
    assert!(reply.has("connection", "close"), "{}", reply.head);
    assert!(client.ends());
    ending.join().expect("the router ends");
}

#[test]
fn what_does_not_finish_within_the_grace_is_cut() {
    let web = Backend::scripted(|mut connection| {
        connection.read(false);
        connection.ends();
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    while web.connections() == 0 {
        thread::yield_now();
    }
    let running = world.take();
    running.shutdown().request(Some(Duration::from_millis(50)));
    running.run();
    assert!(client.ends());
}

#[test]
fn after_a_handover_idle_connections_may_ask_once_more() {
    let world = World::with_dtab("/svc/tea => /$/io.buoyant.http.status/418");
    let tea = "GET / HTTP/1.1\r\nHost: tea\r\n\r\n";
    // In this order: once the second has been answered, the first has been accepted.
    let (mut silent, mut idle) = (world.client(), world.client());
    assert_eq!(idle.send(tea).status(), 418);
    let running = world.take();
    let shutdown = running.shutdown().clone();
    shutdown.begin_gently();
    shutdown.request(Some(PATIENCE));
    let ending = thread::spawn(move || running.run());
    let last = loop {
        let reply = idle.send(tea);
        if reply.has("connection", "close") {
            break reply;
        }
    };
    assert_eq!(last.status(), 418);
    assert!(idle.ends());
    // A connection that never asked may still do so, too.
    let first = silent.send(tea);
    assert!(first.has("connection", "close"), "{}", first.head);
    ending.join().expect("the router ends");
}
