//! A client's connection: request after request, until it closes, stalls, or the router drains.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http1::{Limits, Parsed, RequestHead};
use tokio::time::timeout;
use transport::Drain;

use super::Server;
use super::activity::{Activity, Phase};
use super::heads::Heads;
use crate::error::RouteError;
use crate::exchange::{After, Downstream, Origin};
use crate::stats::{Counted, ServerStats};
use crate::wire::{Input, Socket};

/// Serves a connection. Dropping the future closes it and cancels what it waits for.
pub(super) async fn serve(
    socket: Socket,
    peer: SocketAddr,
    worker: usize,
    server: &Server,
    drain: &Drain,
) {
    let _open = Open::new(&server.edge.stats);
    let activity = Activity::default();
    activity.note(Phase::Idle, 0);
    let mut conversation = pin!(converse(socket, peer, worker, server, &activity));
    // Polled only when one of them is woken: waiting on a shutdown takes locks that all connections share.
    let kinds = [Event::Drain, Event::Stall(Phase::Busy), Event::Cut];
    let mut events: FuturesUnordered<_> = kinds
        .into_iter()
        .map(|kind| kind.happens(drain, &activity, server))
        .collect();
    loop {
        tokio::select! {
            // A drain comes first, so that a response that is ready in the same moment says that it is the last.
            biased;
            Some(event) = events.next() => match event {
                // The conversation sees these when it is polled, which happens next.
                Event::Drain => {
                    activity.drain();
                    events.push(Event::Hurry.happens(drain, &activity, server));
                }
                Event::Hurry => activity.hurry(),
                Event::Stall(Phase::Head | Phase::Body) if !activity.has_stalled() => {
                    activity.stall();
                    events.push(Event::Stall(Phase::Busy).happens(drain, &activity, server));
                }
                Event::Stall(_) | Event::Cut => return,
            },
            () = &mut conversation => return,
        }
    }
}

/// What ends a connection from outside.
#[derive(Clone, Copy)]
enum Event {
    /// The connection's next answer is its last.
    Drain,
    /// If it is idle, it had its last.
    Hurry,
    /// The client takes too long for this.
    Stall(Phase),
    /// The grace of the shutdown is over.
    Cut,
}

impl Event {
    async fn happens(self, drain: &Drain, activity: &Activity, server: &Server) -> Self {
        match self {
            Self::Drain => drain.begun().await,
            Self::Stall(_) => {
                let phase = activity.stalls(&server.edge.patience).await;
                server.edge.stats.stalled(phase);
                return Self::Stall(phase);
            }
            Self::Hurry => drain.hurried().await,
            Self::Cut => drain.cut().await,
        }
        self
    }
}

/// Answers requests until one of both sides has had enough.
async fn converse(
    mut socket: Socket,
    peer: SocketAddr,
    worker: usize,
    server: &Server,
    activity: &Activity,
) {
    let mut input = Input::default();
    let mut exchanges = 0;
    let connection = fastrand::u64(..);
    loop {
        activity.note(Phase::Idle, exchanges);
        if !is_asked(&mut socket, &mut input, activity).await {
            return;
        }
        let mut heads = Heads::take();
        let (request, response, message) = heads.all();
        let limits = &server.edge.limits;
        let read = read_head(&mut socket, &mut input, request, limits, activity).await;
        activity.note(Phase::Busy, exchanges);
        let origin = Origin {
            edge: &server.edge,
            peer,
            connection,
            worker,
        };
        if matches!(read, Err(Ended::Closed)) {
            return;
        }
        let both = (&mut socket, &mut input);
        let stats = &server.edge.stats;
        let mut downstream = Downstream::new(both, (request, response), activity, stats);
        let after = match read {
            Err(Ended::Refused(error)) => {
                let answering = server.router.turn_away(origin, &mut downstream, error);
                Box::pin(answering).await
            }
            _ => {
                let router = &server.router;
                router.answer(origin, &mut downstream, message).await
            }
        };
        match after {
            After::Keep => exchanges += 1,
            After::Close => return,
            After::Linger => return Box::pin(linger(socket, input)).await,
            After::Reset => return socket.reset(),
        }
    }
}

/// Waits for the first byte of a request; false if there will be none.
async fn is_asked(socket: &mut Socket, input: &mut Input, activity: &Activity) -> bool {
    poll_fn(|cx| {
        if !input.is_empty() {
            return Poll::Ready(true);
        }
        let (mut reader, _) = socket.split();
        match input.poll_fill(cx, &mut reader) {
            Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
            // Not before the socket was asked: a request that has arrived is answered.
            Poll::Pending if activity.is_hurried() => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Why there is no head.
enum Ended {
    /// The client has gone.
    Closed,
    /// It is none, or too slow.
    Refused(RouteError),
}

async fn read_head(
    socket: &mut Socket,
    input: &mut Input,
    head: &mut RequestHead,
    limits: &Limits,
    activity: &Activity,
) -> Result<(), Ended> {
    poll_fn(|cx| {
        loop {
            match head.parse(input.filled(), limits) {
                Ok(Parsed::Whole(length)) => {
                    input.consume(length);
                    return Poll::Ready(Ok(()));
                }
                Ok(Parsed::Partial) => activity.note(Phase::Head, 0),
                Err(refusal) => {
                    let error = RouteError::Malformed(refusal);
                    return Poll::Ready(Err(Ended::Refused(error)));
                }
            }
            if activity.has_stalled() {
                return Poll::Ready(Err(Ended::Refused(RouteError::TooSlow)));
            }
            let (mut reader, _) = socket.split();
            match input.poll_fill(cx, &mut reader) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Ended::Closed)),
                Poll::Pending => {
                    input.park();
                    return Poll::Pending;
                }
            }
        }
    })
    .await
}

/// How long a client may go on sending after the last answer, and how much.
const LINGER: Duration = Duration::from_secs(2);
const MOST_LINGERING: usize = 1024 * 1024;

/// Closes so that the last answer arrives: a socket that is closed while bytes are unread sends a reset, which may overtake
/// what was written. Source: RFC 9112 §9.6.
async fn linger(mut socket: Socket, mut input: Input) {
    let mut left = MOST_LINGERING;
    let mut is_shut = false;
    let ending = poll_fn(|cx| {
        let (mut reader, mut writer) = socket.split();
        if !is_shut {
            if writer.poll_shutdown(cx).is_pending() {
                return Poll::Pending;
            }
            is_shut = true;
        }
        input.poll_discard(cx, &mut reader, &mut left)
    });
    // Whoever goes on for longer than that has its reset.
    let _ = timeout(LINGER, ending).await;
}

/// Counts the connection while it is open, however it ends.
struct Open<'a> {
    stats: &'a ServerStats,
    _counted: Counted,
}

impl<'a> Open<'a> {
    fn new(stats: &'a ServerStats) -> Self {
        stats.connects.inc();
        Self {
            stats,
            _counted: Counted::new(stats.connections.clone()),
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.stats.closes.inc();
    }
}
