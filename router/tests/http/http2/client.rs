//! A client as the library makes it.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A connection to a router.
pub(crate) struct Client {
    sender: SendRequest<Bytes>,
    ended: oneshot::Receiver<Result<(), h2::Error>>,
}

impl Client {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::with(address, |_| {}).await
    }

    /// One that says more in its settings.
    pub(crate) async fn with(address: SocketAddr, says: impl FnOnce(&mut Builder)) -> Self {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        stream.set_nodelay(true).expect("no delay");
        Self::over(stream, says).await
    }

    /// Over a stream that somebody else has opened.
    pub(crate) async fn over<S>(stream: S, says: impl FnOnce(&mut Builder)) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        says(&mut builder);
        let shaken = builder.handshake(stream).await;
        let (sender, connection) = shaken.expect("bytes go out");
        let (tell, ended) = oneshot::channel();
        live::task("client", async move {
            let _ = tell.send(connection.await);
        });
        Self { sender, ended }
    }

    /// Begins a request, and may go on with it.
    pub(crate) async fn begin(
        &mut self,
        request: Request<()>,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        self.open(request, false).await
    }

    async fn open(
        &mut self,
        request: Request<()>,
        is_all: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let ready = self.sender.clone().ready().await;
        let mut sender = ready.expect("the connection is open");
        sender.send_request(request, is_all).expect("it is sent")
    }

    /// Begins a request that is all there is.
    pub(crate) async fn ask(&mut self, request: Request<()>) -> ResponseFuture {
        self.open(request, true).await.0
    }

    /// Sends a request without a body, and reads its answer.
    pub(crate) async fn send(&mut self, request: Request<()>) -> Result<Reply, h2::Error> {
        Reply::read(self.ask(request).await).await
    }

    /// Sends a request with a body.
    pub(crate) async fn send_with(
        &mut self,
        request: Request<()>,
        body: &'static [u8],
    ) -> Result<Reply, h2::Error> {
        let (response, mut sink) = self.begin(request).await;
        let _ = sink.send_data(Bytes::from_static(body), true);
        Reply::read(response).await
    }

    /// Whether the connection still takes requests.
    pub(crate) async fn is_open(&mut self) -> bool {
        self.sender.clone().ready().await.is_ok()
    }

    /// How the connection ended.
    pub(crate) async fn has_ended(&mut self) -> Result<(), h2::Error> {
        (&mut self.ended).await.expect("it is told")
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Reply {
    pub(crate) async fn read(response: ResponseFuture) -> Result<Self, h2::Error> {
        let (head, mut body) = response.await?.into_parts();
        let (body, trailers) = read(&mut body).await?;
        Ok(Self {
            status: head.status,
            fields: head.headers,
            body,
            trailers,
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// A field of the head.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        text_of(&self.fields, name)
    }

    /// A field of what comes last: the trailers, or the head if that is all.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        text_of(self.trailers.as_ref().unwrap_or(&self.fields), name)
    }
}

/// A field, as text.
pub(crate) fn text_of<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a str> {
    fields.get(name).map(|value| value.to_str().expect("text"))
}

/// Reads a body and what comes behind it, as fast as it comes.
pub(crate) async fn read(body: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        all.extend_from_slice(&chunk);
        body.flow_control().release_capacity(chunk.len())?;
    }
    Ok((all, body.trailers().await?))
}

/// Sends bytes as they are taken, so many at once at most.
pub(crate) async fn write(
    sink: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    most: usize,
) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        sink.reserve_capacity(bytes.len().min(most));
        while sink.capacity() == 0 {
            let room = std::future::poll_fn(|cx| sink.poll_capacity(cx)).await;
            room.ok_or(h2::Reason::CANCEL)??;
        }
        let some = bytes.split_to(sink.capacity().min(most).min(bytes.len()));
        sink.send_data(some, false)?;
    }
    Ok(())
}

/// A GET for a host.
pub(crate) fn get(host: &str) -> Request<()> {
    request("GET", &format!("http://{host}/"))
}

pub(crate) fn request(method: &str, uri: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(uri);
    request.body(()).expect("a request")
}

/// A call of gRPC.
pub(crate) fn call(host: &str, path: &str) -> Request<()> {
    let mut call = request("POST", &format!("http://{host}{path}"));
    set(&mut call, "content-type", "application/grpc");
    set(&mut call, "te", "trailers");
    call
}

pub(crate) fn set(request: &mut Request<()>, name: &'static str, value: &str) {
    let value = value.parse().expect("a value");
    request.headers_mut().insert(name, value);
}

/// The same with one more field.
pub(crate) fn with(mut request: Request<()>, name: &'static str, value: &str) -> Request<()> {
    set(&mut request, name, value);
    request
}

/// An answer without a body.
pub(crate) fn answer(status: u16) -> Response<()> {
    let answer = Response::builder().status(status);
    answer.body(()).expect("an answer")
}
