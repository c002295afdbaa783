//! From HTTP/1.1 to HTTP/2: a connection within this process, whose one request becomes a stream to the endpoint.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response, StatusCode};
use http1::{Decoder, Known, Length, ResponseHead};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream};
use tokio::time::Instant;

use super::super::channel::Slot;
use super::super::channels;
use super::bodies::{self, Trouble, written};
use super::heads::write_response;
use crate::client::{Client, ConnectError, Connection, Endpoint, Interrupted};
use crate::headers::form_encoded;
use crate::wire::Memory;

/// Opens a connection on which the endpoint can be asked this, and nothing else, over HTTP/1.1. `length` is that of the request's
/// body.
///
/// # Errors
/// When there is no channel to the endpoint: nothing was sent then. Cancelling sends nothing, either.
pub(crate) async fn open(
    (client, endpoint): (&Arc<Client>, &Arc<Endpoint>),
    worker: usize,
    deadline: Instant,
    (request, length): (Request<()>, Length),
) -> Result<Connection, ConnectError> {
    let slot = channels::open(client, endpoint, worker, deadline).await?;
    let (near, far, fault) = Memory::pair();
    let crossing = Crossing {
        client: Arc::clone(client),
        endpoint: Arc::clone(endpoint),
        worker,
        deadline,
        request,
        length,
    };
    live::task("bridge", async move {
        // What is in the connection comes before the fault that ends it.
        if let Err(cause) = crossing.pass(slot, far).await {
            fault.tell(io::Error::other(cause));
        }
    });
    Ok(Connection::within(near.into()))
}

/// A request on its way over the bridge.
struct Crossing {
    client: Arc<Client>,
    endpoint: Arc<Endpoint>,
    worker: usize,
    /// Until when it may wait for another channel.
    deadline: Instant,
    request: Request<()>,
    length: Length,
}

/// Why no answer has passed.
enum NotPassed {
    /// The endpoint has not looked at the request; it wants this one nowhere, or only not on this channel.
    Unseen {
        is_refused: bool,
        cause: h2::Error,
    },
    Broken(Interrupted),
    /// Nobody waits for one.
    Gone,
}

/// How many channels of an endpoint may end under a request before anything of it was looked at.
const MOST_CHANNELS: usize = 4;

impl Crossing {
    /// Has the endpoint answer.
    async fn pass(&self, mut slot: Slot, far: DuplexStream) -> Result<(), Interrupted> {
        let (reader, mut writer) = tokio::io::split(far);
        let mut upload = Upload {
            reader,
            buffer: BytesMut::new(),
            decoder: Decoder::new(self.length),
            is_behind_head: false,
            has_begun: false,
        };
        let is_all = upload.decoder.is_done();
        let mut channels = 1;
        loop {
            let passed = match slot.send(self.request.clone(), is_all) {
                Err(cause) => Err(NotPassed::Unseen {
                    is_refused: false,
                    cause,
                }),
                Ok((response, mut sink)) => tokio::select! {
                    biased;
                    passed = answer(response, self.request.method(), &mut writer) => passed,
                    () = upload.pass(&mut sink) => Err(NotPassed::Gone),
                },
            };
            let cause = match passed {
                Ok(()) | Err(NotPassed::Gone) => return Ok(()),
                Err(NotPassed::Broken(cause)) => return Err(cause),
                Err(NotPassed::Unseen { is_refused, cause }) => {
                    let may_ask_again = !is_refused && !upload.has_begun;
                    if !may_ask_again || channels == MOST_CHANNELS {
                        let told = written(&mut writer, &refusal(&cause)).await;
                        return told.map_err(Interrupted::Io);
                    }
                    cause
                }
            };
            tracing::debug!(%cause, "a stream was not looked at");
            channels += 1;
            let (client, endpoint) = (&self.client, &self.endpoint);
            let next = channels::open(client, endpoint, self.worker, self.deadline).await;
            slot = next.map_err(|error| Interrupted::Io(io::Error::other(error)))?;
        }
    }
}

