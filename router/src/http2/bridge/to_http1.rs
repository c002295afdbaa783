//! From HTTP/2 to HTTP/1.1: a stream of this process's own link, whose request an endpoint is asked on a connection of its pool.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Method, Request, StatusCode};
use http1::{Decoder, Limits, Parsed, ResponseHead};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, split};
use tokio::time::Instant;

use super::bodies::{self, written};
use super::heads::{response_to_http2, write_request};
use crate::client::{Connection, Endpoint, Interrupted, Permit};

/// What a stream is for: whom to ask, and on which connection.
#[derive(Debug)]
pub(in super::super) struct Errand {
    pub(in super::super) connection: Box<Connection>,
    pub(in super::super) permit: Option<Permit>,
    pub(in super::super) endpoint: Arc<Endpoint>,
    pub(in super::super) worker: usize,
    pub(in super::super) report: Report,
}

/// Where it is told why there was no answer.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Report(Arc<Mutex<Option<Trouble>>>);

/// Why the endpoint did not answer.
#[derive(Debug)]
pub(in super::super) struct Trouble {
    pub(in super::super) cause: Interrupted,
    /// Whether it may have seen something of the request.
    pub(in super::super) has_begun: bool,
    /// Whether it has said anything.
    pub(in super::super) was_heard: bool,
    /// Leave to use another connection instead.
    pub(in super::super) permit: Option<Permit>,
}

impl From<Interrupted> for Trouble {
    /// Nothing may be sent again.
    fn from(cause: Interrupted) -> Self {
        Self {
            cause,
            has_begun: true,
            was_heard: true,
            permit: None,
        }
    }
}

impl Report {
    /// What was told.
    pub(in super::super) fn take(&self) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn tell(&self, trouble: Trouble) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }
}

/// Heads of answers may be as long as this, as those that are not bridged.
const LIMITS: Limits = Limits {
    line: 4 * 1024,
    fields: 64 * 1024,
    count: 128,
};

/// How many heads an endpoint may send before that of its answer.
const MOST_INTERIM: usize = 100;

/// How an answer has ended.
enum Ended {
    /// Well; whether the connection is good for another request, if all of this one was sent.
    Well { persists: bool },
    /// Whoever asked has gone.
    Gone,
    /// Before it began.
    Unanswered { cause: Interrupted, was_heard: bool },
    /// In the middle.
    Broken(Interrupted),
}

/// Asks the endpoint, and has the stream answered.
pub(super) async fn carry(
    mut errand: Errand,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let (head, mut body) = request.into_parts();
    let request = Request::from_parts(head, ());
    let sent = Sent::default();
    let mut buffer = BytesMut::new();
    let ended = {
        let (mut reader, mut writer) = split(&mut errand.connection.socket);
        tokio::select! {
            biased;
            ended = answer(request.method(), &mut reader, &mut buffer, &mut respond) => ended,
            ended = upload(&request, &mut body, &mut writer, &sent) => ended,
        }
    };
    match ended {
        Ended::Well { persists: true }
            if sent.is_all.load(Ordering::Relaxed) && buffer.is_empty() =>
        {
            let pool = &errand.endpoint.pool;
            pool.keep(errand.worker, errand.connection, Instant::now());
        }
        Ended::Well { .. } | Ended::Gone => {}
        Ended::Unanswered { cause, was_heard } => {
            errand.report.tell(Trouble {
                cause,
                has_begun: sent.has_begun.load(Ordering::Relaxed),
                was_heard,
                permit: errand.permit.take(),
            });
            respond.send_reset(Reason::INTERNAL_ERROR);
        }
        // The stream was reset. Its head may not have been looked at yet.
        Ended::Broken(cause) => {
            tracing::debug!(%cause, "an answer broke off");
            errand.report.tell(cause.into());
        }
    }
}

/// How far a request has come. (Atomic, because both directions know it.)
#[derive(Debug, Default)]
struct Sent {
    has_begun: AtomicBool,
    is_all: AtomicBool,
}

/// Sends the request. Ends when nobody waits for an answer any more.
async fn upload(
    request: &Request<()>,
    body: &mut RecvStream,
    writer: &mut (impl AsyncWrite + Unpin),
    sent: &Sent,
) -> Ended {
    let mut head = Vec::new();
    let has_body = !body.is_end_stream();
    let coding = write_request(request, has_body, &mut head);
    let passed = match written(writer, &head).await {
        Ok(()) => {
            sent.has_begun.store(true, Ordering::Relaxed);
            bodies::to_http1(body, coding, writer).await
        }
        Err(_) => Err(bodies::Trouble::Sink),
    };
    match passed {
        Ok(()) => sent.is_all.store(true, Ordering::Relaxed),
        Err(bodies::Trouble::Source(_)) => return Ended::Gone,
        // It may have answered before it closed.
        Err(bodies::Trouble::Sink) => {}
    }
    pending().await
}

/// Has the stream answered with what the endpoint says.
async fn answer(
    method: &Method,
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    respond: &mut SendResponse<Bytes>,
) -> Ended {
    let mut head = ResponseHead::default();
    for _ in 0..MOST_INTERIM {
        let unanswered = |cause, buffer: &BytesMut| Ended::Unanswered {
            cause,
            was_heard: !buffer.is_empty(),
        };
        let read = tokio::select! {
            biased;
            read = read_head(method, reader, buffer, &mut head) => read,
            _ = poll_fn(|cx| respond.poll_reset(cx)) => return Ended::Gone,
        };
        if let Err(cause) = read {
            return unanswered(cause, buffer);
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ended::Unanswered {
                cause: Interrupted::Switched,
                was_heard: true,
            };
        }
        let is_final = !head.status.is_informational();
        let persists = head.persists();
        let (response, decoder) = response_to_http2(&mut head);
        if is_final {
            return match pass(response, decoder, (reader, buffer), respond).await {
                Ended::Well { .. } => Ended::Well { persists },
                ended => ended,
            };
        }
        // Who cannot be told has gone.
        let _ = respond.send_informational(response);
    }
    Ended::Unanswered {
        cause: Interrupted::TooMuch,
        was_heard: true,
    }
}

/// Passes an answer on.
async fn pass(
    response: http::Response<()>,
    mut decoder: Decoder,
    (reader, buffer): (&mut (impl AsyncRead + Unpin), &mut BytesMut),
    respond: &mut SendResponse<Bytes>,
) -> Ended {
    let is_all = decoder.is_done();
    let Ok(mut sink) = respond.send_response(response, is_all) else {
        return Ended::Gone;
    };
    let passed = match is_all {
        true => Ok(()),
        false => bodies::to_http2(&mut decoder, buffer, reader, &mut sink).await,
    };
    match passed {
        Ok(()) => Ended::Well { persists: true },
        Err(bodies::Trouble::Sink) => Ended::Gone,
        Err(bodies::Trouble::Source(cause)) => {
            sink.send_reset(Reason::CANCEL);
            Ended::Broken(cause)
        }
    }
}

/// Reads the next head of an answer.
async fn read_head(
    method: &Method,
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    head: &mut ResponseHead,
) -> Result<(), Interrupted> {
    loop {
        if !buffer.is_empty()
            && let Parsed::Whole(length) = head.parse(buffer, method, &LIMITS)?
        {
            let _ = buffer.split_to(length);
            return Ok(());
        }
        buffer.reserve(1024);
        if reader.read_buf(buffer).await? == 0 {
            return Err(Interrupted::Closed);
        }
    }
}
