//! A connection to an endpoint, driven by whoever uses it.
//!
//! hyper expects its connections to run as tasks of their own; here the task of the request polls the connection itself, so
//! that a request and its response never change tasks. While idle nobody polls it: what happened meanwhile is seen on the
//! next use, before anything is written.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use live::Task;
use telemetry::Gauge;
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout};

/// How long connecting may take. Source: finagle's default in linkerd, not configurable there either.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

type Driver = http1::Connection<TokioIo<TcpStream>, RequestBody>;

/// An open connection. Dropping it closes it.
pub(crate) struct Connection {
    sender: http1::SendRequest<RequestBody>,
    /// Reads and writes the socket when polled; none once the connection has ended, or when it has become a task.
    driver: Option<Driver>,
    /// The driver as a task, for an upload that goes on while the response comes in.
    detached: Option<Task<()>>,
    /// When it was last put back.
    pub(crate) returned: Instant,
    _counted: Counted,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Refused(#[from] io::Error),
    #[error("not connected within {} ms", CONNECT_TIMEOUT.as_millis())]
    TimedOut,
    #[error("{0}")]
    Handshake(#[from] hyper::Error),
}

/// What became of a request that got no response.
pub(crate) enum Sent {
    /// Nothing of it was written; it is where it was.
    Nothing,
    /// Some of it may have been read by the other side.
    Perhaps(hyper::Error),
}

impl Connection {
    /// Connects within [`CONNECT_TIMEOUT`]. `connections` counts it while it is open.
    pub(crate) async fn open(
        address: SocketAddr,
        connections: Gauge,
    ) -> Result<Self, ConnectError> {
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
        let stream = connecting.await.map_err(|_| ConnectError::TimedOut)??;
        // Fails only on a socket that is dead already, which the first write tells as well.
        let _ = stream.set_nodelay(true);
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            driver: Some(driver),
            detached: None,
            returned: Instant::now(),
            _counted: Counted::new(connections),
        })
    }

    /// Takes and sends a request, and waits for the head of its response. Dropping the future spoils the connection.
    pub(crate) async fn send(
        &mut self,
        request: &mut Request<RequestBody>,
    ) -> Result<Response<Incoming>, Sent> {
        let upload = request.body().progress();
        // The answer can come only while the driver is polled, which is done right here: so nobody needs to be woken for it,
        // and the task is not woken by itself.
        let mut answer = pin!(unconstrained(
            self.sender.try_send_request(std::mem::take(request)),
        ));
        let mut is_sent = false;
        let driver = &mut self.driver;
        let answered = poll_fn(|cx| {
            let mut unheard = Context::from_waker(Waker::noop());
            if is_sent {
                drive(driver, &mut unheard);
                if let Poll::Ready(answered) = answer.as_mut().poll(&mut unheard) {
                    return Poll::Ready(answered);
                }
            }
            is_sent = true;
            drive(driver, cx);
            answer.as_mut().poll(&mut unheard)
        });
        let response = match answered.await {
            Ok(response) => response,
            Err(mut error) => match error.take_message() {
                Some(unsent) => {
                    *request = unsent;
                    return Err(Sent::Nothing);
                }
                None => return Err(Sent::Perhaps(error.into_error())),
            },
        };
        if !upload.is_none_or(|progress| progress.load(Ordering::Relaxed)) {
            self.detach();
        }
        Ok(response)
    }

    /// Makes the driver a task: the rest of the request must flow on even while nobody asks for the response's body.
    fn detach(&mut self) {
        if let Some(driver) = self.driver.take() {
            self.detached = Some(live::task("upload", async move {
                if let Err(error) = driver.await {
                    tracing::debug!(%error, "upload ended early");
                }
            }));
        }
    }

    /// The next piece of the response's body.
    pub(crate) fn poll_body(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut body = Pin::new(body);
        if self.detached.is_some() {
            return body.poll_frame(cx);
        }
        let mut unheard = Context::from_waker(Waker::noop());
        // The first look also tells the driver that somebody wants the next piece.
        let waiting = body.as_mut().poll_frame(&mut unheard);
        if waiting.is_ready() {
            return waiting;
        }
        drive(&mut self.driver, &mut unheard);
        let arrived = body.as_mut().poll_frame(&mut unheard);
        if arrived.is_ready() {
            return arrived;
        }
        drive(&mut self.driver, cx);
        body.poll_frame(&mut unheard)
    }

    /// Whether the connection can take another request, now that the response has ended.
    pub(crate) fn is_reusable(&mut self) -> bool {
        if !self.sender.is_ready() {
            drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        }
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Whether the other side keeps the idle connection open, as far as this side has heard.
    pub(crate) fn is_open(&mut self) -> bool {
        drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && !self.sender.is_closed()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(upload) = &self.detached {
            upload.abort();
        }
    }
}

/// Polls the driver, and drops it when it has ended: only then does the answer learn that there will be none.
fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    if let Some(running) = driver
        && Pin::new(running).poll(cx).is_ready()
    {
        *driver = None;
    }
}

/// Counts a connection for as long as it is open.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.add(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sub(1.0);
    }
}

/// The body of a request on its way to an endpoint.
#[derive(Debug, Default)]
pub(crate) enum RequestBody {
    /// None.
    #[default]
    Empty,
    /// What the client sends, as it sends it.
    Streaming {
        body: Incoming,
        /// Set at the end of the body.
        has_ended: Arc<AtomicBool>,
    },
}

impl RequestBody {
    pub(crate) fn new(body: Incoming) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Streaming {
            body,
            has_ended: Arc::default(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn progress(&self) -> Option<Arc<AtomicBool>> {
        match self {
            Self::Empty => None,
            Self::Streaming { has_ended, .. } => Some(Arc::clone(has_ended)),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self::Streaming { body, has_ended } = self.get_mut() else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(&mut *body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || body.is_end_stream() {
            has_ended.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streaming { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streaming { body, .. } => body.size_hint(),
        }
    }
}
