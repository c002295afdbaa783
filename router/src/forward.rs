//! A request on its way to an endpoint of its client, until the head of the answer is there.
//!
//! What surely reached no endpoint goes to another one, or to a fresh connection of the same: a refused connection, a
//! pooled connection that had been closed. What may have reached one is sent again only if that is harmless
//! (RFC 9110 §9.2.2) and only after a pooled connection, whose end the request may just have met (RFC 9112 §9.3.1).

mod ask;
mod attempt;
mod hold;
mod host;
mod lease;
mod message;
mod respond;
mod round;

use std::sync::Arc;

use http::{Method, StatusCode};
use http1::{Known, Length};
use live::Live;
use policy::{Class, Classifier, Exchange, Sent};
use tokio::time::Instant;

pub(crate) use ask::{Asked, Unanswered};
pub(crate) use attempt::{connect, open};
pub(crate) use hold::hold;
pub(crate) use host::Rewritten;
pub(crate) use lease::Lease;
pub(crate) use message::Message;
pub(crate) use respond::respond;
pub(crate) use round::{Round, Trying};

use crate::client::{Client, Endpoints, Target};
use crate::error::{Full, RouteError};
use crate::exchange::{Downstream, Holding};
use crate::headers::{Lines, Shown};
use ask::{frame, may_switch};
use attempt::{Failed, attempt};

/// What sending a request needs to know beside the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending<'a> {
    /// Whose pools are used.
    pub(crate) worker: usize,
    pub(crate) trying: Trying<'a>,
    /// The protocol that the client would change to.
    pub(crate) upgrade: Option<&'a [u8]>,
    /// How many requests the client may have in flight, if places are scarce.
    pub(crate) most: Option<usize>,
    /// Which answers are failures.
    pub(crate) classifier: Classifier,
    /// How many bytes of the body are kept for another try.
    pub(crate) kept_bytes: usize,
    /// Which answers are read whole before the client is told of them.
    pub(crate) holding: Option<Holding>,
}

/// An answer that has begun; its head is the downstream's response.
#[derive(Debug)]
pub(crate) struct Begun {
    /// When it did.
    pub(crate) now: Instant,
    /// What kind of answer it is.
    pub(crate) class: Class,
    /// What the endpoint has yet to send; none if the router has all of it.
    pub(crate) rest: Option<Kind>,
}

/// What an answer goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A body, perhaps of no length, while the request's own may still be on its way.
    Body,
    /// Anything, both ways, for ever.
    Tunnel,
}

/// Sends a request to an endpoint of the client. `message` is where it is kept until its answer has passed, and where the rest of the
/// answer comes from.
pub(crate) async fn forward(
    client: &Arc<Client>,
    sending: &Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Message,
) -> Result<Begun, Unanswered> {
    let begun = client.stats.exchanges.begin(sending.trying.began);
    message.held_from = None;
    let answered = match &client.target {
        Target::Status(status) => {
            downstream.response.reset(*status);
            let class = class(downstream, None, sending.classifier);
            Ok((class, None, Instant::now()))
        }
        Target::Endpoints { set, .. } => {
            match endpoints(client, set, sending.trying.deadline).await {
                Ok(endpoints) => balance(client, &endpoints, sending, downstream, message).await,
                Err(error) => Err(error.into()),
            }
        }
    };
    match answered {
        Ok((class, rest, now)) => {
            client.stats.statuses.count(downstream.response.status);
            begun.end(!class.is_failure(), now);
            if !class.is_failure() {
                client.requeue_budget.deposit(client.clock.time_at(now));
            }
            Ok(Begun { now, class, rest })
        }
        Err(Unanswered::Refused(error)) => {
            begun.fail(error.label(), Instant::now());
            Err(Unanswered::Refused(error))
        }
        Err(Unanswered::Gone) => Err(Unanswered::Gone),
    }
}

