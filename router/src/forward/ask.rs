//! One connection, one request: sends it, and reads the head of the answer, whichever is possible first.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::StatusCode;
use http1::{Known, Length, Limits, Parsed, RequestHead};
use tokio::time::{Sleep, sleep};

use super::Lease;
use crate::client::{Connection, Interrupted};
use crate::error::RouteError;
use crate::exchange::Downstream;
use crate::server::Phase;
use crate::wire::{Encoding, Relay, Text, Trouble};

/// Heads of answers may be as long as this: endpoints are trusted with more than clients are, so that large cookies pass.
const LIMITS: Limits = Limits {
    line: 4 * 1024,
    fields: 64 * 1024,
    count: 128,
};

/// Why there is no answer to pass on.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The router answers instead.
    Refused(Box<RouteError>),
    /// Nobody waits for one any more.
    Gone,
}

impl From<RouteError> for Unanswered {
    fn from(error: RouteError) -> Self {
        Self::Refused(Box::new(error))
    }
}

/// Which side an exchange failed on.
pub(super) enum Error {
    Downstream(Unanswered),
    Upstream(Interrupted),
}

impl From<Interrupted> for Error {
    fn from(cause: Interrupted) -> Self {
        Self::Upstream(cause)
    }
}

/// A request that an endpoint is being asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) upload: Relay,
    /// Whether the endpoint takes no more of it.
    pub(super) is_refused: bool,
    /// Whether the endpoint's connection is good for another request.
    pub(super) persists: bool,
    /// Interim answers that the client has yet to be told.
    pub(super) interim: Vec<u8>,
    /// When the client is told to go on with its body, if it waits for that and the endpoint says nothing.
    pub(super) go_on: Option<Pin<Box<Sleep>>>,
}

/// How much an endpoint may say before its answer while the client does not listen.
const MOST_INTERIM: usize = 64 * 1024;

/// How long a client may wait to be told to go on by an endpoint that perhaps does not know how to.
const SILENCE: Duration = Duration::from_secs(1);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Asked {
    /// The downstream's request; so many bytes of its body are kept for another try.
    pub(super) fn new(downstream: &Downstream<'_>, kept_bytes: usize) -> Self {
        let head = written(downstream.request);
        let length = downstream.request.length();
        let encoding = match length {
            Length::Chunked => Encoding::Chunked,
            _ => Encoding::Plain,
        };
        Self {
            upload: Relay::new(head, length, encoding).keeping(kept_bytes),
            is_refused: false,
            persists: false,
            interim: Vec::new(),
            go_on: downstream.expects.then(|| Box::pin(sleep(SILENCE))),
        }
    }

    /// The same for another endpoint, with the request's head as it is now.
    pub(super) fn again(self, downstream: &mut Downstream<'_>) -> Self {
        let head = written(downstream.request);
        let input = match &mut downstream.upload {
            Some(held) => held,
            None => &mut *downstream.input,
        };
        Self {
            upload: self.upload.again(head, input),
            is_refused: false,
            persists: false,
            ..self
        }
    }

    /// Whether it could be sent once more.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.upload.is_repeatable()
    }

    /// Whether all of it was sent, and the endpoint's connection is good for another request.
    pub(super) fn leaves_it_usable(&self) -> bool {
        self.upload.is_done() && !self.is_refused && self.persists
    }

    /// Leaves the rest of the body to whoever answers instead.
    pub(super) fn leave(&mut self, downstream: &mut Downstream<'_>) {
        // A body that was held has been read.
        if downstream.upload.take().is_none() {
            downstream.unread = self.upload.take_decoder(downstream.input);
        }
    }

    /// Whether the endpoint may have seen some of it.
    pub(super) fn has_begun(&self) -> bool {
        self.upload.has_begun()
    }

    /// Whether the endpoint has said nothing at all.
    pub(super) fn heard_nothing(&self, lease: &Lease) -> bool {
        self.interim.is_empty() && lease.connection.input.is_empty()
    }

    /// Sends what can be sent of the rest of the request. Ready when somebody else has to decide.
    pub(super) fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        connection: &mut Connection,
        downstream: &mut Downstream<'_>,
    ) -> Poll<Unanswered> {
        if self.is_refused || self.upload.is_done() {
            return Poll::Pending;
        }
        if downstream.activity.has_stalled() {
            return Poll::Ready(RouteError::TooSlow.into());
        }
        let (mut source, _) = downstream.socket.split();
        let (_, mut sink) = connection.socket.split();
        let input = match &mut downstream.upload {
            Some(held) => held,
            None => &mut *downstream.input,
        };
        let polled = self.upload.poll(cx, input, &mut source, &mut sink);
        if self.upload.has_body_begun() {
            self.go_on = None;
        }
        match polled {
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            Poll::Ready(Err(Trouble::Source(_))) => Poll::Ready(Unanswered::Gone),
            Poll::Ready(Err(Trouble::Body(bad))) => Poll::Ready(RouteError::BadBody(bad).into()),
            // It may have answered before it closed.
            Poll::Ready(Err(Trouble::Sink)) => {
                self.is_refused = true;
                Poll::Pending
            }
        }
    }

    /// Ready when the client has hung up. To be asked last, when there is nothing to do but wait.
    pub(crate) fn poll_gone(
        &self,
        cx: &mut Context<'_>,
        downstream: &mut Downstream<'_>,
    ) -> Poll<()> {
        // Whoever sends a body still is read from anyway, unless nobody takes it: then what comes after the answer decides.
        match self.upload.is_done() && !self.is_refused {
            true => downstream.poll_gone(cx),
            false => Poll::Pending,
        }
    }

    /// What the client's connection waits for.
    pub(super) fn phase(&self) -> Phase {
        match self.is_refused || self.upload.is_done() || !self.upload.waits_for_source() {
            true => Phase::Busy,
            false => Phase::Body,
        }
    }

    /// Tells the client what the endpoint said so far.
    pub(super) fn poll_interim(&mut self, cx: &mut Context<'_>, downstream: &mut Downstream<'_>) {
        if let Some(go_on) = &mut self.go_on
            && go_on.as_mut().poll(cx).is_ready()
        {
            self.interim.extend_from_slice(CONTINUE);
            self.go_on = None;
        }
        let (_, mut writer) = downstream.socket.split();
        while !self.interim.is_empty() {
            match writer.poll_write(cx, [&self.interim, &[], &[]]) {
                Poll::Ready(Ok(count)) => drop(self.interim.drain(..count)),
                // Who cannot be told will be found gone by whoever sends the answer.
                Poll::Ready(Err(_)) => self.interim.clear(),
                Poll::Pending => return,
            }
        }
        // Nor does it matter here whether the client can be told.
        let _ = writer.poll_flush(cx);
    }
}