/// What is said of a request that the endpoint has not looked at, so that it goes to another one.
fn refusal(cause: &h2::Error) -> Vec<u8> {
    let text = format!("the endpoint did not look at the request: {cause}");
    let mut head = ResponseHead::new(StatusCode::SERVICE_UNAVAILABLE);
    head.fields.push_named(b"finagle-http-nack", b"true");
    let shown = form_encoded(&text, 1024);
    head.fields.push(Known::L5dErr, shown.as_bytes());
    head.fields.push(Known::Connection, b"close");
    head.set_content_length(text.len() as u64);
    let mut out = Vec::new();
    head.write_to(&mut out);
    out.extend_from_slice(text.as_bytes());
    out
}

/// The request's body on its way to the endpoint.
struct Upload<R> {
    reader: R,
    buffer: BytesMut,
    decoder: Decoder,
    /// The head comes in again; it was passed on before.
    is_behind_head: bool,
    /// Whether something of the body was taken off the connection.
    has_begun: bool,
}

impl<R: AsyncRead + Unpin> Upload<R> {
    /// Passes on what comes. Ends when nobody waits for an answer any more.
    async fn pass(&mut self, sink: &mut SendStream<Bytes>) {
        if !self.is_behind_head && !self.skip_head().await {
            return;
        }
        if !self.decoder.is_done() {
            self.has_begun = true;
            let (decoder, buffer) = (&mut self.decoder, &mut self.buffer);
            match bodies::to_http2(decoder, buffer, &mut self.reader, sink).await {
                Err(Trouble::Source(_)) => return,
                // The answer, or its absence, tells why.
                Ok(()) | Err(Trouble::Sink) => {}
            }
        }
        loop {
            self.buffer.clear();
            self.buffer.reserve(1024);
            if matches!(self.reader.read_buf(&mut self.buffer).await, Ok(0) | Err(_)) {
                return;
            }
        }
    }

    /// Whether there was one.
    async fn skip_head(&mut self) -> bool {
        const END: &[u8] = b"\r\n\r\n";
        loop {
            let mut places = self.buffer.windows(END.len());
            if let Some(end) = places.position(|bytes| bytes == END) {
                let _ = self.buffer.split_to(end + END.len());
                self.is_behind_head = true;
                return true;
            }
            if matches!(self.reader.read_buf(&mut self.buffer).await, Ok(0) | Err(_)) {
                return false;
            }
        }
    }
}

/// What comes next of an answer.
enum Next {
    Interim(Response<()>),
    Final(Response<RecvStream>),
}

/// Writes the endpoint's answer.
async fn answer(
    mut response: ResponseFuture,
    method: &Method,
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<(), NotPassed> {
    let mut out = Vec::new();
    let answer = loop {
        match next(&mut response).await.map_err(not_passed)? {
            Next::Interim(interim) => {
                out.clear();
                write_response(&interim, method, false, &mut out);
                let told = written(writer, &out).await;
                told.map_err(|_| NotPassed::Gone)?;
            }
            Next::Final(answer) => break answer,
        }
    };
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(NotPassed::Broken(Interrupted::Switched));
    }
    out.clear();
    let has_body = !answer.body().is_end_stream();
    let coding = write_response(&answer, method, has_body, &mut out);
    let told = written(writer, &out).await;
    told.map_err(|_| NotPassed::Gone)?;
    let passed = bodies::to_http1(&mut answer.into_body(), coding, writer).await;
    passed.map_err(|trouble| match trouble {
        Trouble::Source(cause) => NotPassed::Broken(cause),
        Trouble::Sink => NotPassed::Gone,
    })
}

async fn next(response: &mut ResponseFuture) -> Result<Next, h2::Error> {
    poll_fn(|cx| {
        if let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
            return Poll::Ready(Ok(Next::Interim(interim)));
        }
        Pin::new(&mut *response).poll(cx).map_ok(Next::Final)
    })
    .await
}

/// What it means that a stream has ended before its answer began.
fn not_passed(cause: h2::Error) -> NotPassed {
    let is_refused = cause.reason() == Some(Reason::REFUSED_STREAM);
    match cause.is_remote() && (is_refused || cause.is_go_away()) {
        true => NotPassed::Unseen { is_refused, cause },
        false => NotPassed::Broken(Interrupted::Stream(cause)),
    }
}
