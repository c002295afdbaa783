//! Clients and endpoints that take too long.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::time::Instant;

use crate::world::{Backend, PATIENCE, World, inet};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\n";
const CONNECT: &str = "CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n";

/// A router whose server has these limits.
fn world(backend: SocketAddr, limits: &str) -> World {
    World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: /svc/web => {0}; /svc/web:80 => {0}\n  servers: [{{port: 0, {limits}}}]\n",
        inet(backend)
    ))
}

/// Reads everything and answers nothing.
fn silent() -> Backend {
    Backend::scripted(|mut connection| while !connection.ends() {})
}

/// Takes longer for an answer than the limits of these tests.
fn slow() -> Backend {
    Backend::scripted(|mut connection| {
        connection.read(false);
        std::thread::sleep(Duration::from_millis(600));
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
    })
}

/// That the limit of 150 ms ends a client that sent this, and does not end one that has not begun to.
fn check(limit: &str, sent: &str, heard: &[u16]) {
    let backend = silent();
    let world = world(backend.address, limit);
    let mut other = world.client();
    let mut client = world.client();
    let began = Instant::now();
    client.write(sent);
    for status in heard {
        assert_eq!(client.read(sent == CONNECT).status(), *status, "{limit}");
    }
    assert!(client.ends(), "{limit}");
    let took = began.elapsed();
    let bounds = Duration::from_millis(150)..Duration::from_secs(5);
    assert!(bounds.contains(&took), "{limit}: {took:?}");
    let idle = Duration::from_millis(1);
    let stream = other.stream.get_mut();
    stream.set_read_timeout(Some(idle)).expect("a timeout");
    assert!(!other.ends(), "{limit}");
}

#[test]
fn each_wait_for_a_client_has_its_limit() {
    check("headerReadTimeoutMs: 150", "GET / HT", &[408]);
    check("bodyStallTimeoutMs: 150", &format!("{POST}x"), &[408]);
    check("tunnelIdleTimeoutMs: 150", CONNECT, &[200]);
}

#[test]
fn a_socket_may_have_less_patience_than_its_server() {
    let backend = slow();
    let world = world(backend.address, "socketOptions: {readTimeoutMs: 150}");
    for sent in ["GET / HT", &format!("{POST}x")] {
        let mut client = world.client();
        client.write(sent);
        assert_eq!(client.read(false).status(), 408);
        assert!(client.ends());
    }
    // It is the client that has to send something, and not the endpoint.
    let mut client = world.client();
    assert_eq!(client.send(GET).body, "a");
    assert!(client.ends());
}

#[test]
fn a_client_that_takes_nothing_is_ended() {
    let (ended, ends) = sync_channel(1);
    let backend = Backend::scripted(move |mut connection| {
        connection.read(false);
        connection.write("HTTP/1.1 200 OK\r\n\r\n");
        let piece = vec![b'x'; 1_000_000];
        while connection.stream.get_mut().write_all(&piece).is_ok() {}
        ended.send(()).expect("the test waits");
    });
    let world = world(backend.address, "socketOptions: {writeTimeoutMs: 150}");
    let mut client = world.client();
    client.write(GET);
    client.read_head();
    ends.recv_timeout(PATIENCE).expect("nobody waits for it");
}

#[test]
fn an_idle_connection_is_closed_and_one_that_waits_for_its_answer_is_not() {
    let backend = slow();
    let world = world(backend.address, "serverSession: {idleTimeMs: 150}");
    let mut client = world.client();
    assert_eq!(client.send(GET).body, "a");
    assert!(client.ends());
    assert!(world.client().ends());
}

#[test]
fn an_old_connection_is_closed_after_its_request() {
    let backend = slow();
    let world = world(backend.address, "serverSession: {lifeTimeMs: 150}");
    let mut idle = world.client();
    let mut client = world.client();
    let reply = client.send(GET);
    assert!(reply.has("connection", "close"), "{}", reply.head);
    assert_eq!(reply.body, "a");
    assert!(client.ends() && idle.ends());
}

#[test]
fn an_endpoint_that_takes_no_connection_is_given_up_in_time() {
    let full = Full::new();
    let world = World::with(
        &format!(
            "  dtab: /svc/web => {}\n  client: {{connectTimeoutMs: 50}}\n",
            inet(full.address)
        ),
        "",
    );
    let began = Instant::now();
    let reply = world.get("web");
    assert!(began.elapsed() < Duration::from_millis(900));
    assert_eq!(reply.status(), 504, "{}", reply.body);
    assert!(
        reply.body.contains("not connected within 50 ms"),
        "{}",
        reply.body
    );
    assert!(reply.has("l5d-retryable", "true"));
}

/// An address whose queue of connections is full, so that one more gets no answer.
struct Full {
    address: SocketAddr,
    _listener: socket2::Socket,
    _queued: Vec<TcpStream>,
}

impl Full {
    fn new() -> Self {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let listener = listener.expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&any.into()).expect("a port");
        listener.listen(0).expect("bound");
        let address = listener.local_addr().expect("bound");
        let address = address.as_socket().expect("an address");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
        Self {
            address,
            _queued: std::iter::from_fn(connect).take(100).collect(),
            _listener: listener,
        }
    }
}
