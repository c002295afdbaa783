//! A request with a name: as many tries as the name's service allows, each with a pick of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use http1::Known;
use policy::{Class, Exchange};
use tokio::time::{Instant, sleep};

use super::deadline::Deadline;
use super::diagnosis::Diagnosis;
use super::{Downstream, Origin, Retries, Router, offered, sign_request, sign_try};
use crate::forward::{Begun, Kind, Message, Sending, Trying, Unanswered, forward, sent};
use crate::headers::set_deadline;
use crate::route::{Picked, Route};
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
        message: &mut Message,
        counted: &mut Option<stats::Begun<&'a stats::Exchanges>>,
    ) -> Result<Begun, Unanswered> {
        let service = &self.route.service;
        let time = self.router.clock.time_at(self.asked);
        self.route.budget.deposit(time);
        let upgrade = offered(downstream.request);
        sign_request(downstream.request);
        let mut retries = Retries::new(self.route, self.router.clock);
        let mut began = self.asked;
        loop {
            let this = Try {
                began,
                upgrade: upgrade.as_deref(),
                failed: retries.failed(),
            };
            let attempt = self.attempt(this, downstream, message, counted).await;
            let class = match &attempt {
                Ok(begun) => begun.class,
                Err(Unanswered::Gone) => return attempt,
                Err(Unanswered::Refused(error)) => {
                    let is_retryable = error.may_pass();
                    let exchange = Exchange::Broken { is_retryable };
                    let sent = sent(downstream, message.asked.as_ref());
                    service.classifier.classify(sent, exchange)
                }
            };
            if class != Class::RetryableFailure {
                return attempt;
            }
            let Some(wait) = retries.next() else {
                return attempt;
            };
            retries.has_failed(match &attempt {
                Ok(_) => message.endpoint(),
                Err(Unanswered::Refused(error)) => error.endpoint(),
                Err(Unanswered::Gone) => None,
            });
            if let Ok(begun) = attempt {
                downstream.answer = None;
                match (begun.rest, message.lease.take()) {
                    (Some(Kind::Body), Some(lease)) => {
                        lease.discard(message.asked.as_ref(), downstream, begun.now);
                    }
                    // A tunnel closes.
                    (_, lease) => drop(lease),
                }
            }
            if !wait.is_zero() {
                let waited = Box::pin(downstream.unless_gone(sleep(wait))).await;
                waited.ok_or(Unanswered::Gone)?;
            }
            began = Instant::now();
        }
    }

    /// One try.
    async fn attempt(
        &self,
        this: Try<'_>,
        downstream: &mut Downstream<'_>,
        message: &mut Message,
        counted: &mut Option<stats::Begun<&'a stats::Exchanges>>,
    ) -> Result<Begun, Unanswered> {
        let Try {
            began,
            upgrade,
            failed,
        } = this;
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
            trying: Trying {
                began,
                deadline: began + timeout,
                too_late: self
                    .deadline
                    .and_then(|deadline| deadline.of_the_operator()),
                failed,
            },
            upgrade,
            most: self.origin.edge.places.most_for_one(),
            classifier: service.classifier,
            kept_bytes: service.kept_bytes,
            holding: self.origin.edge.holding,
        };
        let client = &picked.client;
        match &self.diagnosed {
            None => forward(client, &sending, downstream, message).await,
            Some(here) => {
                let diagnosis = Diagnosis {
                    here: here.clone(),
                    route: self.route,
                    client,
                };
                let router = self.router;
                Box::pin(router.diagnose(diagnosis, &sending, downstream, message)).await
            }
        }
    }

    /// Tells the endpoint where the request goes, and until when an answer is wanted.
    fn sign(&self, downstream: &mut Downstream<'_>, picked: &Picked) {
        let client_cert = downstream.socket.client_cert();
        sign_try(downstream.request, self.route, picked, client_cert);
        let settings = &picked.client.rules.settings;
        // Where requests wait for a connection, nobody knows yet when the try begins.
        let attempt = settings
            .attempt_timeout
            .filter(|_| settings.pool.max_size.is_none());
        let left = self
            .deadline
            .map(|deadline| deadline.at.saturating_duration_since(Instant::now()));
        let fields = &mut downstream.request.fields;
        match left.into_iter().chain(attempt).min() {
            Some(left) => set_deadline(fields, left),
            // What another client was told.
            None => _ = fields.remove(Known::L5dCtxDeadline),
        }
    }
}

/// What one try needs to know.
struct Try<'a> {
    began: Instant,
    /// The protocol that the client would change to.
    upgrade: Option<&'a [u8]>,
    /// The endpoints that failed before.
    failed: &'a [SocketAddr],
}
