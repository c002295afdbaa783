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
    let address = world.address();
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
