//! The way back: an answer's head, body and end to the client, and what they say about how it went.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http1::Known;
use policy::{Class, Outcome, StreamEnd};
use tokio::time::{Instant, Sleep, sleep_until};

use super::asked::Asked;
use super::exchange::{Exchange, STREAM_RESET, passed_on};
use super::fields::Fields;
use super::forward::{Answer, Rest, sent};
use super::grpc;
use super::patience::Patience;
use super::relay::{End, Trouble};
use crate::client::Client;
use crate::exchange::{sign_class, sign_response};
use crate::headers::{self, Lines as _};
use crate::route::{CountedRoute, Route};
use crate::server::Phase;
use crate::stats::{Begun, Exchanges};

/// What is counted of a request, by its server and by its name.
pub(super) type Counted<'a> = (Begun<&'a Exchanges>, Begun<CountedRoute>);

/// Passes an answer on, and settles what is counted of it.
pub(super) async fn pass(
    exchange: Exchange<'_>,
    route: &Route,
    mut asked: Asked,
    answer: Answer,
    (server, service): Counted<'_>,
) {
    let Answer {
        mut head,
        now,
        class,
        counted: client,
        mut rest,
    } = answer;
    let edge = &exchange.front.edge;
    edge.stats.statuses.count(head.status);
    let all = All {
        route,
        server,
        service,
        client,
    };
    all.answered(now);
    // A call may go on for hours, and nobody is asked again.
    asked.upload.forget();
    sign_response(&mut head);
    let classifier = &route.service.streams.classifier;
    // Only where its end says how a call went is that worth trailers of our own.
    let told = class.or_else(|| (!classifier.reads_trailers()).then_some(Class::Success));
    if let Some(class) = told {
        sign_class(&mut head.fields, !class.is_failure());
    }
    if edge.clear_context && headers::clear_context(&mut head.fields) {
        // What a router beyond the edge says of its names is not for strangers.
        head.fields.remove(Known::ContentLength);
        if let Some(mut rest) = rest.take() {
            rest.in_flight
                .judge(class.unwrap_or(Class::Success).into(), now);
        }
    }
    asked.is_answered();
    let status = head.status;
    let grpc_status = match asked.is_grpc {
        true => grpc::status(head.fields.map()),
        false => None,
    };
    let is_all = rest.as_ref().is_none_or(|rest| rest.download.is_done());
    let sent_on = asked.respond.send_response(head.into(), is_all);
    let Ok(mut out) = sent_on else { return };
    let Some(mut rest) = rest else {
        return all.ended(&asked, class.unwrap_or(Class::Success), None);
    };
    if class.is_some() || rest.in_flight.is_probe() {
        // A call may take hours, and that it is answered at all is what a probe wants to know.
        let class = class.unwrap_or(Class::Success);
        rest.in_flight.judge(class.into(), now);
    }
    if is_all {
        return all.ended(&asked, class.unwrap_or(Class::Success), grpc_status);
    }
    let passing = Passing {
        asked: &mut asked,
        rest: &mut rest,
        out: &mut out,
        may_end_with_data: told.is_some(),
        patience: Patience::new(edge.patience.reply),
        expiry: None,
    };
    let passed = passing.pass().await;
    let last = |end| class.unwrap_or_else(|| classifier.last(sent(&asked), status, end));
    match passed {
        Passed::Whole(End::WithData) => {
            let class = last(StreamEnd::Data);
            rest.in_flight.judge(class.into(), Instant::now());
            all.ended(&asked, class, None);
        }
        Passed::Whole(End::Open) => {
            let mut trailers = rest.download.take_trailers();
            let grpc_status = trailers.as_ref().and_then(grpc::status);
            let class = last(end(trailers.as_ref()));
            if told.is_none() {
                let mut fields = Fields::new(trailers.unwrap_or_default());
                sign_class(&mut fields, !class.is_failure());
                trailers = Some(fields.into_map());
            }
            // Who cannot be told has gone in this moment, and makes no difference to what the endpoint did.
            let _ = rest.download.end(&mut out, trailers);
            rest.in_flight.judge(class.into(), Instant::now());
            all.ended(&asked, class, grpc_status);
        }
        Passed::Gone if asked.is_too_slow() => {
            edge.stats.stalled(Phase::Body);
            out.send_reset(Reason::CANCEL);
        }
        Passed::Gone => {}
        Passed::NotTaken => {
            edge.stats.stalled(Phase::Reply);
            out.send_reset(Reason::CANCEL);
        }
        Passed::Broken(error) => {
            rest.in_flight.judge(Outcome::Failure, Instant::now());
            match asked.is_grpc && !error.is_reset() {
                true => {
                    let message = format!("the connection to the endpoint was lost: {error}");
                    _ = out.send_trailers(grpc::end(grpc::UNAVAILABLE, &message));
                }
                false => out.send_reset(passed_on(&error)),
            }
            all.broke(STREAM_RESET);
        }
        Passed::Expired => {
            // The endpoint was told so as well, and so is nobody to blame but the caller.
            let message = "the time that the caller gave the call is over";
            let _ = out.send_trailers(grpc::end(grpc::DEADLINE_EXCEEDED, message));
            all.broke("deadline");
        }
    }
}