/// What kind of answer the downstream's response is.
fn class(downstream: &Downstream<'_>, message: Option<&Asked>, classifier: Classifier) -> Class {
    let response = &*downstream.response;
    let status = response.status;
    // Only what has failed is looked at more closely.
    let says_retryable =
        status.is_server_error() && response.fields.get(Known::L5dRetryable) == Some(&b"true"[..]);
    let exchange = Exchange::Answered {
        status,
        says_retryable,
    };
    classifier.classify(sent(downstream, message), exchange)
}

/// What the classifier needs to know of a request.
pub(crate) fn sent<'a>(downstream: &'a Downstream<'_>, message: Option<&Asked>) -> Sent<'a> {
    Sent {
        method: &downstream.request.method,
        is_streamed: message.is_some_and(|asked| !asked.is_repeatable()),
    }
}

/// The endpoints of a client. Only those of a name that was never heard of are waited for.
pub(crate) async fn endpoints(
    client: &Client,
    set: &Live<Endpoints>,
    deadline: Instant,
) -> Result<Arc<Endpoints>, RouteError> {
    let unknown = |reason: String| RouteError::NoAddressesYet {
        id: client.id.clone(),
        reason,
    };
    let known = set.with(|state| match (state.value(), state.failure()) {
        (Some(endpoints), _) => Some(Ok(Arc::clone(endpoints))),
        (None, Some(failure)) => Some(Err(unknown(failure.reason.to_string()))),
        (None, None) => None,
    });
    match known {
        Some(known) => known,
        None => {
            let first = Box::pin(set.ready(deadline)).await;
            first.map_err(|error| unknown(error.to_string()))
        }
    }
}

/// Has one of the endpoints answer, and says when it has.
async fn balance(
    client: &Arc<Client>,
    endpoints: &Endpoints,
    sending: &Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Message,
) -> Result<(Class, Option<Kind>, Instant), Unanswered> {
    if let Some(most) = sending.most
        && endpoints.load() >= most
    {
        return Err(RouteError::Overloaded(Full::Client).into());
    }
    let upgrade = match client.rules.settings.http2.is_on {
        true => no_upgrade(client, downstream, sending.upgrade)?,
        false => sending.upgrade,
    };
    let authority = endpoints.authority.as_ref().map(Shown::as_bytes);
    let rewritten = authority.and_then(|host| host::rewrite(&mut downstream.request.fields, host));
    if downstream.request.method != Method::CONNECT {
        let asked = &mut message.asked;
        let is_told = asked
            .as_ref()
            .is_some_and(|asked| asked.upload.has_body_begun());
        let expects = downstream.expects && !is_told;
        frame(downstream.request, expects, upgrade);
        // Read once, whichever endpoint is asked in the end.
        *asked = Some(match asked.take() {
            Some(asked) => asked.again(downstream),
            None => Asked::new(downstream, sending.kept_bytes),
        });
    }
    let taken = try_all(client, endpoints, sending, downstream, message).await;
    if let Some(rewritten) = &rewritten {
        rewritten.restore(&mut downstream.response.fields);
        rewritten.undo(&mut downstream.request.fields);
    }
    taken?;
    let Some(kind) = kind(downstream, message.asked.as_ref(), upgrade) else {
        return Err(switched(client, message).into());
    };
    let class = class(downstream, message.asked.as_ref(), sending.classifier);
    let now = Instant::now();
    if let Some(lease) = &mut message.lease {
        lease.in_flight.judge(class.into(), now);
    }
    let length = downstream.response.length();
    match sending.holding.and_then(|holding| holding.of(length)) {
        Some(bounds) if kind == Kind::Body => {
            Box::pin(hold(client, bounds, downstream, message)).await?;
            Ok((class, None, Instant::now()))
        }
        _ => Ok((class, Some(kind), now)),
    }
}

