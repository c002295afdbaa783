//! A client's connection: request after request, until it closes, stalls, or the router drains.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use config::Protocol;
use http1::{Limits, Parsed, RequestHead};
use tokio::time::timeout;
use transport::Peer;

use super::Server;
use super::activity::{Activity, Phase};
use super::heads::Heads;
use super::opening::{Opening, opening};
use super::watch::Watch;
use crate::error::RouteError;
use crate::exchange::{After, Downstream, Edge, Origin};
use crate::http2::{self, Entrance, FirstRequest};
use crate::stats::{Counted, ServerStats};
use crate::wire::{Input, Socket, linger};

/// Serves a connection. Dropping the future closes it and cancels what it waits for.
pub(super) async fn serve(
    socket: Socket,
    peer: Peer,
    worker: usize,
    server: &Arc<Server>,
    watch: &Watch,
) {
    let (stats, patience) = server.treatment();
    let _open = Open::new(&stats);
    let activity = Arc::new(Activity::new(patience));
    let _watched = watch.over(&activity);
    let mut conversation = pin!(converse(socket, peer, worker, server, &activity));
    poll_fn(|cx| {
        activity.is_served_by(cx.waker());
        // Both are false at almost every poll, and then cost a look at memory that is at hand.
        if activity.has_stalled()
            && let Some(phase) = activity.stalled_for()
        {
            stats.stalled(phase);
        }
        match activity.has_ended() {
            true => Poll::Ready(()),
            false => conversation.as_mut().poll(cx),
        }
    })
    .await;
}

/// Answers requests until one of both sides has had enough.
async fn converse(
    mut socket: Socket,
    peer: Peer,
    worker: usize,
    server: &Arc<Server>,
    activity: &Activity,
) {
    if let Some(secure) = server.secure() {
        activity.note(Phase::Busy, 0);
        let within = activity.patience().head;
        // Boxed, so that other connections do not keep room for it.
        match Box::pin(secure.shake_hands(socket, peer, within)).await {
            Some(secured) => socket = secured,
            None => return,
        }
    }
    let mut input = Input::default();
    if let Some(first) = server.front().edge.first_phase() {
        match Box::pin(opening(&mut socket, &mut input, activity, first)).await {
            Some(Opening::Http1) => {}
            Some(Opening::Http2) => {
                let entrance = Entrance::new(socket, input);
                return Box::pin(http2::serve(entrance, peer, worker, server, activity)).await;
            }
            None => return Box::pin(say_goodbye(socket)).await,
        }
    }
    let mut exchanges = 0;
    let connection = fastrand::u64(..);
    loop {
        activity.note(Phase::Idle, exchanges);
        if !is_asked(&mut socket, &mut input, activity).await {
            break;
        }
        let front = server.front();
        let mut heads = Heads::take();
        let (request, response, message) = heads.all();
        let limits = &front.edge.limits;
        let mut read = read_head(&mut socket, &mut input, request, limits, activity).await;
        if read.is_ok() && front.edge.takes_http2 {
            let both = (&mut socket, &mut input);
            match Box::pin(upgrade(both, request, &front.edge, activity)).await {
                Ok(None) => {}
                Ok(Some(first)) => {
                    drop((heads, front));
                    let entrance = Entrance::upgraded(socket, input, first);
                    return Box::pin(http2::serve(entrance, peer, worker, server, activity)).await;
                }
                Err(error) => read = Err(Ended::Refused(error)),
            }
        }
        activity.note(Phase::Busy, exchanges);
        let origin = Origin {
            edge: &front.edge,
            peer,
            connection,
            worker,
        };
        if matches!(read, Err(Ended::Closed)) {
            return;
        }
        let both = (&mut socket, &mut input);
        let stats = &*front.edge.stats;
        let mut downstream = Downstream::new(both, (request, response), activity, stats);
        let after = match read {
            Err(Ended::Refused(error)) => {
                let answering = front.router.turn_away(origin, &mut downstream, error);
                Box::pin(answering).await
            }
            _ => match front.edge.places.take() {
                Ok(place) => {
                    downstream.place = Some(place);
                    let router = &front.router;
                    router.answer(origin, &mut downstream, message).await
                }
                Err(full) => {
                    let error = RouteError::Overloaded(full);
                    let answering = front.router.turn_away(origin, &mut downstream, error);
                    Box::pin(answering).await
                }
            },
        };
        drop(downstream);
        match after {
            After::Keep => exchanges += 1,
            After::Close => {
                socket.end();
                break;
            }
            After::Linger => {
                let with = |poll: &mut dyn FnMut(&mut Socket) -> Poll<()>| poll(&mut socket);
                return Box::pin(linger(with, input)).await;
            }
            After::Reset => return socket.reset(),
        }
    }
    // Else the client cannot tell this end from an accident.
    if socket.says_goodbye() {
        Box::pin(say_goodbye(socket)).await;
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

/// Takes a request that is to be the first stream of HTTP/2; none if it is answered over HTTP/1.1.
async fn upgrade(
    (socket, input): (&mut Socket, &mut Input),
    request: &mut RequestHead,
    edge: &Edge,
    activity: &Activity,
) -> Result<Option<FirstRequest>, RouteError> {
    let upgraded = match edge.secure {
        // With TLS it is settled by the handshake. Source: RFC 7540 §3.3.
        Some(_) => None,
        None => http2::upgrade(socket, input, request, activity).await?,
    };
    match (upgraded, edge.protocol) {
        (None, Protocol::H2) => Err(RouteError::TakesHttp2Only),
        (upgraded, _) => Ok(upgraded),
    }
}

/// How long a client may take to hear the end of TLS.
const GOODBYE: Duration = Duration::from_secs(2);

async fn say_goodbye(mut socket: Socket) {
    let saying = poll_fn(|cx| socket.split().1.poll_shutdown(cx));
    // Whoever does not listen for that long does not want to hear it.
    let _ = timeout(GOODBYE, saying).await;
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
