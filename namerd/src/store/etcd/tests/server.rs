//! An etcd of the tests' own, and a proxy that comes between.

use std::net::TcpListener as StdListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use etcd_client::Client;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::store::{Etcd, EtcdSettings, Store};

/// A running etcd; it ends with this value.
pub(super) struct Server {
    child: Child,
    dir: TempDir,
    port: u16,
    peer_port: u16,
    extra: Vec<String>,
}

impl Server {
    /// The etcd that all tests share which do it no harm. It ends with the last of them.
    pub(super) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    pub(super) fn start(extra: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (port, peer_port) = (free_port(), free_port());
        let extra: Vec<String> = extra.iter().map(|&arg| arg.to_owned()).collect();
        let child = launch(&dir.path().join("data"), port, peer_port, &extra);
        Self {
            child,
            dir,
            port,
            peer_port,
            extra,
        }
    }

    /// As `kill -9` does it.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(super) fn restart(&mut self) {
        self.child = launch(
            &self.dir.path().join("data"),
            self.port,
            self.peer_port,
            &self.extra,
        );
    }

    pub(super) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Copies the data of a server that is not running.
    pub(super) fn copy_data(&self, from: &str, to: &str) {
        let (from, to) = (self.dir.path().join(from), self.dir.path().join(to));
        let _ = std::fs::remove_dir_all(&to);
        assert!(
            Command::new("cp")
                .arg("-a")
                .args([from, to])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn settings(&self, path_prefix: &str) -> EtcdSettings {
        EtcdSettings {
            path_prefix: path_prefix.to_owned(),
            request_timeout: Duration::from_secs(3),
            silence_max: Duration::from_millis(600),
            board_ttl: Duration::from_secs(2),
            ..EtcdSettings::new(vec![self.address()])
        }
    }

    /// A client that knows nothing of namerd.
    pub(super) async fn client(&self) -> Client {
        let client = Client::connect([self.address()], None).await.unwrap();
        until("etcd answers", async || {
            client.clone().status().await.is_ok()
        })
        .await;
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(data: &Path, port: u16, peer_port: u16, extra: &[String]) -> Child {
    let program = std::env::var_os("ETCD").unwrap_or_else(|| "etcd".into());
    let is_tls = extra.iter().any(|arg| arg.starts_with("--cert-file"));
    let client_url = format!(
        "{}://127.0.0.1:{port}",
        if is_tls { "https" } else { "http" }
    );
    let peer_url = format!("http://127.0.0.1:{peer_port}");
    let mut command = Command::new(&program);
    command
        .arg("--data-dir")
        .arg(data)
        .args(["--listen-client-urls", &client_url]);
    command.args([
        "--advertise-client-urls",
        &client_url,
        "--listen-peer-urls",
        &peer_url,
    ]);
    command.args(["--initial-advertise-peer-urls", &peer_url]);
    command.args([
        "--initial-cluster",
        &format!("default={peer_url}"),
        "--log-level",
        "error",
    ]);
    command
        .args(extra)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!(
            "these tests need etcd, and {program:?} cannot be run ({error}): install it (Debian: apt-get install \
             etcd-server) or set ETCD to its path"
        )
    })
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A store that has heard of etcd.
pub(super) async fn store(server: &Server, path_prefix: &str) -> Etcd {
    let store = Etcd::open("namerd-1", server.settings(path_prefix));
    let ready = async || store.view().health().value().unwrap().state() == "ok";
    until("the store is heard", ready).await;
    store
}

/// Waits until something holds that only asking can tell.
#[track_caller]
pub(super) fn until(what: &str, holds: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let asking = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), asking).await;
        assert!(waited.is_ok(), "{place}: waited in vain until {what}");
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Pass,
    /// Requests go through, answers do not.
    Swallow,
    /// Nothing goes through, and connections are closed.
    Cut,
}

/// Passes connections on to etcd, as long as it is told to.
pub(super) struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
    _accepting: Accepting,
}

struct Accepting(live::Task<()>);

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Proxy {
    pub(super) async fn start(to: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, now) = watch::channel(Mode::Pass);
        let accepting = live::task("proxy", async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (to, mut now) = (to.clone(), now.clone());
                live::task("proxied connection", async move {
                    let mut until_cut = now.clone();
                    tokio::select! {
                        _ = until_cut.wait_for(|mode| *mode == Mode::Cut) => {}
                        _ = pass(client, &to, &mut now) => {}
                    }
                });
            }
        });
        Self {
            port,
            mode,
            _accepting: Accepting(accepting),
        }
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn swallow_answers(&self) {
        self.mode.send_replace(Mode::Swallow);
    }

    /// Answers when all connections are closed.
    pub(super) async fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
        until("connections are closed", async || {
            self.mode.receiver_count() == 1
        })
        .await;
    }

    pub(super) fn heal(&self) {
        self.mode.send_replace(Mode::Pass);
    }
}

async fn pass(client: TcpStream, to: &str, now: &mut watch::Receiver<Mode>) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(to).await?.into_split();
    let requests = async {
        tokio::io::copy(&mut from_client, &mut to_server)
            .await
            .map(|_| ())
    };
    let answers = async {
        let (mut buffer, mut was_swallowed) = (vec![0; 64 << 10], false);
        loop {
            let length = from_server.read(&mut buffer).await?;
            was_swallowed |= *now.borrow_and_update() == Mode::Swallow;
            match length {
                0 => return Ok(()),
                // With a hole in it, the stream is worth nothing any more.
                _ if was_swallowed => {}
                _ => to_client.write_all(&buffer[..length]).await?,
            }
        }
    };
    tokio::select! {
        done = requests => done,
        done = answers => done,
    }
}
