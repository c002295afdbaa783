//! Clients that send a byte now and then cost a little memory, and nobody else's time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tests::{Backend, Router};
use tokio::time::Instant;

/// By hand 5,000 were tried; a test has no room for as many.
const CLIENTS: usize = 500;

/// What each may cost. With the program that is shipped it is half of that.
const BYTES_EACH: u64 = 20 * 1024;

#[test]
fn clients_that_drip_cost_memory_only() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let backend = Backend::start(runtime.handle(), "v1");
    let dir = tempfile::tempdir().expect("a folder");
    let dtab = format!("  dtab: /svc/web => {}\n", backend.path());
    let router = Router::start(dir.path(), "out", &dtab, (0, 0)).expect("the router starts");
    let before = slowest_of(200, router.address());
    let resident = router.process.resident();
    let mut slow: Vec<_> = (0..CLIENTS)
        .map(|index| begin(router.address(), index))
        .collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        for client in &mut slow {
            client.write_all(b"a").expect("the router waits for more");
        }
        slowest = slowest.max(slowest_of(40, router.address()));
    }
    let grown = router.process.resident().saturating_sub(resident);
    assert!(grown < CLIENTS as u64 * BYTES_EACH, "{} KiB", grown / 1024);
    // A machine that does much else may take its time once.
    assert!(
        slowest < 2 * before + Duration::from_millis(100),
        "{before:?}, then {slowest:?}"
    );
}

/// A client that has sent some of a head, or some of a body.
fn begin(router: SocketAddr, index: usize) -> TcpStream {
    let part = match index % 2 {
        0 => "GET / HTTP/1.1\r\nHost: we",
        _ => "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nabc",
    };
    let mut client = TcpStream::connect(router).expect("the router listens");
    client.write_all(part.as_bytes()).expect("it takes a part");
    client
}

/// The time that the slowest of so many requests takes.
fn slowest_of(count: usize, router: SocketAddr) -> Duration {
    let mut client = TcpStream::connect(router).expect("the router listens");
    client.set_nodelay(true).expect("it is open");
    let mut answer = [0; 4096];
    let mut ask = |_| {
        let began = Instant::now();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            .expect("it is open");
        let length = client.read(&mut answer).expect("an answer comes");
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
        began.elapsed()
    };
    (0..count).map(&mut ask).max().unwrap_or_default()
}
