//! More than a router may have in flight.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::world::{Backend, PATIENCE, Reply, World};

const SLOW: &str = "GET / HTTP/1.1\r\nHost: slow\r\n\r\n";

/// A backend that answers once it may, and the word that lets it.
fn slow() -> (Backend, Arc<AtomicBool>) {
    let may_answer = Arc::new(AtomicBool::new(false));
    let waits_for = Arc::clone(&may_answer);
    let backend = Backend::answering(move |_| {
        let deadline = Instant::now() + PATIENCE;
        while !waits_for.load(Ordering::Relaxed) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow".into()
    });
    (backend, may_answer)
}

fn world(workers: usize, slow: &Backend, web: &Backend, server: &str, top: &str) -> World {
    let (slow, web) = (slow.path(), web.path());
    World::of_workers(
        workers,
        &format!(
            "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: /svc/slow => {slow}; /svc/slow:80 => {slow}; /svc/web => {web}\n  servers: [{{port: 0{server}}}]\n{top}"
        ),
    )
}

fn assert_shed(reply: &Reply) {
    assert_eq!(reply.status(), 503, "{}", reply.body);
    assert!(reply.has("retry-after", "1"), "{}", reply.head);
    assert!(reply.has("l5d-retryable", "true"), "{}", reply.head);
}

#[test]
fn a_server_takes_as_many_requests_as_it_may_and_tunnels_beside() {
    let ((slow, may_answer), web) = (slow(), Backend::named("web"));
    let world = world(2, &slow, &web, ", maxConcurrentRequests: 1", "");
    let mut tunnel = world.client();
    tunnel.write("CONNECT slow:80 HTTP/1.1\r\nHost: slow:80\r\n\r\n");
    assert_eq!(tunnel.read(true).status(), 200);
    let mut first = world.client();
    first.write(SLOW);
    let arrived = || slow.connections() == 2;
    while !arrived() {
        thread::yield_now();
    }
    let mut second = world.client();
    let began = Instant::now();
    assert_shed(&second.send(SLOW));
    assert!(began.elapsed() < Duration::from_millis(500));
    // The connection is not to blame.
    assert_shed(&second.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n\r\nx"));
    may_answer.store(true, Ordering::Relaxed);
    assert_eq!(first.read(false).body, "slow");
    // A place is free once its answer has passed, which its client may know a little earlier.
    let mut reply = second.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    while reply.status() == 503 && began.elapsed() < PATIENCE {
        reply = second.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    }
    assert_eq!(reply.body, "web");
}

#[test]
fn a_service_that_slows_down_leaves_room_for_others() {
    const CLIENTS: usize = 40;
    let ((slow, may_answer), web) = (slow(), Backend::named("web"));
    let world = world(2, &slow, &web, "", "maxConcurrentRequests: 20\n");
    // Known before the rush.
    assert_eq!(world.get("web").status(), 200);
    let (told, replies) = mpsc::sync_channel(CLIENTS);
    let began = Instant::now();
    for _ in 0..CLIENTS {
        let (mut client, told) = (world.client(), told.clone());
        thread::spawn(move || {
            let reply = client.send(SLOW);
            let _ = told.send((reply, began.elapsed()));
        });
    }
    // Half of the 20 places, and one more for each worker that was on its way.
    const MOST: usize = 10 + 2;
    let next = || replies.recv_timeout(PATIENCE).expect("a reply");
    for _ in 0..CLIENTS - MOST {
        let (reply, took) = next();
        assert_shed(&reply);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    for _ in 0..20 {
        assert_eq!(world.get("web").body, "web");
    }
    may_answer.store(true, Ordering::Relaxed);
    let rest: Vec<_> = (0..MOST).map(|_| next().0).collect();
    let answered = rest.iter().filter(|reply| reply.status() == 200).count();
    assert!(answered >= 10, "{answered}");
    assert_eq!(world.client().send(SLOW).body, "slow");
}