/// What is left of an upgrade where endpoints speak HTTP/2: nothing. A client that would rather speak that itself does without.
fn no_upgrade<'a>(
    client: &Client,
    downstream: &Downstream<'_>,
    upgrade: Option<&[u8]>,
) -> Result<Option<&'a [u8]>, RouteError> {
    let is_tunnel = |protocol: &[u8]| !protocol.trim_ascii().eq_ignore_ascii_case(b"h2c");
    let mut protocols = upgrade
        .into_iter()
        .flat_map(|all| all.split(|byte| *byte == b','));
    match downstream.request.method == Method::CONNECT || protocols.any(is_tunnel) {
        true => Err(RouteError::NoTunnelThere(client.id.clone())),
        false => Ok(None),
    }
}

/// What follows the head; none if it switches to a protocol that nobody asked for.
fn kind(
    downstream: &Downstream<'_>,
    message: Option<&Asked>,
    offered: Option<&[u8]>,
) -> Option<Kind> {
    let is_switch = downstream.response.status == StatusCode::SWITCHING_PROTOCOLS;
    match message {
        None => Some(Kind::Tunnel),
        Some(_) if !is_switch => Some(Kind::Body),
        Some(asked) => may_switch(downstream, asked, offered).then_some(Kind::Tunnel),
    }
}

/// Tries endpoints until one takes the request, whose connection is the message's then.
async fn try_all(
    client: &Arc<Client>,
    endpoints: &Endpoints,
    sending: &Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Message,
) -> Result<(), Unanswered> {
    let mut round = Round::new(client, endpoints, &sending.trying);
    while let Some(in_flight) = round.next() {
        match attempt(client, in_flight, sending, downstream, message).await {
            Ok(()) => {
                let response = &*downstream.response;
                if !is_nack(response.status, &response.fields, response.length())
                    || !round.is_nacked()
                    || !requeues(client, message.asked.as_ref())
                {
                    return Ok(());
                }
                let asked = message.asked.take();
                let class = class(downstream, asked.as_ref(), sending.classifier);
                if let Some(mut lease) = message.lease.take() {
                    let now = Instant::now();
                    lease.in_flight.judge(class.into(), now);
                    lease.discard(asked.as_ref(), downstream, now);
                }
                message.asked = asked.map(|asked| asked.again(downstream));
            }
            Err(Failed::Surely(cause)) => round.is_refused(cause),
            Err(Failed::Perhaps(unanswered)) => return Err(unanswered),
        }
    }
    Err(round.nobody().into())
}

/// Whether an answer of this length only says that the endpoint has not even looked at the request.
/// Source: finagle `HttpNackFilter`, which reads the same from a 503 with `Retry-After: 0`.
pub(crate) fn is_nack(status: StatusCode, fields: &impl Lines, length: Length) -> bool {
    status == StatusCode::SERVICE_UNAVAILABLE
        && (fields.find("finagle-http-nack").is_some()
            || fields.find("retry-after") == Some(b"0") && length != Length::Chunked)
}

/// Whether a request that surely had no effect may go to another endpoint, though one has seen it.
fn requeues(client: &Client, message: Option<&Asked>) -> bool {
    message.is_some_and(Asked::is_repeatable) && pay_for_requeue(client)
}

/// Whether the client's budget allows one more request to go to another endpoint.
pub(crate) fn pay_for_requeue(client: &Client) -> bool {
    let time = client.clock.time_at(Instant::now());
    let is_paid = client.requeue_budget.try_withdraw(time);
    match is_paid {
        true => client.stats.requeues.inc(),
        false => client.stats.trouble().budget_exhausted.inc(),
    }
    is_paid
}

/// An endpoint has switched protocols though nobody asked; its connection is good for nothing then.
fn switched(client: &Client, message: &mut Message) -> RouteError {
    let id = client.id.clone();
    match message.lease.take() {
        Some(lease) => RouteError::Switched {
            id,
            address: lease.in_flight.endpoint.address,
        },
        None => RouteError::NoEndpoints(id),
    }
}
