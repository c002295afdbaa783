//! A service that does what a test tells it to, and remembers what was done to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// A service of one address. Requests to it have no bodies. It ends with the value.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    runtime: Handle,
    act: watch::Sender<Act>,
    seen: Arc<Seen>,
    serving: Option<JoinHandle<Vec<String>>>,
}

/// What it does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Answers with this status after this time.
    Answer(u16, Duration),
    /// Takes them and says nothing, until it is told something else.
    Silence,
    /// Dies: what it has got, it has got for nothing.
    Die,
}

/// A request that it gave no answer to, because its connection ended before.
#[derive(Clone, Copy, Debug)]
pub struct Abandoned {
    /// When it had read it.
    pub asked: Instant,
    /// When it saw the end.
    pub ended: Instant,
}

#[derive(Debug, Default)]
struct Seen {
    requests: AtomicU64,
    open: AtomicU64,
    open_most: AtomicU64,
    abandoned: Mutex<Vec<Abandoned>>,
}

impl Scripted {
    /// Starts it on any port.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(runtime: &Handle, act: Act) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let (act, acts) = watch::channel(act);
        let seen = Arc::<Seen>::default();
        Self {
            serving: Some(runtime.spawn(serve(listener, acts, Arc::clone(&seen)))),
            address,
            runtime: runtime.clone(),
            act,
            seen,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it does from now on, also with requests that it has already.
    pub fn acts(&self, act: Act) {
        self.act.send_replace(act);
    }

    /// How many requests it got.
    pub fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::Relaxed)
    }

    /// How many requests it has that it has not answered.
    pub fn open(&self) -> u64 {
        self.seen.open.load(Ordering::Relaxed)
    }

    /// The most that it ever had at once.
    pub fn open_most(&self) -> u64 {
        self.seen.open_most.load(Ordering::Relaxed)
    }

    /// The requests that were given up since the last call.
    pub fn abandoned(&self) -> Vec<Abandoned> {
        std::mem::take(&mut *self.seen.lock())
    }

    /// Ends it as a crash does: connections close, new ones are refused. Returns the methods of the requests that had been sent to it and
    /// had no answer.
    ///
    /// # Panics
    /// If it was dead already.
    pub fn kill(&mut self) -> Vec<String> {
        self.acts(Act::Die);
        let serving = self.serving.take().expect("it dies once");
        self.runtime.block_on(serving).expect("it ends by itself")
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<Abandoned>> {
        self.abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.open_most.fetch_max(open, Ordering::Relaxed);
    }
}

/// Returns the methods of the requests that died with it.
async fn serve(
    listener: TcpListener,
    mut acts: watch::Receiver<Act>,
    seen: Arc<Seen>,
) -> Vec<String> {
    let mut connections = JoinSet::new();
    let taken = |stream: TcpStream, acts: &watch::Receiver<Act>| {
        // Without it a delayed acknowledgement would look like a slow router. It fails only for a closed connection.
        let _ = stream.set_nodelay(true);
        converse(stream, acts.clone(), Arc::clone(&seen))
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = death(&mut acts) => break,
        };
        let Ok((stream, _)) = accepted else { break };
        connections.spawn(taken(stream, &acts));
        while connections.try_join_next().is_some() {}
    }
    // Who is in the queue has perhaps sent something.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        connections.spawn(taken(stream, &acts));
    }
    drop(listener);
    connections.join_all().await.into_iter().flatten().collect()
}

/// Serves a connection. Returns the method of the request that died with it, if one did.
async fn converse(
    mut stream: TcpStream,
    mut acts: watch::Receiver<Act>,
    seen: Arc<Seen>,
) -> Option<String> {
    loop {
        let mut read = Vec::new();
        let has_asked = tokio::select! {
            has_asked = ask(&mut stream, &mut read) => has_asked,
            () = death(&mut acts) => return die(stream, read).await,
        };
        if !has_asked {
            return None;
        }
        let asked = Instant::now();
        seen.begin();
        let said = say(&mut stream, &mut acts).await;
        // Before anybody can know the answer.
        seen.open.fetch_sub(1, Ordering::Relaxed);
        let is_told = match said {
            Said::Answer(status) => {
                let answer = format!("HTTP/1.1 {status} So\r\nContent-Length: 3\r\n\r\nso\n");
                stream.write_all(answer.as_bytes()).await.is_ok()
            }
            Said::Nothing => false,
            Said::Death => return die(stream, read).await,
        };
        if !is_told {
            let ended = Instant::now();
            seen.lock().push(Abandoned { asked, ended });
            return None;
        }
    }
}

async fn death(acts: &mut watch::Receiver<Act>) {
    // An error tells that nobody is left to say anything, which is death as well.
    let _ = acts.wait_for(|act| *act == Act::Die).await;
}

/// Reads a request. Whether there was one before the end.
async fn ask(stream: &mut TcpStream, read: &mut Vec<u8>) -> bool {
    while !read.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read_buf(read).await, Ok(1..)) {
            return false;
        }
    }
    true
}

/// What it has to say to a request.
enum Said {
    Answer(u16),
    /// Nothing: the other side has closed.
    Nothing,
    Death,
}

/// Waits until there is something to say.
async fn say(stream: &mut TcpStream, acts: &mut watch::Receiver<Act>) -> Said {
    let mut more = [0; 1];
    // The next request does not come before this one's answer.
    let mut end = std::pin::pin!(stream.read(&mut more));
    let asked = Instant::now();
    loop {
        let act = *acts.borrow_and_update();
        if act == Act::Die {
            return Said::Death;
        }
        let answered = async {
            let Act::Answer(status, after) = act else {
                return std::future::pending().await;
            };
            sleep_until(asked + after).await;
            status
        };
        tokio::select! {
            _ = &mut end => return Said::Nothing,
            changed = acts.changed() => match changed {
                Ok(()) => {}
                Err(_) => return Said::Death,
            },
            status = answered => return Said::Answer(status),
        }
    }
}

/// Closes as the system does for a process that has ended. Returns the method of the request that came to nothing, if one did.
async fn die(mut stream: TcpStream, mut read: Vec<u8>) -> Option<String> {
    // First this, so that nobody takes it for open who has not sent already; then what was on its way is known.
    let _ = stream.shutdown().await;
    sleep(Duration::from_millis(50)).await;
    // Fails where nothing was.
    let _ = stream.try_read_buf(&mut read);
    let method = read.split(|byte| *byte == b' ').next().unwrap_or_default();
    (!read.is_empty()).then(|| String::from_utf8_lossy(method).into_owned())
}
