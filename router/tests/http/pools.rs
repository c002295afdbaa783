//! Connections to endpoints: how many there are, how long they live, and who waits for one.

use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::admin::{metrics, state};
use crate::world::{Backend, Client, PATIENCE, Reply, World, stuck, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

/// A router on one core, so that there is one set of idle connections.
fn world(backend: &Backend, client: &str) -> World {
    World::of_workers(
        1,
        &format!(
            "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: /svc/web => {}\n  servers: [{{port: 0}}]\n  client: {{{client}}}\n",
            backend.path()
        ),
    )
}

fn shown(world: &World, backend: &Backend) -> Value {
    state(world, &backend.path())["endpoints"][backend.address.to_string()].clone()
}

fn count(world: &World, backend: &Backend, what: &str) -> Value {
    metrics(world)[format!("rt/http/client{}/{what}", backend.path())].clone()
}

fn asking(world: &World) -> Client {
    let mut client = world.client();
    client.write(GET);
    client
}

fn assert_full(reply: &Reply, reason: &str) {
    assert_eq!(reply.status(), 503, "{}", reply.body);
    assert!(reply.body.contains(reason), "{}", reply.body);
    assert!(reply.has("retry-after", "1") && reply.has("l5d-retryable", "true"));
}

#[test]
fn so_many_are_connected_and_so_many_wait() {
    let (web, gate) = stuck();
    let world = world(&web, "hostConnectionPool: {maxSize: 4, maxWaiters: 10}");
    let mut clients: Vec<_> = (0..4).map(|_| asking(&world)).collect();
    wait_until("connected", || web.connections() == 4);
    clients.extend((0..10).map(|_| asking(&world)));
    wait_until("all there", || shown(&world, &web)["waiting"] == 10);
    let began = Instant::now();
    assert_full(&world.get("web"), "maxWaiters");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(count(&world, &web, "failures/too_many_waiters"), 1);
    assert_eq!(count(&world, &web, "pool/too_many_waiters"), 1);
    // Whoever goes away leaves its place to another.
    drop(clients.pop());
    wait_until("left", || shown(&world, &web)["waiting"] == 9);
    clients.push(asking(&world));
    wait_until("there again", || shown(&world, &web)["waiting"] == 10);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read(false).body, "web");
    }
    assert_eq!(web.connections(), 4);
    assert_eq!(world.get("web").body, "web");
}

#[test]
fn without_a_bound_nobody_waits() {
    let (web, gate) = stuck();
    let world = world(&web, "");
    let mut clients: Vec<_> = (0..14).map(|_| asking(&world)).collect();
    wait_until("connected", || web.connections() == 14);
    assert_eq!(shown(&world, &web)["waiting"], 0);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read(false).body, "web");
    }
}

#[test]
fn who_waits_for_too_long_is_told_so() {
    let (web, gate) = stuck();
    let world = World::of_workers(
        1,
        &format!(
            "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: /svc/web => {}\n  bindingTimeoutMs: 300\n  servers: [{{port: 0}}]\n  client: {{hostConnectionPool: {{maxSize: 1}}}}\n",
            web.path()
        ),
    );
    let mut first = asking(&world);
    wait_until("asked", || web.connections() == 1);
    let began = Instant::now();
    assert_full(&world.get("web"), "maxSize");
    assert!(began.elapsed() >= Duration::from_millis(300));
    gate.open();
    assert_eq!(first.read(false).body, "web");
}

#[test]
fn two_cores_share_the_bound() {
    let (web, gate) = stuck();
    let world = World::with(
        &format!(
            "  dtab: /svc/web => {}\n  client: {{hostConnectionPool: {{maxSize: 2}}}}\n",
            web.path()
        ),
        "",
    );
    let mut clients: Vec<_> = (0..12).map(|_| asking(&world)).collect();
    wait_until("waiting", || shown(&world, &web)["waiting"] == 10);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read(false).body, "web");
    }
    for client in &mut clients {
        assert_eq!(client.send(GET).body, "web");
        let connections = count(&world, &web, "connections").as_f64();
        assert!(
            connections.is_some_and(|count| count <= 2.0),
            "{connections:?}"
        );
    }
}

/// How many connections two requests take that are this far apart.
fn connections(client: &str) -> usize {
    let web = Backend::named("web");
    let world = world(&web, client);
    let mut client = world.client();
    assert_eq!(client.send(GET).body, "web");
    thread::sleep(Duration::from_millis(400));
    assert_eq!(client.send(GET).body, "web");
    web.connections()
}

#[test]
fn idle_and_old_connections_are_replaced() {
    let check = |client: &'static str, expected: usize| {
        thread::spawn(move || assert_eq!(connections(client), expected, "{client}"))
    };
    let checks = [
        check("", 1),
        check("hostConnectionPool: {idleTimeMs: 200}", 2),
        check("hostConnectionPool: {idleTimeMs: 200, minSize: 1}", 1),
        check("clientSession: {idleTimeMs: 200}", 2),
        check("clientSession: {lifeTimeMs: 200}", 2),
        check(
            "clientSession: {lifeTimeMs: 200}, hostConnectionPool: {minSize: 1}",
            2,
        ),
    ];
    for check in checks {
        check.join().expect("as it should be");
    }
}

#[test]
fn idle_connections_are_closed_without_a_request() {
    let (told, ends) = std::sync::mpsc::sync_channel(1000);
    let web = Backend::scripted(move |mut connection| {
        connection.read(false);
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb");
        let _ = told.send(connection.ends());
    });
    let yaml = format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: /svc/web => {}\n  bindingCache: {{idleTtlSecs: 1}}\n  servers: [{{port: 0}}]\n  client: {{hostConnectionPool: {{idleTimeMs: 100}}}}\n",
        web.path()
    );
    let world = World::parse(&yaml);
    assert_eq!(world.get("web").body, "web");
    assert_eq!(ends.recv_timeout(PATIENCE), Ok(true));
}
