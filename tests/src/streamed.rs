//! An endpoint of HTTP/2 whose streams do what a test has them do.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::http2::{CONNECTION_WINDOW, STREAM_WINDOW};

/// An endpoint. It ends with the value, and its connections too.
#[derive(Debug)]
pub struct Streamed {
    address: SocketAddr,
    seen: Arc<Seen>,
    serving: JoinHandle<()>,
}

/// A stream that was opened, as whoever serves it gets it.
#[derive(Debug)]
pub struct Asked {
    /// What is asked for.
    pub request: Request<RecvStream>,
    /// Where the answer goes.
    pub respond: SendResponse<Bytes>,
    leave: mpsc::Sender<Leave>,
}

/// How an endpoint ends one of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It takes its leave, and answers what it was asked.
    Gently,
    /// It says that it ends, and does.
    Abruptly,
    /// It says nothing.
    Silently,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicU64,
    streams: AtomicU64,
    open: AtomicU64,
    faults: Mutex<Vec<String>>,
}

type Serve = dyn Fn(Asked) -> BoxFuture<'static, Result<(), h2::Error>> + Send + Sync;

impl Streamed {
    /// Starts it on any port. What a stream's future says of an error is forgotten: the other side knows it.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start<F>(runtime: &Handle, serve: impl Fn(Asked) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), h2::Error>> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket can be");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::<Seen>::default();
        let serve: Arc<Serve> = Arc::new(move |asked| serve(asked).boxed());
        let accepting = accept(listener, serve, Arc::clone(&seen));
        Self {
            address,
            serving: runtime.spawn(accepting),
            seen,
        }
    }

    /// Starts one that answers at once, and never to the end.
    pub fn idle(runtime: &Handle) -> Self {
        Self::start(runtime, |mut asked| async move {
            let mut out = asked.answer()?;
            poll_fn(|cx| out.poll_reset(cx)).await.map(drop)
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its name for a dtab.
    pub fn path(&self) -> String {
        format!("/$/inet/127.0.0.1/{}", self.address.port())
    }

    /// How many streams it got.
    pub fn streams(&self) -> u64 {
        self.seen.streams.load(Ordering::Relaxed)
    }

    /// How many of them have not ended.
    pub fn open(&self) -> u64 {
        self.seen.open.load(Ordering::Relaxed)
    }

    /// Why connections ended that ended badly.
    pub fn faults(&self) -> Vec<String> {
        self.seen.faults().clone()
    }

    /// How many connections are open.
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Seen {
    fn faults(&self) -> MutexGuard<'_, Vec<String>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    /// Has the connection end.
    pub async fn leave(&self, how: Leave) {
        // Whoever was to do it has done it for another stream.
        let _ = self.leave.send(how).await;
    }

    /// Begins an answer that is well.
    ///
    /// # Errors
    /// If the other side has gone.
    pub fn answer(&mut self) -> Result<SendStream<Bytes>, h2::Error> {
        self.respond.send_response(Self::head(), false)
    }

    /// Answers with nothing but a head, which says how a call has ended.
    ///
    /// # Errors
    /// If the other side has gone.
    pub fn answer_at_once(&mut self, grpc_status: u32) -> Result<(), h2::Error> {
        let mut head = Self::head();
        head.headers_mut().insert("grpc-status", grpc_status.into());
        self.respond.send_response(head, true).map(drop)
    }

    /// Waits until the other side gives up a stream whose answer has not begun.
    pub async fn gone(&mut self) {
        // An error is the end of the connection.
        let _ = poll_fn(|cx| self.respond.poll_reset(cx)).await;
    }

    /// What an answer ends with when all went well.
    pub fn end() -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        trailers
    }

    fn head() -> Response<()> {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::OK;
        let grpc = HeaderValue::from_static("application/grpc");
        head.headers_mut().insert("content-type", grpc);
        head
    }
}

async fn accept(listener: std::net::TcpListener, serve: Arc<Serve>, seen: Arc<Seen>) {
    let listener = TcpListener::from_std(listener).expect("a listening socket");
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Fails only for a closed connection.
        let _ = stream.set_nodelay(true);
        let (serve, seen) = (Arc::clone(&serve), Arc::clone(&seen));
        connections.spawn(async move {
            if let Err(error) = converse(stream, serve, &seen).await {
                seen.faults().push(error.to_string());
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Serves a connection, whose streams end with it.
async fn converse(stream: TcpStream, serve: Arc<Serve>, seen: &Arc<Seen>) -> Result<(), h2::Error> {
    let _open = Counted::new(seen, |seen| &seen.connections);
    let mut connection = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(CONNECTION_WINDOW as usize)
        .max_concurrent_streams(10_000)
        .max_local_error_reset_streams(None)
        .max_pending_accept_reset_streams(10_000)
        .handshake(stream)
        .await?;
    let (leave, mut leaves) = mpsc::channel(1);
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(accepted) = accepted else { return Ok(()) };
                let (request, respond) = accepted?;
                seen.streams.fetch_add(1, Ordering::Relaxed);
                let open = Counted::new(seen, |seen| &seen.open);
                let asked = Asked { request, respond, leave: leave.clone() };
                let served = serve(asked);
                streams.spawn(async move {
                    let _open = open;
                    served.await
                });
            }
            Some(how) = leaves.recv() => match how {
                Leave::Gently => connection.graceful_shutdown(),
                Leave::Abruptly => connection.abrupt_shutdown(Reason::INTERNAL_ERROR),
                Leave::Silently => return Ok(()),
            },
            Some(_) = streams.join_next() => {}
        }
    }
}

/// One more, for as long as the value lives.
struct Counted(Arc<Seen>, fn(&Seen) -> &AtomicU64);

impl Counted {
    fn new(seen: &Arc<Seen>, count: fn(&Seen) -> &AtomicU64) -> Self {
        count(seen).fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(seen), count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1(&self.0).fetch_sub(1, Ordering::Relaxed);
    }
}
