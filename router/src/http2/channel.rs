//! A connection to an endpoint, shared by the streams of one worker.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use config::Http2Client;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::Request;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::keep_alive::KeepAlive;
use super::listening::Listening;
use crate::client::ConnectError;
use crate::stats::Counted;
use crate::wire::Socket;

/// An open connection. It closes when the last holder has dropped it and the last stream has ended.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Cloned for each stream: one that had to wait for its turn would keep this from sending, and from being asked how it is.
    sender: SendRequest<Bytes>,
    state: Arc<State>,
    most: usize,
    opened: Instant,
}

/// What the task of the connection knows of its use, and the other way round.
#[derive(Debug, Default)]
struct State {
    streams: AtomicUsize,
    /// How many streams there were so far.
    uses: AtomicU64,
    has_ended: AtomicBool,
}

/// Leave for one stream of a channel. Dropping it makes room for the next.
#[derive(Debug)]
pub(super) struct Slot {
    channel: Arc<Channel>,
}

/// How long an endpoint may take to say how many streams it allows, which it has to say first of all. Source: RFC 9113 §3.4.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl Channel {
    /// Begins to speak on a socket, and waits for the endpoint to do so: nobody knows before how many streams it allows. `counted`
    /// counts the connection while it is open. The connection is driven by a task of the runtime that this is called on.
    ///
    /// # Errors
    /// When the endpoint does not speak HTTP/2, or not in time.
    pub(super) async fn open(
        socket: Socket,
        config: &Http2Client,
        max_header_list: u32,
        counted: Counted,
    ) -> Result<Self, ConnectError> {
        let flow = &config.flow;
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .header_table_size(flow.header_table_bytes)
            .initial_window_size(flow.stream_window_bytes)
            .initial_connection_window_size(flow.connection_window_bytes)
            .max_frame_size(flow.max_frame_bytes)
            .max_header_list_size(flow.max_header_list_bytes.unwrap_or(max_header_list))
            .data_frame_budget(super::frame_budget(flow))
            .max_send_buffer_size(super::MOST_UNSENT)
            .max_concurrent_reset_streams(super::REMEMBERED_RESETS)
            .reset_stream_duration(super::REMEMBERED_FOR)
            // Clients that cancel are no fault of the endpoint, however many they are in the life of a connection.
            .max_local_error_reset_streams(None)
            .initial_max_send_streams(0);
        let began = Instant::now();
        let late = |_| ConnectError::TimedOut(HANDSHAKE);
        let refused = |error: h2::Error| ConnectError::Refused(io::Error::other(error));
        let shaking = timeout(HANDSHAKE, builder.handshake(Listening::new(socket))).await;
        let (sender, mut connection) = shaking.map_err(late)?.map_err(refused)?;
        let state = Arc::new(State::default());
        let keep_alive = KeepAlive::new(connection.ping_pong(), config.keep_alive);
        let (greet, greeted) = oneshot::channel();
        let driven = Driven {
            connection,
            keep_alive,
            greet: Some(greet),
            state: Arc::clone(&state),
            _counted: counted,
        };
        live::task("channel", driven.drive());
        let left = HANDSHAKE.saturating_sub(began.elapsed());
        match timeout(left, greeted).await.map_err(late)? {
            Ok(greeted) => greeted.map_err(refused)?,
            Err(_) => {
                let error = "it closed the connection instead of speaking HTTP/2";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error).into());
            }
        }
        Ok(Self {
            sender,
            state,
            most: usize::try_from(config.max_streams).unwrap_or(usize::MAX),
            opened: Instant::now(),
        })
    }

    /// Leave for one more stream, if the connection lives and neither side has as many as it wants.
    pub(super) fn reserve(self: &Arc<Self>) -> Option<Slot> {
        let streams = &self.state.streams;
        let in_use = streams.load(Ordering::Relaxed);
        if in_use >= self.most || in_use >= self.sender.current_max_send_streams() {
            return None;
        }
        self.state.uses.fetch_add(1, Ordering::Relaxed);
        streams.fetch_add(1, Ordering::Relaxed);
        Some(Slot {
            channel: Arc::clone(self),
        })
    }

    /// Whether it takes no more streams: it has ended, or the other side is about to end it.
    pub(super) fn is_ending(&self) -> bool {
        let mut unheard = Context::from_waker(Waker::noop());
        self.state.has_ended.load(Ordering::Relaxed)
            || matches!(
                self.sender.clone().poll_ready(&mut unheard),
                Poll::Ready(Err(_))
            )
    }

    /// How many streams it has.
    pub(super) fn streams(&self) -> usize {
        self.state.streams.load(Ordering::Relaxed)
    }

    /// A number that changes with each stream.
    pub(super) fn uses(&self) -> u64 {
        self.state.uses.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) -> Instant {
        self.opened
    }
}

impl Slot {
    /// Sends a request's head; `is_all` if nothing follows it.
    ///
    /// # Errors
    /// When the connection takes no more streams: nothing was sent then.
    pub(super) fn send(
        &self,
        request: Request<()>,
        is_all: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        self.channel.sender.clone().send_request(request, is_all)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.channel.state.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection whose frames are read and written.
struct Driven {
    connection: Connection<Listening<Socket>, Bytes>,
    keep_alive: Option<KeepAlive>,
    /// Who waits for the endpoint's first word.
    greet: Option<oneshot::Sender<Result<(), h2::Error>>>,
    state: Arc<State>,
    _counted: Counted,
}

impl Driven {
    async fn drive(mut self) {
        let ended = poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut self.connection).poll(cx) {
                return Poll::Ready(ended);
            }
            if self.greet.is_some()
                && self.connection.max_concurrent_send_streams() > 0
                && let Some(greet) = self.greet.take()
            {
                // Who does not wait any more has given up on the connection as well.
                let _ = greet.send(Ok(()));
            }
            let state = &self.state;
            let is_used = || state.streams.load(Ordering::Relaxed) > 0;
            match &mut self.keep_alive {
                Some(keep_alive) => keep_alive
                    .poll_lost(cx, is_used)
                    .map(|()| Err(Reason::SETTINGS_TIMEOUT.into())),
                None => Poll::Pending,
            }
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, "a connection to an endpoint ended");
            if let Some(greet) = self.greet.take() {
                let _ = greet.send(Err(error));
            }
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.state.has_ended.store(true, Ordering::Relaxed);
    }
}
