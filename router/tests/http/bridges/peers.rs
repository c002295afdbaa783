//! Clients and endpoints that speak HTTP/2, on a runtime that all tests share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, mpsc};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::world::{PATIENCE, World, inet};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Waits for this, as long as a test waits.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(async { timeout(PATIENCE, future).await.expect("in time") })
}

/// An http router that takes both versions, with these rules and lines of its `client:`.
pub(super) fn world(dtab: &str, client: &str) -> World {
    with(dtab, &format!("  client: {{{client}}}\n"))
}

/// The same with more lines.
pub(super) fn with(dtab: &str, router: &str) -> World {
    World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0, h2c: true}}]\n  dtab: \"{dtab}\"\n{router}"
    ))
}

/// A client's connection.
pub(super) struct Caller(SendRequest<Bytes>);

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    pub(super) body: String,
    pub(super) trailers: Option<HeaderMap>,
}

/// A request that was begun.
pub(super) struct Asking {
    pub(super) answer: h2::client::ResponseFuture,
    pub(super) body: SendStream<Bytes>,
}

impl Caller {
    pub(super) fn to(address: SocketAddr) -> Self {
        block_on(async {
            let stream = TcpStream::connect(address).await.expect("somebody listens");
            let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
            RUNTIME.spawn(connection);
            Self(sender)
        })
    }

    /// Begins a request; `is_all` if it has no body.
    pub(super) fn begin(&mut self, request: Request<()>, is_all: bool) -> Asking {
        block_on(async {
            let mut sender = self.0.clone().ready().await.expect("open");
            let begun = sender.send_request(request, is_all);
            let (answer, body) = begun.expect("it can be sent");
            Asking { answer, body }
        })
    }

    /// Sends a request without a body and reads the whole answer.
    pub(super) fn ask(&mut self, request: Request<()>) -> Result<Told, h2::Error> {
        self.begin(request, true).told()
    }

    /// The same for `/`.
    pub(super) fn get(&mut self, host: &str) -> Told {
        self.ask(request("GET", host)).expect("an answer")
    }

    /// The same with a body.
    pub(super) fn post(&mut self, host: &str, body: &str) -> Result<Told, h2::Error> {
        let mut asking = self.begin(request("POST", host), false);
        let body = Bytes::copy_from_slice(body.as_bytes());
        asking.body.send_data(body, true)?;
        asking.told()
    }
}

impl Asking {
    /// Reads the whole answer.
    pub(super) fn told(self) -> Result<Told, h2::Error> {
        block_on(async {
            let (head, body) = self.answer.await?.into_parts();
            let (body, trailers) = read(body).await?;
            Ok(Told {
                status: head.status,
                fields: head.headers,
                body,
                trailers,
            })
        })
    }
}

impl Told {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        Some(self.fields.get(name)?.to_str().expect("text"))
    }
}

pub(super) fn request(method: &str, host: &str) -> Request<()> {
    let builder = Request::builder().method(method);
    let uri = format!("http://{host}/");
    builder.uri(uri).body(()).expect("a request")
}

/// Reads a body and what is behind it.
pub(super) async fn read(mut body: RecvStream) -> Result<(String, Option<HeaderMap>), h2::Error> {
    let mut text = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        let _ = body.flow_control().release_capacity(chunk.len());
        text.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await?;
    Ok((String::from_utf8(text).expect("text"), trailers))
}

/// Sends a body of any length.
pub(super) async fn send(sink: &mut SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        sink.reserve_capacity(body.len());
        let room = std::future::poll_fn(|cx| sink.poll_capacity(cx)).await;
        let room = room.expect("open").expect("open");
        let piece = body.split_to(room.min(body.len()));
        sink.send_data(piece, body.is_empty()).expect("open");
    }
}

/// An answer with this status.
pub(super) fn response(status: u16) -> Response<()> {
    let builder = Response::builder().status(status);
    builder.body(()).expect("an answer")
}

/// A request as an endpoint has seen it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) head: Arc<http::request::Parts>,
    pub(super) body: String,
    pub(super) trailers: Option<HeaderMap>,
}

impl Seen {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        Some(self.head.headers.get(name)?.to_str().expect("text"))
    }
}

/// An endpoint that speaks HTTP/2.
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

/// A request that an endpoint has accepted.
pub(super) type Accepted = (Request<RecvStream>, SendResponse<Bytes>);

impl Endpoint {
    /// Answers with its name, once it has read a request.
    pub(super) fn named(name: &'static str) -> Self {
        Self::answering(move |_, mut respond| {
            let sink = respond.send_response(response(200), false);
            let sent = sink.and_then(|mut sink| sink.send_data(name.into(), true));
            sent.expect("open");
        })
    }

    /// Answers each request that it has read like this.
    pub(super) fn answering(
        answer: impl Fn(Seen, SendResponse<Bytes>) + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (noted, answer) = (Arc::clone(&seen), Arc::new(answer));
        let endpoint = Self::scripted(move |(request, respond): Accepted| {
            let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
            async move {
                let (head, body) = request.into_parts();
                let Ok((body, trailers)) = read(body).await else {
                    return;
                };
                let seen = Seen {
                    head: Arc::new(head),
                    body,
                    trailers,
                };
                noted.lock().expect("not poisoned").push(seen.clone());
                answer(seen, respond);
            }
        });
        Self { seen, ..endpoint }
    }

    /// Does this with each stream.
    pub(super) fn scripted<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(Accepted) -> F + Send + Sync + 'static,
    ) -> Self {
        let script = Arc::new(script);
        let streams = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&streams);
        let endpoint = Self::conversing(move |mut connection| {
            let (script, counted) = (Arc::clone(&script), Arc::clone(&counted));
            async move {
                while let Some(Ok(accepted)) = connection.accept().await {
                    counted.fetch_add(1, Ordering::Relaxed);
                    RUNTIME.spawn(script(accepted));
                }
            }
        });
        Self {
            streams,
            ..endpoint
        }
    }

    /// Does this with each connection.
    fn conversing<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(Connection<TcpStream, Bytes>) -> F + Send + Sync + 'static,
    ) -> Self {
        let script = Arc::new(script);
        Self::accepting(move |_, stream| {
            let script = Arc::clone(&script);
            async move {
                if let Ok(connection) = h2::server::handshake(stream).await {
                    script(connection).await;
                }
            }
        })
    }

    /// Does this with each connection; it is told how many were before it.
    pub(super) fn accepting<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(usize, TcpStream) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        RUNTIME.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let before = counted.fetch_add(1, Ordering::Relaxed);
                RUNTIME.spawn(script(before, stream));
            }
        });
        Self {
            address,
            seen: Arc::default(),
            connections,
            streams: Arc::default(),
        }
    }

    /// Says nothing, and tells why each stream was reset.
    pub(super) fn silent() -> (Self, mpsc::Receiver<Reason>) {
        let (told, tells) = mpsc::sync_channel(1000);
        let endpoint = Self::scripted(move |(_request, mut respond): Accepted| {
            let told = told.clone();
            async move {
                let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
                let _ = told.send(reset.expect("a reset"));
            }
        });
        (endpoint, tells)
    }

    /// Its name for a dtab.
    pub(super) fn path(&self) -> String {
        inet(self.address)
    }

    /// The last request that it got.
    pub(super) fn last(&self) -> Seen {
        let seen = self.seen.lock().expect("not poisoned");
        seen.last().cloned().expect("a request came")
    }

    /// How many requests it got.
    pub(super) fn requests(&self) -> usize {
        self.seen.lock().expect("not poisoned").len()
    }

    /// How many streams it has accepted.
    pub(super) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// How many connections it got.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}
