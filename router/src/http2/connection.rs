//! A client's connection: one task reads and writes its frames, and answers its requests.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Connection};
use tokio::time::Instant;
use transport::Peer;

use super::entrance::{Entrance, close};
use super::exchange::answer;
use super::keep_alive::KeepAlive;
use super::streams::Streams;
use super::upgrade::FirstBody;
use crate::exchange::{Edge, Origin};
use crate::headers::Shown;
use crate::server::{Activity, Phase, Server};

/// Who asks on a connection, as its streams need to know it.
pub(super) struct Caller {
    pub(super) server: Arc<Server>,
    pub(super) peer: Peer,
    pub(super) worker: usize,
    /// A random number, the same for all requests of the connection.
    connection: u64,
    /// What the next hop may be told of the certificate that the client has shown.
    pub(super) client_cert: Option<Shown>,
    /// How many streams the client has reset before it had an answer, since somebody last looked.
    early_resets: AtomicU32,
}

impl Caller {
    pub(super) fn origin<'a>(&self, edge: &'a Edge) -> Origin<'a> {
        Origin {
            edge,
            peer: self.peer,
            connection: self.connection,
            worker: self.worker,
        }
    }

    /// The client wants no answer any more to what it has just asked.
    pub(super) fn has_reset_early(&self) {
        self.early_resets.fetch_add(1, Ordering::Relaxed);
    }
}

/// Serves a connection until one of both sides has had enough.
pub(crate) async fn serve(
    entrance: Entrance,
    peer: Peer,
    worker: usize,
    server: &Arc<Server>,
    activity: &Activity,
) {
    if !entrance.may_speak_http2() {
        return tracing::debug!(%peer, "a client with TLS did not ask for HTTP/2 (ALPN h2)");
    }
    let front = server.front();
    let config = front.edge.http2;
    activity.serves_many();
    let caller = Arc::new(Caller {
        server: Arc::clone(server),
        peer,
        worker,
        connection: fastrand::u64(..),
        client_cert: entrance.client_cert(),
        early_resets: AtomicU32::new(0),
    });
    let flow = &config.flow;
    let mut builder = Builder::new();
    builder
        .header_table_size(flow.header_table_bytes)
        .initial_window_size(flow.stream_window_bytes)
        .initial_connection_window_size(flow.connection_window_bytes)
        .max_frame_size(flow.max_frame_bytes)
        .max_header_list_size(front.edge.max_header_list())
        .max_concurrent_streams(config.max_concurrent_streams)
        .data_frame_budget(super::frame_budget(flow))
        .max_send_buffer_size(super::MOST_UNSENT)
        .max_concurrent_reset_streams(super::REMEMBERED_RESETS)
        .reset_stream_duration(super::REMEMBERED_FOR)
        .max_local_error_reset_streams(Some(MOST_FAULTS))
        // Those that are reset before they were even accepted are counted here, too, where one moment does not tell a flood from a
        // large client that gives up.
        .max_pending_accept_reset_streams(
            usize::try_from(config.max_early_resets).unwrap_or(usize::MAX),
        );
    drop(front);
    let (first_body, socket) = (entrance.first_body(), entrance.socket());
    let mut connection = match begin(builder.handshake(entrance), activity).await {
        Some(Ok(connection)) => connection,
        Some(Err(error)) => return tracing::debug!(%peer, %error, "a client does not speak HTTP/2"),
        None => return tracing::debug!(%peer, "a client did not begin"),
    };
    let mut serving = Serving {
        keep_alive: KeepAlive::new(connection.ping_pong(), config.keep_alive),
        connection,
        streams: Streams::default(),
        first_body,
        caller,
        activity,
        is_ending: false,
        requests: 0,
        has_flooded: false,
        resets: Resets::new(config.max_early_resets),
    };
    poll_fn(|cx| serving.poll(cx)).await;
    drop(serving);
    close(socket).await;
}

