//! An endpoint as the library makes it, on a thread of its own.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Response};
use tokio::net::{TcpListener, TcpStream};

use super::client::{answer, read};

/// Who answers.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

/// A request that came in.
pub(crate) struct Call {
    pub(crate) head: http::request::Parts,
    pub(crate) body: RecvStream,
    pub(crate) respond: SendResponse<Bytes>,
    /// The how manieth request it is, over all connections.
    pub(crate) number: usize,
}

impl Endpoint {
    /// Does this with every request.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::with(|_| {}, script)
    }

    /// The same, with more to say in its settings.
    pub(crate) fn with<F: Future<Output = ()> + Send + 'static>(
        says: impl Fn(&mut Builder) + Send + Sync + 'static,
        script: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self {
        let (says, script) = (Arc::new(says), Arc::new(script));
        let requests = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&requests);
        let endpoint = Self::on_connection(move |stream, _| {
            let (says, script) = (Arc::clone(&says), Arc::clone(&script));
            let counted = Arc::clone(&counted);
            async move {
                let mut builder = Builder::new();
                says(&mut builder);
                let Ok(mut serving) = builder.handshake(stream).await else {
                    return;
                };
                while let Some(Ok((request, respond))) = serving.accept().await {
                    let (head, body) = request.into_parts();
                    let number = counted.fetch_add(1, Ordering::SeqCst);
                    live::task(
                        "answer",
                        script(Call {
                            head,
                            body,
                            respond,
                            number,
                        }),
                    );
                }
            }
        });
        Self {
            requests,
            ..endpoint
        }
    }

    /// Does this with every connection, of which this is the how manieth.
    pub(crate) fn on_connection<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(TcpStream, usize) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    let number = counted.fetch_add(1, Ordering::SeqCst);
                    stream.set_nodelay(true).expect("no delay");
                    live::task("connection", script(stream, number));
                }
            });
        });
        Self {
            address,
            connections,
            requests: Arc::default(),
        }
    }

    /// Answers every request with its name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::new(move |mut call| async move { call.say(name) })
    }

    /// Its name for a dtab.
    pub(crate) fn path(&self) -> String {
        crate::world::inet(self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Call {
    /// Reads the rest of the request.
    pub(crate) async fn read(&mut self) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
        read(&mut self.body).await
    }

    /// Begins an answer with this.
    pub(crate) fn begin(&mut self, head: Response<()>) -> SendStream<Bytes> {
        let begun = self.respond.send_response(head, false);
        begun.expect("the router waits")
    }

    /// Answers with this.
    pub(crate) fn say(&mut self, text: &'static str) {
        let mut out = self.begin(answer(200));
        let _ = out.send_data(Bytes::from_static(text.as_bytes()), true);
    }

    /// Answers with this alone.
    pub(crate) fn end(&mut self, head: Response<()>) {
        let _ = self.respond.send_response(head, true);
    }

    /// Why the router has reset the stream, before an answer.
    pub(crate) async fn reset(&mut self) -> Option<Reason> {
        poll_fn(|cx| self.respond.poll_reset(cx)).await.ok()
    }
}

/// The same behind the head of an answer.
pub(crate) async fn reset(out: &mut SendStream<Bytes>) -> Option<Reason> {
    poll_fn(|cx| out.poll_reset(cx)).await.ok()
}

/// Trailers with this status of gRPC.
pub(crate) fn grpc_status(status: u32) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.into());
    trailers
}

/// The head of an answer to a call.
pub(crate) fn grpc() -> Response<()> {
    let mut head = answer(200);
    let fields = head.headers_mut();
    fields.insert("content-type", "application/grpc".parse().expect("a value"));
    head
}

/// An answer to a call that is all trailers.
pub(crate) fn only(status: u32) -> Response<()> {
    let mut head = grpc();
    head.headers_mut().extend(grpc_status(status));
    head
}
