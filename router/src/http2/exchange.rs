//! The life of a request on a stream: identify, route, pick a branch, balance, forward, classify, settle.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Method, Request, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::asked::Asked;
use super::connection::Caller;
use super::forward::{Answer, Unanswered};
use super::head::ResponseHead;
use super::pass::pass;
use super::refuse::{refuse, reply};
use super::tries::Call;
use crate::error::RouteError;
use crate::exchange::{Deadline, Origin, Router, admit, answer_here};
use crate::headers::{add_date, time_left};
use crate::route::{CountedRoute, Route};
use crate::server::{Front, Phase};
use crate::stats::Begun;

/// Answers a request, one way or the other.
pub(super) async fn answer(
    caller: Arc<Caller>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let front = caller.server.front();
    let began = Instant::now();
    let edge = &front.edge;
    let counted = Begun::new(&edge.stats.exchanges, began);
    let mut asked = Asked::new(request, respond, began, edge.patience.body);
    if poll_fn(|cx| Poll::Ready(asked.poll_gone(cx).is_ready())).await {
        // Before an endpoint had any work with it.
        return caller.has_reset_early();
    }
    let exchange = Exchange {
        caller: &caller,
        front: &front,
        began,
    };
    if let Some(reason) = asked.head.malformed() {
        tracing::debug!(peer = %caller.peer, reason, "a malformed request");
        counted.fail("malformed", Instant::now());
        return asked.respond.send_reset(Reason::PROTOCOL_ERROR);
    }
    let mut here = ResponseHead::new(StatusCode::OK);
    let place = edge.places.take();
    let answered = match &place {
        Ok(_) => match answer_here(&mut asked.head, &mut here) {
            Ok(None) => exchange.route(&mut asked),
            Ok(Some(text)) => {
                edge.stats.statuses.count(here.status);
                counted.end(true, Instant::now());
                add_date(&mut here.fields);
                return Box::pin(reply(exchange, asked, here, text)).await;
            }
            Err(error) => Err(error),
        },
        Err(full) => Err(RouteError::Overloaded(*full)),
    };
    let route = match answered {
        Ok(route) => route,
        Err(error) => {
            drop(place);
            counted.fail(error.label(), Instant::now());
            return Box::pin(refuse(exchange, asked, &error, None)).await;
        }
    };
    let (mut service, deadline) = (None, exchange.deadline(&route, &asked));
    let answered = exchange
        .ask(&route, deadline, &mut asked, &mut service)
        .await;
    let service = service.unwrap_or_else(|| Begun::new(CountedRoute::new(&route), began));
    // What is left is as much as the client takes, and nothing to wait for.
    drop(place);
    match answered {
        Ok(answer) => pass(exchange, &route, asked, answer, (counted, service)).await,
        Err(Unanswered::Gone) if asked.is_too_slow() => {
            edge.stats.stalled(Phase::Body);
            let (error, now) = (RouteError::TooSlow, Instant::now());
            counted.fail(error.label(), now);
            service.fail(error.label(), now);
            Box::pin(refuse(exchange, asked, &error, Some(&route))).await;
        }
        Err(Unanswered::Gone) => caller.has_reset_early(),
        Err(Unanswered::Reset { reason, .. }) => {
            let now = Instant::now();
            counted.fail(STREAM_RESET, now);
            service.fail(STREAM_RESET, now);
            asked.respond.send_reset(reason);
        }
        Err(Unanswered::Refused(error)) => {
            let now = Instant::now();
            counted.fail(error.label(), now);
            service.fail(error.label(), now);
            Box::pin(refuse(exchange, asked, &error, Some(&route))).await;
        }
    }
}

/// How metrics call an endpoint's refusal to go on, below `failures/`.
pub(super) const STREAM_RESET: &str = "stream_reset";

/// What all stages of a request know.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) caller: &'a Caller,
    pub(super) front: &'a Front,
    pub(super) began: Instant,
}

impl<'a> Exchange<'a> {
    pub(super) fn router(&self) -> &'a Router {
        &self.front.router
    }

    pub(super) fn origin(&self) -> Origin<'a> {
        self.caller.origin(&self.front.edge)
    }

    /// The route of a request.
    fn route(&self, asked: &mut Asked) -> Result<Arc<Route>, RouteError> {
        let head = &mut asked.head;
        if head.method == Method::CONNECT {
            return Err(RouteError::NoTunnels);
        }
        let origin = self.origin();
        let overrides = admit(head, origin)?;
        let router = self.router();
        let route = router.identify(head, overrides, origin.peer, self.began)?;
        asked.upload.keep_up_to(route.service.streams.request_bytes);
        Ok(route)
    }

    /// Until when the head of an answer is worth something.
    fn deadline(&self, route: &Route, asked: &Asked) -> Option<Deadline> {
        let context = time_left(&asked.head.fields, SystemTime::now);
        let call = asked.expires.map(|expires| expires - self.began);
        let caller = context.into_iter().chain(call).min();
        let total = route.service.total_timeout;
        Deadline::strictest(self.began, total, self.front.edge.timeout, caller)
    }

    /// Has an endpoint answer within the time there is.
    async fn ask(
        &self,
        route: &Arc<Route>,
        deadline: Option<Deadline>,
        asked: &mut Asked,
        service: &mut Option<Begun<CountedRoute>>,
    ) -> Result<Answer, Unanswered> {
        let call = Call {
            exchange: *self,
            route,
            deadline,
        };
        match deadline {
            None => call.answer(asked, service).await,
            // Nothing is begun that nobody waits for.
            Some(deadline) if deadline.at <= self.began => Err(deadline.error().into()),
            Some(deadline) => {
                let trying = Box::pin(call.answer(asked, service));
                let answered = timeout_at(deadline.at, trying).await;
                answered.unwrap_or_else(|_| Err(deadline.error().into()))
            }
        }
    }
}

/// What a reset of one side means to the other.
pub(super) fn passed_on(error: &h2::Error) -> Reason {
    match error.reason() {
        Some(reason) if error.is_reset() => reason,
        // Its connection was lost, or is about to be; the client's is not. Source: linkerd `ErrorReseter`.
        _ => Reason::CANCEL,
    }
}