/// Waits for the client's first bytes; none if they do not come in time, or before the router ends.
async fn begin<T>(shaking: impl Future<Output = T>, activity: &Activity) -> Option<T> {
    let mut shaking = pin!(shaking);
    activity.note(Phase::Head, 0);
    poll_fn(|cx| match shaking.as_mut().poll(cx) {
        Poll::Ready(shaken) => Poll::Ready(Some(shaken)),
        Poll::Pending if activity.has_stalled() || activity.is_hurried() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}
/// How many frames a client may send, while it is connected, on streams that were reset and are forgotten. Each makes an answer, which waits
/// until the client reads it.
const MOST_FAULTS: usize = 10_000;

/// A connection that is served.
struct Serving<'a> {
    connection: Connection<Entrance, Bytes>,
    streams: Streams,
    /// The body of a first stream that was asked for before there were any.
    first_body: Option<Bytes>,
    keep_alive: Option<KeepAlive>,
    caller: Arc<Caller>,
    activity: &'a Activity,
    /// Whether the client was told to send no more requests.
    is_ending: bool,
    /// Whether it was told why it may send nothing at all.
    has_flooded: bool,
    /// How many requests there were.
    requests: u64,
    resets: Resets,
}

impl Serving<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let activity = self.activity;
        if (activity.is_draining() || activity.has_stalled()) && !self.is_ending {
            // Requests that are on their way are answered still: the client is told which was the last only after a while.
            self.connection.graceful_shutdown();
            self.is_ending = true;
        }
        let mut had_run = false;
        loop {
            let known = self.requests;
            if self.poll_accept(cx).is_ready() {
                return Poll::Ready(());
            }
            // The client has yet to be told that it has gone too far.
            if self.heed_resets() {
                continue;
            }
            // What the streams have said is written by then.
            if had_run && self.requests == known {
                break;
            }
            self.streams.run(cx);
            had_run = true;
        }
        let has_streams = self.connection.has_streams();
        let phase = match has_streams {
            true => Phase::Busy,
            false => Phase::Quiet,
        };
        activity.note(phase, self.requests);
        match &mut self.keep_alive {
            Some(keep_alive) => keep_alive.poll_lost(cx, || true),
            None => Poll::Pending,
        }
    }

    /// Reads what there is, and writes what can be written. Ready when the connection has ended.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match ready!(self.connection.poll_accept(cx)) {
                Some(Ok((mut request, respond))) => {
                    self.requests += 1;
                    if let Some(body) = self.first_body.take() {
                        FirstBody(body).belongs_to(&mut request);
                    }
                    let caller = Arc::clone(&self.caller);
                    self.streams.push(answer(caller, request, respond));
                }
                Some(Err(error)) => {
                    tracing::debug!(peer = %self.caller.peer, %error, "a connection broke");
                    return Poll::Ready(());
                }
                None => return Poll::Ready(()),
            }
        }
    }

    /// Ends the connection of a client that asks only to reset. True if that is so, once.
    fn heed_resets(&mut self) -> bool {
        let new = self.caller.early_resets.swap(0, Ordering::Relaxed);
        let has_flooded = new > 0
            && !self.has_flooded
            && self.resets.are_too_many(new, self.requests, Instant::now());
        if has_flooded {
            tracing::debug!(peer = %self.caller.peer, "a client resets most of its streams");
            self.caller.server.front().edge.stats.reset_floods.inc();
            self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            self.has_flooded = true;
        }
        has_flooded
    }
}

/// How many streams were reset early, and how many there were, in the last while.
struct Resets {
    most: u32,
    count: u32,
    began: Option<Instant>,
    /// How many streams there were when it began.
    streams: u64,
}

/// How long the while is.
const WINDOW: Duration = Duration::from_secs(10);

impl Resets {
    fn new(most: u32) -> Self {
        Self {
            most,
            count: 0,
            began: None,
            streams: 0,
        }
    }

    /// Whether these are too many, of so many streams that there were in all.
    fn are_too_many(&mut self, new: u32, streams: u64, now: Instant) -> bool {
        if self.began.is_none_or(|began| now - began >= WINDOW) {
            *self = Self {
                began: Some(now),
                // Those that were just reset belong to the new while.
                streams: streams.saturating_sub(u64::from(new)),
                ..Self::new(self.most)
            };
        }
        self.count += new;
        let streams = streams - self.streams;
        self.count > self.most && u64::from(self.count) * 2 > streams
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_too_many_where_they_are_most_of_all_streams() {
        let now = Instant::now();
        let mut resets = Resets::new(500);
        assert!(!resets.are_too_many(500, 500, now));
        assert!(resets.are_too_many(1, 501, now));
        let mut resets = Resets::new(500);
        assert!(!resets.are_too_many(1, 1, now));
        assert!(!resets.are_too_many(599, 10_000, now), "they are few");
        let later = now + WINDOW;
        assert!(!resets.are_too_many(5, 10_005, later), "another while");
        assert!(!resets.are_too_many(490, 10_600, later), "not yet");
        assert!(resets.are_too_many(120, 10_720, later));
    }
}
