//! Clients that send a byte now and then cost a little memory, and nobody else's time.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use tests::{Backend, Router, Rush, Served, is_full, p99, with_descriptors};

/// How much is done.
struct Size {
    clients: usize,
    /// How often each sends a byte, and how long that takes for all of them.
    bytes: u32,
    period: Duration,
    /// Requests a second of others.
    per_second: u32,
}

const LITTLE: Size = Size {
    clients: 500,
    bytes: 5,
    period: Duration::from_millis(250),
    per_second: 200,
};
const FULL: Size = Size {
    clients: 5_000,
    bytes: 20,
    period: Duration::from_secs(1),
    per_second: 500,
};

/// What each slow client may cost. With the program that is shipped it is half of that.
const BYTES_EACH: usize = 20 * 1024;

/// How many of them come, or send, before there is a pause.
const AT_ONCE: usize = 100;

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

#[test]
fn clients_that_drip_cost_memory_only() {
    let size = if is_full() { FULL } else { LITTLE };
    // Both ends of what the router has open.
    with_descriptors(std::process::id(), 2 * size.clients + 1_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let backend = Backend::start(runtime.handle(), "v1");
    let dir = tempfile::tempdir().expect("a folder");
    let dtab = format!("  dtab: /svc/web => {}\n", backend.path());
    let router = Router::start(dir.path(), "out", &dtab, (0, 0)).expect("the router starts");
    let others = Rush::start(runtime.handle(), router.address(), GET, size.per_second);
    let mut alone = Vec::new();
    for _ in 0..size.bytes {
        thread::sleep(size.period);
        alone.push(others.take());
    }
    let resident = router.process.resident();
    let mut slow = Vec::new();
    while slow.len() < size.clients {
        slow.extend((0..AT_ONCE).map(|index| begin(router.address(), index)));
        // Else those with bodies fill the queue of the backend's socket.
        thread::sleep(Duration::from_millis(20));
    }
    others.take();
    let mut beside = Vec::new();
    for _ in 0..size.bytes {
        drip(router.address(), &mut slow, size.period);
        beside.push(others.take());
    }
    let grown = router.process.resident().saturating_sub(resident);
    let (alone, beside) = (quietest(&alone), quietest(&beside));
    println!(
        "{} clients: {} KiB; p99 of others {alone:?}, then {beside:?}",
        size.clients,
        grown / 1024
    );
    assert!(grown < (size.clients * BYTES_EACH) as u64);
    // Where tests run side by side, another may take the time of all that is asked meanwhile.
    let slack = Duration::from_millis(if is_full() { 0 } else { 100 });
    assert!(beside < 2 * alone + slack, "{alone:?}, then {beside:?}");
}

/// A client that has sent some of a head, or some of a body.
fn begin(router: SocketAddr, index: usize) -> TcpStream {
    // By twos, because workers are given connections in turn: each is to have some of both.
    let part = match index / 2 % 2 {
        0 => "GET / HTTP/1.1\r\nHost: we",
        _ => "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nabc",
    };
    let mut client = TcpStream::connect(router).expect("the router listens");
    client.write_all(part.as_bytes()).expect("it takes a part");
    client
}

/// Each sends a byte, spread over this time. Whose head has taken too long for the router begins again.
fn drip(router: SocketAddr, slow: &mut [TcpStream], period: Duration) {
    let pieces = u32::try_from(slow.len().div_ceil(AT_ONCE)).expect("not many");
    for piece in slow.chunks_mut(AT_ONCE) {
        for (index, client) in piece.iter_mut().enumerate() {
            if client.write_all(b"a").is_err() {
                assert!(index / 2 % 2 == 0, "only heads have to be whole so soon");
                *client = begin(router, index);
            }
        }
        thread::sleep(period / pieces);
    }
}

/// The 99th percentile where the machine did the least else.
fn quietest(parts: &[Vec<Served>]) -> Duration {
    let all = parts.iter().flatten();
    for served in all {
        let Served { took, said, .. } = served;
        assert_eq!(served.status, Ok(200), "after {took:?}: {said}");
    }
    parts.iter().map(|part| p99(part)).min().unwrap_or_default()
}