fn written(head: &RequestHead) -> Text {
    let mut text = Text::take();
    head.write_to(&mut text);
    text
}

/// Says in the head how its body is delimited, and what the client asks of this hop that the next one can do as well.
pub(super) fn frame(request: &mut RequestHead, expects: bool, upgrade: Option<&[u8]>) {
    let length = request.length();
    let fields = &mut request.fields;
    if length == Length::Chunked {
        fields.set(Known::TransferEncoding, b"chunked");
    }
    match expects {
        true => fields.set(Known::Expect, b"100-continue"),
        // What was said in another try.
        false => _ = fields.remove(Known::Expect),
    }
    if let Some(protocol) = upgrade {
        fields.set(Known::Connection, b"upgrade");
        fields.set(Known::Upgrade, protocol);
    }
}

/// Sends the request, and waits for the head of the answer, which is the downstream's response then.
pub(super) async fn ask(
    connection: &mut Connection,
    asked: &mut Asked,
    downstream: &mut Downstream<'_>,
) -> Result<(), Error> {
    asked.is_refused = false;
    let answered = poll_fn(|cx| {
        if let Poll::Ready(unanswered) = asked.poll_upload(cx, connection, downstream) {
            return Poll::Ready(Err(Error::Downstream(unanswered)));
        }
        let polled = poll_head(cx, connection, asked, downstream);
        if polled.is_pending() {
            asked.poll_interim(cx, downstream);
            let moved = asked.upload.moved();
            downstream.activity.note(asked.phase(), moved);
            if asked.poll_gone(cx, downstream).is_ready() {
                return Poll::Ready(Err(Error::Downstream(Unanswered::Gone)));
            }
        }
        polled.map_err(Error::from)
    });
    answered.await
}

fn poll_head(
    cx: &mut Context<'_>,
    connection: &mut Connection,
    asked: &mut Asked,
    downstream: &mut Downstream<'_>,
) -> Poll<Result<(), Interrupted>> {
    loop {
        let input = &mut connection.input;
        if !input.is_empty() {
            let response = &mut *downstream.response;
            let method = &downstream.request.method;
            if let Parsed::Whole(length) = response.parse(input.filled(), method, &LIMITS)? {
                input.consume(length);
                if is_final(response.status) {
                    asked.persists = response.persists();
                    return Poll::Ready(Ok(()));
                }
                asked.go_on = None;
                // Old clients know no interim answers.
                if downstream.request.version == http::Version::HTTP_11 {
                    crate::headers::strip_hop_by_hop(&mut response.fields);
                    response.write_to(&mut asked.interim);
                }
                if asked.interim.len() > MOST_INTERIM {
                    return Poll::Ready(Err(Interrupted::TooMuch));
                }
                continue;
            }
        }
        let (mut reader, _) = connection.socket.split();
        match input.poll_fill(cx, &mut reader) {
            Poll::Ready(Ok(1..)) => {}
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(Interrupted::Closed)),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
            Poll::Pending => return Poll::Pending,
        }
    }
}

fn is_final(status: StatusCode) -> bool {
    !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS
}

/// Whether an answer that switches protocols was asked to: the request is whole, and its client would take this protocol.
/// Source: RFC 9110 §7.8.
pub(super) fn may_switch(
    downstream: &Downstream<'_>,
    asked: &Asked,
    offered: Option<&[u8]>,
) -> bool {
    let names = |list| <[u8]>::split(list, |byte| *byte == b',').map(<[u8]>::trim_ascii);
    let is_offered = |taken: &[u8]| {
        let mut offered = offered.into_iter().flat_map(names);
        offered.any(|protocol| protocol.eq_ignore_ascii_case(taken))
    };
    let fields = &downstream.response.fields;
    let mut taken = fields.all(Known::Upgrade).flat_map(names).peekable();
    asked.upload.is_done() && taken.peek().is_some() && taken.all(is_offered)
}
