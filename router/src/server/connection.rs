//! A client's connection: request after request, until it closes, stalls, or the router drains.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Request;
use http::header::EXPECT;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use transport::Drain;

use super::Server;
use super::activity::{Activity, Answer, Watched};
use super::unread::read_off;
use crate::client::RequestBody;
use crate::exchange::Origin;
use crate::stats::ServerStats;

/// How long a request's first line and headers may be together: 4 KiB and 8 KiB in the reference.
const MAX_HEAD_BYTES: usize = 12 * 1024;

/// Serves a connection. Dropping the future closes it and cancels what it waits for.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    worker: usize,
    server: Arc<Server>,
    drain: Drain,
) {
    let _open = Open::new(&server.edge.stats);
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request| {
        let (server, busy) = (&server, activity.request());
        let request: Request<Incoming> = request;
        async move {
            let mut request = request.map(RequestBody::new);
            // Whoever waits to be told to continue sends nothing after another answer.
            let may_be_unread =
                !request.body().is_empty() && !request.headers().contains_key(EXPECT);
            let origin = Origin {
                edge: &server.edge,
                peer,
                worker,
                states_length: busy.states_length,
            };
            let response = server.router.answer(origin, &mut request).await;
            if may_be_unread && !request.body().is_end_stream() {
                read_off(request.into_body(), busy.share());
            }
            Ok::<_, Infallible>(response.map(|body| Answer { body, _busy: busy }))
        }
    });
    let watched = Watched::new(TokioIo::new(stream), Arc::clone(&activity));
    let mut builder = http1::Builder::new();
    builder
        .max_header_size(MAX_HEAD_BYTES)
        .auto_date_header(false);
    let mut connection = pin!(builder.serve_connection(watched, service));
    // Polled only when one of them is woken: waiting on a shutdown takes locks that all connections share.
    let kinds = [Event::Drain, Event::Stall, Event::Cut];
    let mut events: FuturesUnordered<_> = kinds
        .into_iter()
        .map(|kind| kind.happens(&drain, &activity))
        .collect();
    loop {
        tokio::select! {
            // A drain comes first, so that a response that is ready in the same moment says that it is the last.
            biased;
            Some(event) = events.next() => match event {
                Event::Drain => connection.as_mut().graceful_shutdown(),
                Event::Stall | Event::Cut => return,
            },
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "connection ended");
                }
                return;
            }
        }
    }
}

/// What ends a connection from outside.
#[derive(Clone, Copy)]
enum Event {
    /// The router takes no new requests.
    Drain,
    /// The client does not finish its head.
    Stall,
    /// The grace of the shutdown is over.
    Cut,
}

impl Event {
    async fn happens(self, drain: &Drain, activity: &Activity) -> Self {
        match self {
            Self::Drain => drain.begun().await,
            Self::Stall => activity.stalls().await,
            Self::Cut => drain.cut().await,
        }
        self
    }
}

/// Counts the connection while it is open, however it ends.
struct Open<'a>(&'a ServerStats);

impl<'a> Open<'a> {
    fn new(stats: &'a ServerStats) -> Self {
        stats.connects.inc();
        stats.connections.add(1.0);
        Self(stats)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.sub(1.0);
        self.0.closes.inc();
    }
}
