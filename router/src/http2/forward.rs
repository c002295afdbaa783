//! A request on its way to an endpoint of its client, until the head of the answer is there.
//!
//! What surely reached no endpoint goes to another one: a refused connection, one that ended before the request was sent, a stream
//! that the other side has not looked at because it is about to close (GOAWAY) or has enough (REFUSED_STREAM).
//! Source: RFC 9113 §8.7.

mod attempt;
mod bridged;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http1::{Known, Length};
use policy::{Class, Outcome, Sent, StreamHead};
use tokio::time::Instant;

use super::asked::Asked;
use super::channel::Slot;
use super::head::ResponseHead;
use super::relay::Relay;
use crate::client::{Client, Endpoints, InFlight, Target};
use crate::error::{Full, RouteError};
use crate::forward::{Round, Trying, endpoints, pay_for_requeue};
use crate::headers::Lines as _;
use crate::service::Streams;
use crate::stats::Begun;
use attempt::{Failed, attempt};

/// What sending a request needs to know beside the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending<'a> {
    /// Whose channels are used.
    pub(super) worker: usize,
    pub(super) trying: Trying<'a>,
    /// How many requests the client may have in flight, if places are scarce.
    pub(super) most: Option<usize>,
    /// Which answers are failures.
    pub(super) rules: &'a Streams,
}

/// An answer that has begun.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: ResponseHead,
    /// When it did.
    pub(super) now: Instant,
    /// What kind of answer it is; none if only its end tells.
    pub(super) class: Option<Class>,
    /// What its client counts.
    pub(super) counted: Begun<Arc<Client>>,
    /// What follows the head; none if the router made it.
    pub(super) rest: Option<Rest>,
}

/// What follows the head of an endpoint's answer. Dropping it cancels the stream.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) download: Relay,
    /// What the endpoint takes of the request.
    pub(super) sink: SendStream<Bytes>,
    pub(super) in_flight: InFlight,
    pub(super) _slot: Slot,
}

/// Why there is no answer to pass on.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The router answers instead.
    Refused(RouteError),
    /// The endpoint has reset the stream.
    Reset {
        reason: Reason,
        endpoint: SocketAddr,
    },
    /// Nobody waits for one any more.
    Gone,
}

impl From<RouteError> for Unanswered {
    fn from(error: RouteError) -> Self {
        Self::Refused(error)
    }
}

/// Sends a request to an endpoint of the client.
pub(super) async fn forward(
    client: &Arc<Client>,
    sending: &Sending<'_>,
    asked: &mut Asked,
) -> Result<Answer, Unanswered> {
    let counted = Begun::new(Arc::clone(client), sending.trying.began);
    let answered = match &client.target {
        Target::Status(status) => Ok((ResponseHead::new(*status), None)),
        Target::Endpoints { set, .. } => {
            match endpoints(client, set, sending.trying.deadline).await {
                Ok(endpoints) => balance(client, &endpoints, sending, asked).await,
                Err(error) => Err(error.into()),
            }
        }
    };
    let now = Instant::now();
    match answered {
        Ok((head, rest)) => {
            client.stats.statuses.count(head.status);
            let class = early(&head, rest.as_ref(), sending.rules, sent(asked));
            Ok(Answer {
                head,
                now,
                class,
                counted,
                rest,
            })
        }
        Err(unanswered) => {
            match &unanswered {
                Unanswered::Refused(error) => counted.fail(error.label(), now),
                Unanswered::Reset { .. } => counted.fail("stream_reset", now),
                Unanswered::Gone => {}
            }
            Err(unanswered)
        }
    }
}

/// What the head of an answer alone says about it.
fn early(
    head: &ResponseHead,
    rest: Option<&Rest>,
    rules: &Streams,
    sent: Sent<'_>,
) -> Option<Class> {
    let is_end = rest.is_none_or(|rest| rest.download.is_done());
    let grpc_status = match is_end {
        true => super::grpc::status(head.fields.map()),
        false => None,
    };
    let head = StreamHead {
        status: head.status,
        is_end,
        grpc_status,
    };
    rules.classifier.early(sent, &head)
}

/// What the classifier needs to know of a request.
pub(super) fn sent(asked: &Asked) -> Sent<'_> {
    Sent {
        method: asked.method(),
        is_streamed: !asked.upload.is_repeatable(),
    }
}

/// Has one of the endpoints answer.
async fn balance(
    client: &Arc<Client>,
    endpoints: &Endpoints,
    sending: &Sending<'_>,
    asked: &mut Asked,
) -> Result<(ResponseHead, Option<Rest>), Unanswered> {
    if let Some(most) = sending.most
        && endpoints.load() >= most
    {
        return Err(RouteError::Overloaded(Full::Client).into());
    }
    let rewritten = asked.rename(endpoints.authority.as_ref());
    let answered = try_all(client, endpoints, sending, asked).await;
    match (rewritten, answered) {
        (None, answered) => answered.map(|(head, rest)| (head, Some(rest))),
        (Some(rewritten), answered) => {
            asked.name(rewritten.original());
            let (mut head, rest) = answered?;
            rewritten.restore(&mut head.fields);
            Ok((head, Some(rest)))
        }
    }
}

/// Tries endpoints until one takes the request.
async fn try_all(
    client: &Arc<Client>,
    endpoints: &Endpoints,
    sending: &Sending<'_>,
    asked: &mut Asked,
) -> Result<(ResponseHead, Rest), Unanswered> {
    let mut round = Round::new(client, endpoints, &sending.trying);
    while let Some(in_flight) = round.next() {
        match attempt(client, in_flight, sending, asked).await {
            Ok((head, mut rest)) => {
                if !is_nack(client, &head) || !round.is_nacked() || !requeues(client, asked) {
                    return Ok((head, rest));
                }
                rest.in_flight.judge(Outcome::Failure, Instant::now());
                asked.rewind();
            }
            Err(Failed::Surely(cause)) => round.is_refused(cause),
            Err(Failed::Refused { reason, endpoint }) => {
                if !round.is_nacked() || !requeues(client, asked) {
                    return Err(Unanswered::Reset { reason, endpoint });
                }
                asked.rewind();
            }
            Err(Failed::Perhaps(unanswered)) => return Err(unanswered),
        }
    }
    Err(round.nobody().into())
}

/// Whether an answer only says that the endpoint has not looked at the request, which over HTTP/1.1 no reset can.
fn is_nack(client: &Client, head: &ResponseHead) -> bool {
    let length = match head.fields.has(Known::ContentLength) {
        true => Length::Exact(0),
        false => Length::Chunked,
    };
    !client.rules.settings.http2.is_on && crate::forward::is_nack(head.status, &head.fields, length)
}

/// Whether a request that was not looked at may go to another endpoint.
fn requeues(client: &Client, asked: &Asked) -> bool {
    asked.upload.is_kept() && pay_for_requeue(client)
}
