//! A request with a name: as many tries as the name's service allows, each with a pick of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use policy::{Class, Exchange, Waits};
use tokio::time::{Instant, sleep};

use super::deadline::Deadline;
use super::diagnosis::Diagnosis;
use super::{Downstream, Origin, Router, offered};
use crate::forward::{Asked, Begun, Kind, Sending, Unanswered, forward, sent};
use crate::route::Route;
use crate::stats;

/// What all tries of a request have in common.
pub(super) struct Call<'a> {
    pub(super) router: &'a Router,
    pub(super) route: &'a Arc<Route>,
    pub(super) origin: Origin<'a>,
    pub(super) asked: Instant,
    pub(super) deadline: Option<Deadline>,
    /// What the request's diagnosis goes behind, if it asks for one: the router's own answer, if it may go no further.
    pub(super) diagnosed: Option<Option<String>>,
}

impl<'a> Call<'a> {
    /// Tries until there is an answer that counts, or nothing left to try. `counted` is begun once the name is bound: what it gets is
    /// counted under it from then on.
    ///
    /// Cancelling closes the connection to the endpoint.
    pub(super) async fn answer(
        &self,
        downstream: &mut Downstream<'_>,
        message: &mut Option<Asked>,
        counted: &mut Option<stats::Begun<'a>>,
    ) -> Result<Begun, Unanswered> {
        let service = &self.route.service;
        service
            .budget
            .deposit(self.router.clock.time_at(self.asked));
        let upgrade = offered(downstream.request);
        let mut retries = Retries::default();
        let mut began = self.asked;
        loop {
            let attempt = self
                .attempt(began, upgrade.as_deref(), downstream, message, counted)
                .await;
            let class = match &attempt {
                Ok(begun) => begun.class,
                Err(Unanswered::Gone) => return attempt,
                Err(Unanswered::Refused(error)) => {
                    let is_retryable = error.may_pass();
                    let exchange = Exchange::Broken { is_retryable };
                    let sent = sent(downstream, message.as_ref());
                    service.classifier.classify(sent, exchange)
                }
            };
            if class != Class::RetryableFailure {
                retries.end(self);
                return attempt;
            }
            let Some(wait) = retries.next(self) else {
                retries.end(self);
                return attempt;
            };
            if let Ok(begun) = attempt {
                // An answer that is passed on may not be thrown away.
                match begun.rest {
                    Some(rest) if matches!(rest.kind, Kind::Tunnel) => drop(rest),
                    Some(rest) => rest.lease.discard(message.as_ref(), downstream, begun.now),
                    None => downstream.answer = None,
                }
            }
            if !wait.is_zero() && pause(wait, downstream, message.as_ref()).await.is_err() {
                return Err(Unanswered::Gone);
            }
            began = Instant::now();
        }
    }

    /// One try.
    async fn attempt(
        &self,
        began: Instant,
        upgrade: Option<&[u8]>,
        downstream: &mut Downstream<'_>,
        message: &mut Option<Asked>,
        counted: &mut Option<stats::Begun<'a>>,
    ) -> Result<Begun, Unanswered> {
        let timeout = self.router.binding_timeout;
        let picked = self.route.pick(began, timeout, &mut fastrand::f64).await;
        if counted.is_none() {
            *counted = Some(self.route.stats().exchanges.begin(self.asked));
        }
        let picked = picked?;
        self.sign(downstream, &picked);
        let service = &self.route.service;
        let sending = Sending {
            worker: self.origin.worker,
            began,
            deadline: began + timeout,
            upgrade,
            most: self.origin.edge.places.most_for_one(),
            classifier: service.classifier,
            kept_bytes: service.kept_bytes,
            holding: self.origin.edge.holding,
        };
        let client = &*picked.client;
        match &self.diagnosed {
            None => forward(client, sending, downstream, message).await,
            Some(here) => {
                let diagnosis = Diagnosis {
                    here: here.clone(),
                    route: self.route,
                    client,
                };
                let diagnosing = self
                    .router
                    .diagnose(diagnosis, sending, downstream, message);
                Box::pin(diagnosing).await
            }
        }
    }

    fn sign(&self, downstream: &mut Downstream<'_>, picked: &crate::route::Picked) {
        let client_cert = downstream.socket.client_cert();
        super::sign_request(downstream.request, self.route, picked, client_cert);
        let attempt = picked.client.rules.settings.attempt_timeout;
        if self.deadline.is_some() || attempt.is_some() {
            let now = Instant::now();
            let left = self
                .deadline
                .map(|deadline| deadline.at.saturating_duration_since(now));
            let left = left.into_iter().chain(attempt).min().unwrap_or_default();
            crate::headers::set_deadline(&mut downstream.request.fields, left);
        }
    }
}

/// How often a request was sent again.
#[derive(Default)]
struct Retries {
    count: u64,
    waits: Option<Waits>,
}

impl Retries {
    /// How long to wait before the next try, if there may be one.
    fn next(&mut self, call: &Call<'_>) -> Option<Duration> {
        let (service, clock) = (&call.route.service, call.router.clock);
        let stats = call.route.stats().retrying(&service.budget, clock);
        if !service.budget.try_withdraw(clock.time_at(Instant::now())) {
            stats.budget_exhausted.inc();
            return None;
        }
        stats.total.inc();
        self.count += 1;
        let waits = self.waits.get_or_insert_with(|| service.waits());
        Some(waits.next(&mut fastrand::f64))
    }

    fn end(&self, call: &Call<'_>) {
        if self.count > 0 {
            let stats = call
                .route
                .stats()
                .retrying(&call.route.service.budget, call.router.clock);
            stats.per_request.record(self.count);
        }
    }
}

/// Waits, unless the client goes away meanwhile.
async fn pause(
    wait: Duration,
    downstream: &mut Downstream<'_>,
    message: Option<&Asked>,
) -> Result<(), Unanswered> {
    let mut waiting = Box::pin(sleep(wait));
    poll_fn(|cx| {
        if let Some(asked) = message
            && asked.poll_gone(cx, downstream).is_ready()
        {
            return Poll::Ready(Err(Unanswered::Gone));
        }
        waiting.as_mut().poll(cx).map(Ok)
    })
    .await
}
