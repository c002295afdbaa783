//! The client's side of an exchange.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use http::{Method, StatusCode, Version};
use http1::{Decoder, Known, Length, RequestHead, ResponseHead};

use crate::server::{Activity, Phase, Place};
use crate::stats::ServerStats;
use crate::wire::{Compressor, Encoding, Input, Next, Relay, Socket, Text};

/// A client that has sent a request's head, and what has come of it so far.
#[derive(Debug)]
pub(crate) struct Downstream<'a> {
    pub(crate) socket: &'a mut Socket,
    /// What the client sent after the head: its body, and perhaps the next request.
    pub(crate) input: &'a mut Input,
    pub(crate) request: &'a mut RequestHead,
    pub(crate) response: &'a mut ResponseHead,
    pub(crate) activity: &'a Activity,
    pub(crate) stats: &'a ServerStats,
    /// What the request takes while it is in flight; a tunnel takes none.
    pub(crate) place: Option<Place<'a>>,
    /// What is left of the request's body, once nobody passes it on any more.
    pub(crate) unread: Decoder,
    /// The request's body, if all of it was read before anybody was asked.
    pub(crate) upload: Option<Input>,
    /// The answer's body, if all of it was read before the client is told.
    pub(crate) answer: Option<Input>,
    /// Whether the client may send another request, as far as its head tells.
    wants_more: bool,
    /// Whether it may, as far as we know.
    persists: bool,
    /// Whether the client waits for a word before it sends its body.
    pub(crate) expects: bool,
}

/// What can become of a client's connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request may come.
    Keep,
    /// Everything was said, and nothing more is expected.
    Close,
    /// Everything was said, but the client may be sending still.
    Linger,
    /// Something was said in part, and must not be taken for the whole.
    Reset,
}

impl<'a> Downstream<'a> {
    pub(crate) fn new(
        (socket, input): (&'a mut Socket, &'a mut Input),
        (request, response): (&'a mut RequestHead, &'a mut ResponseHead),
        activity: &'a Activity,
        stats: &'a ServerStats,
    ) -> Self {
        Self {
            unread: Decoder::new(request.length()),
            wants_more: request.persists(),
            persists: request.persists(),
            expects: request.expects_continue() && request.length() != Length::None,
            socket,
            input,
            request,
            response,
            activity,
            stats,
            place: None,
            upload: None,
            answer: None,
        }
    }

    /// Whether the client's connection may be kept after this exchange.
    pub(crate) fn may_persist(&self) -> bool {
        self.persists && !self.activity.is_draining()
    }

    /// Nothing of what the client sends from here on can be told apart.
    pub(crate) fn forbid_more(&mut self) {
        self.persists = false;
    }

