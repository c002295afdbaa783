//! A request as it came in on a stream, and what is left of it to do.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::uri::Scheme;
use http::{Method, Request};
use tokio::time::Instant;

use super::grpc;
use super::head::RequestHead;
use super::patience::Patience;
use super::relay::{Relay, Trouble};
use super::upgrade::FirstBody;
use crate::forward::Rewritten;
use crate::headers::Shown;
use crate::wire::Text;

/// A request whose answer has not begun.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: RequestHead,
    pub(super) upload: Relay,
    pub(super) respond: SendResponse<Bytes>,
    /// Whether it is a call of gRPC: then the client reads `grpc-status`, and not the status alone.
    pub(super) is_grpc: bool,
    /// When the call has to be over, if it is one of gRPC and says so.
    pub(super) expires: Option<Instant>,
    /// Whether the endpoint takes no more of the body.
    is_refused: bool,
    /// What the fields of the head said that is on its way.
    packed: Option<Text>,
    /// How long the client may send nothing of a body, if it has said how long that is: others may be silent for hours.
    patience: Option<Patience>,
    is_too_slow: bool,
}

impl Asked {
    /// A request that came in now. `stall` is how long its client may be silent before the end of its body.
    pub(super) fn new(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        now: Instant,
        stall: Duration,
    ) -> Self {
        let (mut parts, body) = request.into_parts();
        // Whoever waits for a word of the endpoint is not slow.
        let is_promised = parts.headers.contains_key(CONTENT_LENGTH)
            && !parts.headers.contains_key(EXPECT)
            && !body.is_end_stream();
        let is_grpc = grpc::is_call(&parts.headers);
        let timeout = match is_grpc {
            true => grpc::timeout(&parts.headers),
            false => None,
        };
        let mut upload = Relay::new(body);
        if let Some(FirstBody(body)) = parts.extensions.remove() {
            upload.begin_with(body);
        }
        Self {
            expires: timeout.map(|timeout| now + timeout),
            head: RequestHead::from(parts),
            upload,
            respond,
            is_grpc,
            is_refused: false,
            packed: None,
            patience: is_promised.then(|| Patience::new(stall)),
            is_too_slow: false,
        }
    }

    /// Whether the client was given up because the rest of its body did not come.
    pub(super) fn is_too_slow(&self) -> bool {
        self.is_too_slow
    }

    /// Has it ask for this host.
    pub(super) fn name(&mut self, authority: &[u8]) {
        self.head.set_authority(authority, Scheme::HTTP);
    }

    /// Has it ask for the host that the namer wants, if it wants one; none if the client had named none. Source: linkerd
    /// `RewriteHostHeader`.
    pub(super) fn rename(&mut self, authority: Option<&Shown>) -> Option<Rewritten> {
        let authority = authority?.as_bytes();
        let original = self.head.uri.authority().map(|host| host.to_string());
        self.name(authority);
        Rewritten::new(original?.as_bytes(), authority)
    }

    pub(super) fn method(&self) -> &Method {
        &self.head.method
    }

    /// The head as the codec takes it.
    pub(super) fn pack_head(&mut self) -> Request<()> {
        let packed = self.packed.get_or_insert_with(Text::take);
        packed.clear();
        self.head.pack(packed)
    }

    /// There will be no other try.
    pub(super) fn is_answered(&mut self) {
        self.packed = None;
    }

    /// Has it begin again, for another try.
    pub(super) fn rewind(&mut self) {
        if let Some(packed) = self.packed.take() {
            self.head.unpack(&packed);
        }
        self.upload.rewind();
        self.is_refused = false;
    }

    /// Passes on what there is of the body. Ready when the client has given up, or is too slow.
    pub(super) fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut SendStream<Bytes>,
    ) -> Poll<()> {
        if self.upload.is_done() || self.is_refused {
            return Poll::Pending;
        }
        match self.upload.poll(cx, sink) {
            Poll::Ready(Ok(())) => Poll::Pending,
            Poll::Pending => self.poll_too_slow(cx),
            Poll::Ready(Err(Trouble::Source(_))) => Poll::Ready(()),
            // The answer, or its absence, tells why.
            Poll::Ready(Err(Trouble::Sink(_))) => {
                self.is_refused = true;
                Poll::Pending
            }
        }
    }

    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(patience) = &mut self.patience else {
            return Poll::Pending;
        };
        let over = patience.poll_over(cx, self.upload.awaits_source());
        self.is_too_slow = over.is_ready();
        over
    }

    /// Ready when the client has reset the stream, or its connection has ended. What it sends meanwhile is read, as far as it may
    /// send: the library ends connections where too much waits for that.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.upload.poll_ahead(cx, usize::MAX).is_err() {
            return Poll::Ready(());
        }
        self.respond.poll_reset(cx).map(drop)
    }

    /// Waits for this; none if the client goes meanwhile.
    pub(super) async fn unless_gone<T>(&mut self, waiting: impl Future<Output = T>) -> Option<T> {
        let mut waiting = pin!(waiting);
        poll_fn(|cx| match waiting.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.poll_gone(cx).map(|()| None),
        })
        .await
    }
}
