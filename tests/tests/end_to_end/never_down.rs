//! Upgrades and reloads under load: no request fails, no connection is refused, and tunnels stay for as long as they may.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use tests::{Bare, Lineage, World, is_full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout};

/// How much is done.
struct Size {
    /// How many upgrades, and as many reloads.
    rounds: usize,
    /// Requests a second of each kind: on connections that are kept, and on a new one each.
    per_second: u32,
    /// How many clients send them, of each kind.
    clients: u32,
}

const LITTLE: Size = Size {
    rounds: 5,
    per_second: 150,
    clients: 5,
};
const FULL: Size = Size {
    rounds: 20,
    per_second: 500,
    clients: 25,
};
const TUNNELS: usize = 100;
/// How long a process that was replaced may take to end.
const GRACE: Duration = Duration::from_millis(2500);

const WITHIN: Duration = Duration::from_secs(20);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: echo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn upgrades_and_reloads_fail_no_request_and_refuse_no_connection() {
    let size = if is_full() { FULL } else { LITTLE };
    let rounds = size.rounds;
    let world = World::new();
    let versions = ["v1", "v2"].map(|version| world.backend(version));
    let echo = world.runtime().block_on(echo());
    let dtab = |round: usize| {
        let web = versions[round % 2].path();
        format!(
            "/svc/web => {web} ; /svc/echo => /$/inet/127.0.0.1/{}",
            echo.port()
        )
    };
    let mut router = Lineage::start(world.dir(), &yaml(&dtab(0)));
    let traffic = Traffic::start(&world, router.address(), &size);
    for round in 0..rounds {
        let tunnels = world.runtime().block_on(Tunnels::open(router.address()));
        router.upgrade(round + 1);
        traffic.assert_well();
        // The process that has them goes on until its grace is over.
        world.runtime().block_on(tunnels.work_for(GRACE / 2));
        let tunnels = world.runtime().block_on(Tunnels::open(router.address()));
        router.reload(round + 1, &yaml(&dtab(round + 1)));
        // Those that were there before stay for good.
        world.runtime().block_on(tunnels.work_for(GRACE / 10));
        traffic.assert_well();
    }
    assert!(router.refuses_what_is_wrong());
    let requests = traffic.assert_well();
    let rate = requests as f64 / traffic.began.elapsed().as_secs_f64();
    println!("{requests} requests, {rate:.0} a second; {rounds} upgrades, {rounds} reloads");
    let least = 0.95 * f64::from(2 * size.per_second);
    assert!(!is_full() || rate > least, "{rate:.0} requests a second");
}

fn yaml(dtab: &str) -> String {
    format!(
        "stateDir: none\nadmin: {{port: 0, shutdownGraceMs: {}}}\nrouters:\n- protocol: http\n  label: proxy\n  servers: [{{port: 0}}]\n  dtab: \"{dtab}\"\n",
        GRACE.as_millis()
    )
}

/// Clients that ask all the time.
struct Traffic {
    answered: Arc<AtomicU64>,
    failed: Arc<Mutex<Vec<String>>>,
    clients: Vec<JoinHandle<()>>,
    began: Instant,
}

impl Traffic {
    fn start(world: &World, router: SocketAddr, size: &Size) -> Self {
        let period = Duration::from_secs(1) * size.clients / size.per_second;
        let (answered, failed) = (Arc::<AtomicU64>::default(), Arc::<Mutex<Vec<_>>>::default());
        let client = |is_kept| {
            let (answered, failed) = (Arc::clone(&answered), Arc::clone(&failed));
            world.runtime().spawn(async move {
                let mut ticks = interval(period);
                let mut kept = None;
                loop {
                    ticks.tick().await;
                    match timeout(WITHIN, ask(router, &mut kept)).await {
                        Ok(Ok(())) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Ok(Err(error)) => failed
                            .lock()
                            .expect("not poisoned")
                            .push(format!("{error:#}")),
                        Err(_) => failed
                            .lock()
                            .expect("not poisoned")
                            .push("no answer".into()),
                    }
                    kept = kept.filter(|_| is_kept);
                }
            })
        };
        let clients = (0..2 * size.clients)
            .map(|index| client(index % 2 == 0))
            .collect();
        Self {
            answered,
            failed,
            clients,
            began: Instant::now(),
        }
    }

    /// How many requests were answered, as all of them were.
    fn assert_well(&self) -> u64 {
        let failed = self.failed.lock().expect("not poisoned");
        assert!(
            failed.is_empty(),
            "{} failed: {:?}",
            failed.len(),
            failed.first()
        );
        self.answered.load(Ordering::Relaxed)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

/// One request, on the connection that was kept or a new one, which is kept if it may be.
async fn ask(router: SocketAddr, kept: &mut Option<Bare>) -> Result<()> {
    let mut bare = match kept.take() {
        Some(bare) => bare,
        None => Bare::connect(router).await?,
    };
    let heard = bare.ask(GET).await?;
    ensure!(
        heard.status == 200 && heard.body.starts_with(b"v"),
        "{}",
        heard.head
    );
    *kept = heard.is_kept.then_some(bare);
    Ok(())
}

/// Connections that were upgraded to something else.
struct Tunnels(Vec<TcpStream>);

impl Tunnels {
    async fn open(router: SocketAddr) -> Self {
        let mut tunnels = Vec::new();
        for _ in 0..TUNNELS {
            let mut tunnel = Bare::connect(router).await.expect("the router accepts");
            let heard = timeout(WITHIN, tunnel.ask(UPGRADE)).await;
            let heard = heard.expect("an answer in time").expect("an answer");
            assert_eq!(heard.status, 101, "{}", heard.head);
            tunnels.push(tunnel.into_stream());
        }
        Self(tunnels)
    }

    /// Bytes go there and back all the time.
    async fn work_for(mut self, time: Duration) {
        let until = Instant::now() + time;
        let mut ticks = interval(Duration::from_millis(100));
        while Instant::now() < until {
            ticks.tick().await;
            for tunnel in &mut self.0 {
                tunnel.write_all(b"ping").await.expect("the tunnel is open");
                let mut bytes = [0; 4];
                let read = timeout(WITHIN, tunnel.read_exact(&mut bytes)).await;
                read.expect("an echo in time").expect("an echo");
                assert_eq!(&bytes, b"ping");
            }
        }
    }
}

/// A backend that upgrades every connection, and sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::runtime::Handle::current().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::runtime::Handle::current().spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else {
                        return;
                    };
                    head.push(byte);
                }
                if stream.write_all(SWITCHING).await.is_ok() {
                    let (mut reader, mut writer) = stream.split();
                    // Ends with the tunnel.
                    let _ = tokio::io::copy(&mut reader, &mut writer).await;
                }
            });
        }
    });
    address
}
