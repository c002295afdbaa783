//! One address: how much it has to do, whether it is well, and the connections that wait there for the next request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use policy::{Accrual, Admission, Change, FailFast, Node, Outcome, Standing, State, Status};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::endpoints::Making;
use super::pool::Pool;
use crate::exchange::Clock;
use crate::http2::Channels;
use crate::stats::ClientStats;

/// An address of a client, shared by all workers.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    in_flight: AtomicUsize,
    pub(crate) accrual: Accrual,
    /// If connecting is not even to be tried where it just failed.
    pub(crate) fail_fast: Option<Box<FailFast>>,
    standing: Standing,
    pub(crate) pool: Pool,
    /// The connections that have many streams, where HTTP/2 is spoken.
    pub(crate) channels: Channels,
    clock: Clock,
    stats: Arc<ClientStats>,
}

impl Endpoint {
    pub(super) fn new(address: SocketAddr, making: &Making) -> Self {
        let (rules, clock) = (&*making.rules, making.clock);
        let now = clock.time_at(Instant::now());
        Self {
            address,
            in_flight: AtomicUsize::new(0),
            accrual: Accrual::new(rules.accrual),
            fail_fast: rules.settings.fail_fast.then(Box::default),
            standing: rules.balancing.standing(now, &mut fastrand::f64),
            pool: Pool::new(rules, making.workers),
            channels: Channels::new(rules, making.workers),
            clock,
            stats: Arc::clone(&making.stats),
        }
    }

    /// How many requests it has now.
    pub(crate) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How it is, for people: what it has to do, and, if it is left alone or was, why.
    pub(crate) fn shown(&self) -> Value {
        let now = self.clock.time_at(Instant::now());
        let seconds = |until: Duration| until.saturating_sub(now).as_secs_f64();
        let mut shown = json!({
            "status": match self.status(now) {
                Status::Open => "open",
                Status::Busy => "busy",
            },
            "requests": self.load(),
            "idleConnections": self.pool.idle_count(),
            "channels": self.channels.count(),
            "waiting": self.pool.waiting(),
        });
        if let State::Dead { until } = self.accrual.state(now) {
            shown["triedAgainInSeconds"] = seconds(until).into();
        }
        if let Some(removal) = self.accrual.removal() {
            shown["lastRemoved"] = json!({
                "reason": removal.reason.to_string(),
                "secondsAgo": now.saturating_sub(removal.at).as_secs_f64(),
            });
        }
        if let Some(State::Dead { until }) = self.fail_fast.as_ref().map(|fast| fast.state(now)) {
            shown["connectedAgainInSeconds"] = seconds(until).into();
        }
        shown
    }
}

impl Node for Endpoint {
    fn pending(&self) -> usize {
        self.load()
    }

    fn status(&self, now: Duration) -> Status {
        let status = self.accrual.status(now);
        match &self.fail_fast {
            Some(fail_fast) => status.min(fail_fast.status(now)),
            None => status,
        }
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}, load {})", self.address, self.load())
    }
}

/// A request on its way to an endpoint, until its response has ended.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) endpoint: Arc<Endpoint>,
    /// Until the endpoint was judged by it.
    admission: Option<Admission>,
    began: Duration,
    /// When the endpoint has taken too long, by what its operator says.
    too_late: Option<Instant>,
}

impl InFlight {
    /// A request that begins at this time of the client's clock. If it has no answer by `too_late` the endpoint is to blame; if it is given up earlier, nobody is.
    pub(crate) fn new(endpoint: Arc<Endpoint>, began: Duration, too_late: Option<Instant>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            admission: Some(endpoint.accrual.admit(began)),
            endpoint,
            began,
            too_late,
        }
    }

    /// Whether the endpoint is to be judged by this request alone.
    pub(crate) fn is_probe(&self) -> bool {
        self.admission.as_ref().is_some_and(Admission::is_probe)
    }

    /// Whether the endpoint had closed before it could be admitted.
    pub(crate) fn came_too_late(&self) -> bool {
        self.admission.as_ref().is_some_and(Admission::is_to_closed)
    }

    /// The endpoint is judged by how the request has gone; once, as soon as that is known.
    pub(crate) fn judge(&mut self, outcome: Outcome, now: Instant) {
        let Some(admission) = self.admission.take() else {
            return;
        };
        let endpoint = &*self.endpoint;
        let stats = &*endpoint.stats;
        if admission.is_probe() {
            stats.accrual().probes.inc();
        }
        let now = endpoint.clock.time_at(now);
        let change = endpoint
            .accrual
            .settle(admission, now, outcome, &mut fastrand::f64);
        if let Some(change) = change {
            tell(change, endpoint.address, now, stats);
        }
    }
}

/// Counts and logs what has changed about an endpoint.
#[cold]
fn tell(change: Change, address: SocketAddr, now: Duration, stats: &ClientStats) {
    let seconds = |until: Duration| until.saturating_sub(now).as_secs_f64();
    let accrual = stats.accrual();
    match change {
        Change::Removed { reason, until } => {
            accrual.removals.inc();
            tracing::warn!(%address, %reason, seconds = seconds(until), "an endpoint is left alone");
        }
        Change::ProbeFailed { until } => {
            tracing::info!(%address, seconds = seconds(until), "an endpoint fails still");
        }
        Change::Revived { removed_for } => {
            accrual.revivals.inc();
            accrual
                .removed_for
                .record(crate::stats::millis(removed_for));
            tracing::info!(%address, seconds = removed_for.as_secs_f64(), "an endpoint is back");
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.admission.is_some() {
            let now = Instant::now();
            let outcome = match self.too_late {
                Some(too_late) if too_late <= now => Outcome::Failure,
                // Nobody can say: the next request is the probe, if this was one.
                _ => Outcome::Ignorable,
            };
            self.judge(outcome, now);
        }
        let endpoint = &*self.endpoint;
        endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        if endpoint.standing.is_measured() {
            let now = endpoint.clock.time_at(Instant::now());
            let took = now.saturating_sub(self.began);
            endpoint.standing.observe(now, took);
        }
    }
}