/// What the end of a body means to a classifier.
pub(super) fn end(trailers: Option<&HeaderMap>) -> StreamEnd {
    match trailers {
        Some(trailers) => StreamEnd::Trailers {
            grpc_status: grpc::status(trailers),
        },
        None => StreamEnd::Data,
    }
}

/// What it means to a classifier that a body broke off.
pub(super) fn broken(error: &h2::Error) -> StreamEnd {
    StreamEnd::Reset {
        is_retryable: error.is_io() || error.is_go_away(),
        is_refused: error.reason() == Some(Reason::REFUSED_STREAM),
    }
}

/// How an answer's way ended.
enum Passed {
    /// With all of it.
    Whole(End),
    /// The client has given it up, or sends the rest of its request too slowly.
    Gone,
    /// It takes nothing of it.
    NotTaken,
    /// The endpoint has.
    Broken(h2::Error),
    /// The call may take no longer.
    Expired,
}

/// An answer's body on its way, while the request's own may still be, too.
struct Passing<'a> {
    asked: &'a mut Asked,
    rest: &'a mut Rest,
    out: &'a mut SendStream<Bytes>,
    may_end_with_data: bool,
    /// With a client that takes nothing.
    patience: Patience,
    /// Begun when there is first something to wait for.
    expiry: Option<Pin<Box<Sleep>>>,
}

impl Passing<'_> {
    async fn pass(mut self) -> Passed {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let Self {
            asked, rest, out, ..
        } = self;
        if asked.poll_upload(cx, &mut rest.sink).is_ready() {
            return Poll::Ready(Passed::Gone);
        }
        match rest.download.poll_data(cx, out, self.may_end_with_data) {
            Poll::Ready(Ok(end)) => Poll::Ready(Passed::Whole(end)),
            Poll::Ready(Err(Trouble::Source(error))) => Poll::Ready(Passed::Broken(error)),
            Poll::Ready(Err(Trouble::Sink(_))) => Poll::Ready(Passed::Gone),
            Poll::Pending if out.poll_reset(cx).is_ready() => Poll::Ready(Passed::Gone),
            Poll::Pending => {
                let waits_at = rest.download.awaits_sink();
                match self.patience.poll_over(cx, waits_at) {
                    Poll::Ready(()) => Poll::Ready(Passed::NotTaken),
                    Poll::Pending => self.poll_expired(cx),
                }
            }
        }
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let Some(expires) = self.asked.expires else {
            return Poll::Pending;
        };
        let expiry = self
            .expiry
            .get_or_insert_with(|| Box::pin(sleep_until(expires)));
        expiry.as_mut().poll(cx).map(|()| Passed::Expired)
    }
}

/// All that count a request. Where it is not said how it ended the client has gone.
struct All<'a> {
    route: &'a Route,
    server: Begun<&'a Exchanges>,
    service: Begun<CountedRoute>,
    client: Begun<Arc<Client>>,
}

impl All<'_> {
    /// The head of the answer is there.
    fn answered(&self, now: Instant) {
        self.server.answered(now);
        self.service.answered(now);
        self.client.answered(now);
    }

    /// The answer has ended like this.
    fn ended(self, asked: &Asked, class: Class, grpc_status: Option<u32>) {
        let now = Instant::now();
        let is_success = !class.is_failure();
        if asked.is_grpc {
            let path = asked.head.uri.path();
            self.route.stats().grpc().count(path, grpc_status);
        }
        let client = self.client.counts();
        if is_success {
            client.requeue_budget.deposit(client.clock.time_at(now));
        }
        self.server.end_stream(is_success, now);
        self.service.end_stream(is_success, now);
        self.client.end_stream(is_success, now);
    }

    /// It has not come to its end.
    fn broke(self, reason: &'static str) {
        let now = Instant::now();
        self.server.break_stream(reason, now);
        self.service.break_stream(reason, now);
        self.client.break_stream(reason, now);
    }
}

impl Answer {
    /// Forgets it: another one is asked for.
    pub(super) fn discard(self) {
        let now = Instant::now();
        self.counted.answered(self.now);
        self.counted.end_stream(false, now);
        if let Some(mut rest) = self.rest {
            let class = self.class.unwrap_or(Class::RetryableFailure);
            rest.in_flight.judge(class.into(), now);
        }
    }
}