    /// Ready when the client has hung up. What it sends early is kept; then nobody listens for its end until that is used.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.input.is_empty() {
            return Poll::Pending;
        }
        let (mut reader, _) = self.socket.split();
        match self.input.poll_surprise(cx, &mut reader) {
            Poll::Ready(Ok(1..)) | Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(()),
        }
    }

    /// Waits for this; none if the client hangs up meanwhile.
    pub(crate) async fn unless_gone<T>(&mut self, waiting: impl Future<Output = T>) -> Option<T> {
        let mut waiting = pin!(waiting);
        poll_fn(|cx| match waiting.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.poll_gone(cx).map(|()| None),
        })
        .await
    }

    /// Completes the response's head for a body of this length: how it is delimited for this client, and whether the
    /// connection stays.
    pub(crate) fn frame(&mut self, length: Length) -> Encoding {
        let is_old = self.request.version == Version::HTTP_10;
        let encoding = match length {
            Length::None | Length::Exact(_) => Encoding::Plain,
            // An old client knows no chunks: for it the end of the connection ends the body.
            Length::Chunked | Length::UntilClose if is_old => {
                self.forbid_more();
                Encoding::Plain
            }
            Length::Chunked | Length::UntilClose => Encoding::Chunked,
        };
        let fields = &mut self.response.fields;
        if encoding == Encoding::Chunked {
            fields.push(Known::TransferEncoding, b"chunked");
        }
        match (self.may_persist(), is_old) {
            (true, true) => self.response.fields.push(Known::Connection, b"keep-alive"),
            (true, false) => {}
            (false, _) => self.response.fields.push(Known::Connection, b"close"),
        }
        encoding
    }

    /// The answer on its way: its head behind what is to be said before it, and then its body, through the compressor if there is
    /// one.
    pub(crate) fn begin(
        &mut self,
        compressor: Option<Box<Compressor>>,
        before: &mut Vec<u8>,
    ) -> Relay {
        let length = self.response.length();
        let encoding = self.frame(match compressor {
            None => length,
            Some(_) => Length::Chunked,
        });
        let mut head = Text::take();
        head.append(before);
        self.response.write_to(&mut head);
        let mut message = Relay::new(head, length, encoding).followed_by(self.next());
        if let Some(compressor) = compressor {
            message.compress(compressor);
        }
        message
    }

    /// What follows the answer, once its head says so: the connection that does not persist ends at once, whatever comes in.
    fn next(&self) -> Next {
        match self.may_persist() {
            true => Next::Unknown,
            false => Next::End,
        }
    }

    /// Answers with the response's head and a body that was read already.
    pub(crate) async fn pass_held(
        &mut self,
        body: Input,
        compressor: Option<Box<Compressor>>,
    ) -> After {
        self.settle_expectation();
        let message = self.begin(compressor, &mut Vec::new());
        self.send(message, body).await
    }

    /// Whoever was not told to go on may send its body or its next request, and nobody can say which.
    fn settle_expectation(&mut self) {
        if self.expects && !self.unread.is_done() {
            self.forbid_more();
        }
    }

    /// Answers with the response's head and a text of our own.
    pub(crate) async fn reply(&mut self, text: &str) -> After {
        self.settle_expectation();
        let status = self.response.status;
        let length = match status {
            // These end with their head. Source: RFC 9110 §8.6.
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Length::None,
            _ => Length::Exact(text.len() as u64),
        };
        if let Length::Exact(length) = length {
            self.response.fields.push_with(Known::ContentLength, |out| {
                out.extend_from_slice(length.to_string().as_bytes());
            });
        }
        self.frame(length);
        let mut out = Text::take();
        self.response.write_to(&mut out);
        if self.request.method != Method::HEAD && length != Length::None {
            out.extend_from_slice(text.as_bytes());
        }
        let message = Relay::new(out, Length::None, Encoding::Plain).followed_by(self.next());
        self.send(message, Input::default()).await
    }

    /// Sends an answer of which everything is there.
    async fn send(&mut self, mut message: Relay, mut body: Input) -> After {
        let sent = poll_fn(|cx| {
            let (mut reader, mut writer) = self.socket.split();
            let polled = message.poll(cx, &mut body, &mut reader, &mut writer);
            self.activity.note(Phase::Reply, message.moved());
            polled
        });
        match sent.await {
            Ok(()) => self.after().await,
            Err(_) => After::Close,
        }
    }

    /// What comes after an exchange whose answer was sent: the rest of a body that nobody wanted is read and forgotten, within
    /// bounds. A client that is still sending when its connection closes may never see its answer.
    pub(crate) async fn after(&mut self) -> After {
        if !self.may_persist() {
            return match self.wants_more || !self.unread.is_done() {
                true => After::Linger,
                false => After::Close,
            };
        }
        let mut left = MOST_UNREAD;
        let is_read = poll_fn(|cx| {
            let (mut reader, _) = self.socket.split();
            while !self.unread.is_done() {
                let Ok(decoded) = self.unread.decode(self.input.filled_mut()) else {
                    return Poll::Ready(false);
                };
                self.input.consume(decoded.consumed);
                left = left.saturating_sub(decoded.consumed);
                self.activity.note(Phase::Body, left as u64);
                if left == 0 {
                    return Poll::Ready(false);
                }
                if decoded.is_done || decoded.consumed > 0 {
                    continue;
                }
                match self.input.poll_fill(cx, &mut reader) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(true)
        });
        match is_read.await {
            true => After::Keep,
            false => After::Linger,
        }
    }
}

/// How much is read of a body that nobody wants; of a longer one the connection closes.
const MOST_UNREAD: usize = 1024 * 1024;
