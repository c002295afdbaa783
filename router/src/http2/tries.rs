//! A request with a name: as many tries as the name's service allows, each with a pick of its own.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use h2::Reason;
use http1::Known;
use policy::Class;
use tokio::time::{Instant, sleep};

use super::asked::Asked;
use super::exchange::Exchange;
use super::forward::{Answer, Sending, Unanswered, forward, sent};
use super::grpc;
use super::hold::hold;
use crate::error::RouteError;
use crate::exchange::{Deadline, Retries, sign_request, sign_try};
use crate::forward::Trying;
use crate::headers::{Lines as _, set_deadline};
use crate::route::{CountedRoute, Picked, Route};
use crate::stats::Begun;

/// What all tries of a request have in common.
pub(super) struct Call<'a> {
    pub(super) exchange: Exchange<'a>,
    pub(super) route: &'a Arc<Route>,
    pub(super) deadline: Option<Deadline>,
}

impl Call<'_> {
    /// Tries until there is an answer that counts, or nothing left to try. `counted` is begun once the name is bound: what it gets is
    /// counted under it from then on.
    ///
    /// Cancelling resets the stream to the endpoint.
    pub(super) async fn answer(
        &self,
        asked: &mut Asked,
        counted: &mut Option<Begun<CountedRoute>>,
    ) -> Result<Answer, Unanswered> {
        let (route, clock) = (self.route, self.exchange.router().clock);
        let began = self.exchange.began;
        route.budget.deposit(clock.time_at(began));
        sign_request(&mut asked.head);
        let mut retries = Retries::new(route, clock);
        let mut this = began;
        loop {
            let mut attempt = self.attempt(this, retries.failed(), asked, counted).await;
            if self.class(&mut attempt, asked).await != Class::RetryableFailure {
                return attempt;
            }
            let Some(wait) = retries.next() else {
                return attempt;
            };
            retries.has_failed(endpoint(&attempt));
            if let Ok(answer) = attempt {
                answer.discard();
            }
            asked.rewind();
            self.wait(wait, asked).await?;
            this = Instant::now();
        }
    }

    /// What an attempt has come to, as far as that decides about another one.
    async fn class(&self, attempt: &mut Result<Answer, Unanswered>, asked: &mut Asked) -> Class {
        let rules = &self.route.service.streams;
        match attempt {
            Ok(answer) => match answer.class {
                Some(class) => class,
                None if rules.classifier.may_retry_late(sent(asked)) => {
                    let stats = self.route.stats();
                    match Box::pin(hold(answer, asked, rules, stats)).await {
                        Some(class) => *answer.class.insert(class),
                        None => Class::Success,
                    }
                }
                // It is passed on as it comes.
                None => Class::Success,
            },
            Err(Unanswered::Gone) => Class::Failure,
            Err(Unanswered::Refused(error)) => {
                rules
                    .classifier
                    .broken(sent(asked), error.may_pass(), false)
            }
            Err(Unanswered::Reset { reason, .. }) => {
                let is_refused = *reason == Reason::REFUSED_STREAM;
                rules.classifier.broken(sent(asked), is_refused, is_refused)
            }
        }
    }

    /// Waits before the next try, unless the client goes.
    async fn wait(&self, wait: Duration, asked: &mut Asked) -> Result<(), Unanswered> {
        if wait.is_zero() {
            return Ok(());
        }
        let mut waiting = Box::pin(sleep(wait));
        poll_fn(|cx| match waiting.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => asked.poll_gone(cx).map(|()| Err(Unanswered::Gone)),
        })
        .await
    }

    /// One try.
    async fn attempt(
        &self,
        began: Instant,
        failed: &[SocketAddr],
        asked: &mut Asked,
        counted: &mut Option<Begun<CountedRoute>>,
    ) -> Result<Answer, Unanswered> {
        let Exchange { caller, front, .. } = self.exchange;
        let timeout = front.router.binding_timeout;
        let picked = self.pick(began, timeout, asked).await?;
        if counted.is_none() {
            let counts = CountedRoute::new(self.route);
            *counted = Some(Begun::new(counts, self.exchange.began));
        }
        let picked = picked?;
        self.sign(asked, &picked);
        let sending = Sending {
            worker: caller.worker,
            trying: Trying {
                began,
                deadline: began + timeout,
                too_late: self
                    .deadline
                    .and_then(|deadline| deadline.of_the_operator()),
                failed,
            },
            most: front.edge.places.most_for_one(),
            rules: &self.route.service.streams,
        };
        forward(&picked.client, &sending, asked).await
    }

    /// Tells the endpoint where the request goes, and until when an answer is wanted.
    fn sign(&self, asked: &mut Asked, picked: &Picked) {
        let client_cert = self.exchange.caller.client_cert.as_ref();
        sign_try(&mut asked.head, self.route, picked, client_cert);
        let fields = &mut asked.head.fields;
        let attempt = picked.client.rules.settings.attempt_timeout;
        let left_until = |at: Instant| at.saturating_duration_since(Instant::now());
        let left = self.deadline.map(|deadline| left_until(deadline.at));
        match left.into_iter().chain(attempt).min() {
            Some(left) => set_deadline(fields, left),
            // What another client was told.
            None => _ = fields.remove(Known::L5dCtxDeadline),
        }
        if let Some(expires) = asked.expires {
            grpc::set_timeout(fields, left_until(expires));
        }
    }

    /// Draws a client, unless the request's own goes while the name is not bound.
    async fn pick(
        &self,
        began: Instant,
        timeout: Duration,
        asked: &mut Asked,
    ) -> Result<Result<Picked, RouteError>, Unanswered> {
        let mut draw = fastrand::f64;
        let mut picking = pin!(self.route.pick(began, timeout, &mut draw));
        poll_fn(|cx| match picking.as_mut().poll(cx) {
            Poll::Ready(picked) => Poll::Ready(Ok(picked)),
            Poll::Pending => asked.poll_gone(cx).map(|()| Err(Unanswered::Gone)),
        })
        .await
    }
}

/// Who was asked in vain.
fn endpoint(attempt: &Result<Answer, Unanswered>) -> Option<SocketAddr> {
    match attempt {
        Ok(answer) => answer
            .rest
            .as_ref()
            .map(|rest| rest.in_flight.endpoint.address),
        Err(Unanswered::Refused(error)) => error.endpoint(),
        Err(Unanswered::Reset { endpoint, .. }) => Some(*endpoint),
        Err(Unanswered::Gone) => None,
    }
}
