//! Serving an axum router: accept, TLS, HTTP/1.1 or HTTP/2 by what the client sends, and the graceful end.

mod preface;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use futures_util::FutureExt;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{JoinError, JoinSet},
};
use tower::ServiceExt;

use crate::{Drain, Listener, Peer, ServerTls, Stream, client_cert_subject};
use preface::Timed;

/// Who sent a request; each request carries it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectInfo {
    /// The other end of the connection.
    pub peer: Peer,
    /// Whether the connection has TLS.
    pub is_tls: bool,
    /// The subject of the client's verified certificate as RFC 4514 writes it (`CN=web,O=Example`), if it showed one.
    pub client_cert_subject: Option<Arc<str>>,
}

/// Limits and rhythms of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// How long a TLS handshake, the first bytes of a connection, and the head of an HTTP/1 request may each take.
    pub header_read_timeout: Duration,
    /// HTTP/2: the longest a request's head may be, bytes.
    pub max_header_bytes: u32,
    /// HTTP/2: how many streams a client may have open. Each watch of a mesh client is one.
    pub max_concurrent_streams: u32,
    /// HTTP/2: how often a connection is pinged; `None` never pings.
    pub ping_interval: Option<Duration>,
    /// HTTP/2: how long a ping may stay unanswered before the connection is given up.
    pub ping_timeout: Duration,
    /// HTTP/2: how much a client may send unread on one stream, bytes. Small, so that many small messages that wait on one stream do not
    /// use up the connection (h2 ends connections whose unread small frames exceed half the connection's window).
    pub stream_window: u32,
    /// HTTP/2: how much a client may send unread on all streams together, bytes.
    pub connection_window: u32,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(10),
            max_header_bytes: 64 * 1024,
            max_concurrent_streams: 10_000,
            ping_interval: Some(Duration::from_secs(10)),
            ping_timeout: Duration::from_secs(10),
            stream_window: 64 * 1024,
            connection_window: 16 * 1024 * 1024,
        }
    }
}

/// [`serve_with`] the default settings.
pub async fn serve(listener: Listener, tls: Option<ServerTls>, app: Router, drain: Drain) {
    serve_with(listener, tls, app, &HttpSettings::default(), drain).await;
}

/// Serves HTTP/1.1 and HTTP/2 until `drain` begins, then lets requests in flight finish, and returns when the last connection has closed or the
/// drain's grace is over. The shutdown waits for it.
///
/// Every request carries a [`ConnectInfo`]. Dropping the future drops the listener and all its connections. Streams without an end of their
/// own must end themselves when the drain begins, or they are cut with the grace.
pub async fn serve_with(
    listener: Listener,
    tls: Option<ServerTls>,
    app: Router,
    settings: &HttpSettings,
    drain: Drain,
) {
    let _hold = drain.hold();
    let server = Arc::new(Server {
        http: builder(settings),
        handshake_timeout: settings.header_read_timeout,
        tls,
        // Done once here, or else the router does it for each request.
        app: app.with_state(()),
        drain: drain.clone(),
    });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = drain.begun() => break,
            (stream, peer) = listener.accept() => {
                connections.spawn(server.clone().connection(stream, peer));
            }
            Some(ended) = connections.join_next(), if !connections.is_empty() => complain_of_panic(ended),
        }
    }
    // Who is in the queue already is closed in order; whoever comes later is refused at once. The yield lets the runtime hear of the queue.
    // A queue that another process serves is left to it.
    tokio::task::yield_now().await;
    if drain.is_hurried() {
        while let Some((stream, peer)) = listener.accept().now_or_never() {
            connections.spawn(server.clone().connection(stream, peer));
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        complain_of_panic(ended);
    }
}

struct Server {
    http: auto::Builder<TokioExecutor>,
    handshake_timeout: Duration,
    tls: Option<ServerTls>,
    app: Router,
    drain: Drain,
}

impl Server {
    async fn connection(self: Arc<Self>, stream: Stream, peer: Peer) {
        match &self.tls {
            // Boxed, so that a connection without TLS does not keep room for its state.
            Some(tls) => Box::pin(self.tls_connection(tls, stream, peer)).await,
            None => {
                let info = ConnectInfo {
                    peer,
                    is_tls: false,
                    client_cert_subject: None,
                };
                self.http(stream, info).await;
            }
        }
    }

    async fn tls_connection(&self, tls: &ServerTls, stream: Stream, peer: Peer) {
        match tokio::time::timeout(self.handshake_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let client_cert_subject = client_cert_subject(stream.get_ref().1);
                self.http(
                    stream,
                    ConnectInfo {
                        peer,
                        is_tls: true,
                        client_cert_subject,
                    },
                )
                .await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "TLS handshake timed out"),
        }
    }

    async fn http<S>(&self, stream: S, info: ConnectInfo)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = info.peer;
        let io = TokioIo::new(Timed::new(stream, self.handshake_timeout));
        let service = service_fn(|request| self.answer(request, &info));
        let mut connection = Box::pin(self.http.serve_connection(io, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.drain.hurried() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.drain.cut() => Ok(()),
                }
            }
            () = self.drain.cut() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection failed");
        }
    }

    fn answer(
        &self,
        mut request: Request<Incoming>,
        info: &ConnectInfo,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static {
        request.extensions_mut().insert(info.clone());
        self.app.clone().oneshot(request)
    }
}

fn builder(settings: &HttpSettings) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_read_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(settings.ping_interval)
        .keep_alive_timeout(settings.ping_timeout)
        .max_concurrent_streams(settings.max_concurrent_streams)
        .max_header_list_size(settings.max_header_bytes)
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window);
    builder
}

/// A panic in a handler ends its connection and nothing else, but it must not go unseen.
fn complain_of_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

#[cfg(test)]
mod tests;
