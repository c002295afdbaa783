//! A service that becomes slow while as many ask as before: the router keeps its memory, and others keep their times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tests::{Backend, Router, Rush, Served, is_full, p99, with_descriptors};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio::time::{Instant, sleep};

/// How much is done.
struct Size {
    /// Requests a second for the service that becomes slow.
    per_second: u32,
    /// Requests a second for another one.
    for_others: u32,
    /// How long an answer takes while the service is slow.
    slow: Duration,
    /// How long it is, after it was well for that long.
    lasts: Duration,
    /// More lines of the configuration.
    top: &'static str,
}

/// At its worst as many wait in the router as in the full size, for its bounds.
const LITTLE: Size = Size {
    per_second: 200,
    for_others: 100,
    slow: Duration::from_secs(3),
    lasts: Duration::from_secs(2),
    top: "maxConcurrentRequests: 200\n",
};
const FULL: Size = Size {
    per_second: 2_000,
    for_others: 200,
    slow: Duration::from_secs(10),
    lasts: Duration::from_secs(20),
    top: "",
};

const WELL: Duration = Duration::from_millis(1);

/// How soon all is as it was once the service is well again.
const NORMAL_WITHIN: Duration = Duration::from_secs(5);

const SLOW: &str = "GET / HTTP/1.1\r\nHost: slow\r\n\r\n";
const WEB: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

#[test]
fn a_service_that_slows_down_costs_others_nothing() {
    let size = if is_full() { FULL } else { LITTLE };
    with_descriptors(std::process::id(), 20_000);
    let runtime = Runtime::new().expect("a runtime");
    let (slow, web) = (
        Sluggish::start(&runtime),
        Backend::start(runtime.handle(), "v1"),
    );
    let dir = tempfile::tempdir().expect("a folder");
    let rest = format!(
        "  dtab: /svc/slow => /$/inet/127.0.0.1/{} ; /svc/web => {}\n{}",
        slow.port,
        web.path(),
        size.top
    );
    let router = Router::start(dir.path(), "out", &rest, (0, 0)).expect("the router starts");
    let start = |request, rate| Rush::start(runtime.handle(), router.address(), request, rate);
    let (rush, others) = (start(SLOW, size.per_second), start(WEB, size.for_others));
    // Connections are opened, and buffers taken for the first time.
    thread::sleep(Duration::from_secs(1));
    drop((rush.take(), others.take()));

    thread::sleep(size.lasts);
    let resident = router.process.resident();
    assert_answered(&rush.take());
    let alone = parts(&others.take());
    slow.takes(size.slow);
    let mut most = 0;
    let mut beside = Vec::new();
    for _ in 0..20 {
        thread::sleep(size.lasts / 20);
        most = most.max(router.process.resident().saturating_sub(resident));
        beside.extend(others.take());
    }
    let beside = parts(&beside);
    let (shed, passed) = shed(rush.take());
    slow.takes(WELL);
    thread::sleep(NORMAL_WITHIN);
    let normal = Instant::now();
    thread::sleep(Duration::from_secs(2));
    // Those that were taken while it was slow may still have waited until now.
    let mut after = rush.take();
    after.retain(|served| served.due >= normal);
    println!(
        "{} passed, {} shed, p99 of that {:?}; {} KiB more; p99 of others {alone:?}, then {beside:?}; {} after, p99 {:?}",
        passed.len(),
        shed.len(),
        p99(&shed),
        most / 1024,
        after.len(),
        p99(&after)
    );
    assert_answered(&after);
    assert!(after.len() as u64 >= u64::from(size.per_second) * 2 * 9 / 10);
    assert!(most <= 100 << 20, "{} KiB", most / 1024);
    // Where tests run side by side, another may take the time of all that is asked meanwhile.
    let slack = Duration::from_millis(if is_full() { 0 } else { 150 });
    assert!(p99(&shed) < Duration::from_millis(50) + slack);
    assert!(beside < 2 * alone + slack, "{alone:?}, then {beside:?}");
}

fn assert_answered(served: &[Served]) {
    for served in served {
        let Served { took, said, .. } = served;
        assert_eq!(served.status, Ok(200), "after {took:?}: {said}");
    }
}

/// Those that were shed at once, and the others, which were answered in the end. Nothing else may become of a request.
fn shed(served: Vec<Served>) -> (Vec<Served>, Vec<Served>) {
    let (shed, passed): (Vec<_>, Vec<_>) = served
        .into_iter()
        .partition(|served| served.status == Ok(503));
    assert_answered(&passed);
    (shed, passed)
}

/// The 99th percentile of the part in which the machine did the least else.
fn parts(served: &[Served]) -> Duration {
    assert_answered(served);
    let parts = served.chunks_exact(served.len() / 4);
    parts.map(p99).min().unwrap_or_default()
}

/// A service that takes its time: as long as it is told when a request comes.
struct Sluggish {
    port: u16,
    millis: Arc<AtomicU64>,
}

impl Sluggish {
    fn start(runtime: &Runtime) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let sluggish = Self {
            port,
            millis: Arc::default(),
        };
        sluggish.takes(WELL);
        let millis = Arc::clone(&sluggish.millis);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                Handle::current().spawn(serve(stream, Arc::clone(&millis)));
            }
        });
        sluggish
    }

    fn takes(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).expect("not long");
        self.millis.store(millis, Ordering::Relaxed);
    }
}

/// Ends with the connection.
async fn serve(mut stream: TcpStream, millis: Arc<AtomicU64>) {
    let mut read = Vec::new();
    loop {
        read.clear();
        while !read.ends_with(b"\r\n\r\n") {
            if !matches!(stream.read_buf(&mut read).await, Ok(1..)) {
                return;
            }
        }
        sleep(Duration::from_millis(millis.load(Ordering::Relaxed))).await;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}
