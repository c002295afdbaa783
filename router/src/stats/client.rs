//! What a bound id counts.

use std::sync::{Arc, OnceLock};

use telemetry::{Counter, Gauge, Scope, Stat};
use transport::ClientTls;

use super::series::{Member, Series};
use super::{Exchanges, Statuses};
use crate::client::Rules;

/// A bound id: `rt/<router>/client/<id>`. Its sub-tree goes when nobody holds this any more.
#[derive(Debug)]
pub(crate) struct ClientStats {
    series: Member,
    pub(crate) exchanges: Exchanges,
    pub(crate) statuses: Statuses,
    pub(crate) connects: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
    pub(crate) connect_latency: Stat,
    pub(crate) failed_connect_latency: Stat,
    /// Attempts that another endpoint or connection took over.
    pub(crate) requeues: Counter,
    /// `loadbalancer/size`
    pub(crate) endpoints: Gauge,
    pub(crate) endpoints_added: Counter,
    pub(crate) endpoints_removed: Counter,
    scope: Scope,
    /// Made when they are first needed, as most clients never have trouble.
    trouble: OnceLock<Box<Trouble>>,
    accrual: OnceLock<Box<Accruals>>,
}

/// What became of picks and requests that had to look further.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// No open endpoint was found in the tries that a pick has.
    pub(crate) max_effort_exhausted: Counter,
    /// The endpoints of the weight that was drawn were all closed, and those of another weight took over.
    pub(crate) busy_weight_classes: Counter,
    /// What would have been given to another endpoint, if the budget had allowed it.
    pub(crate) budget_exhausted: Counter,
    /// Answers that asked for the request to be given to somebody else.
    pub(crate) nacks: Counter,
    /// Requests that took too long for one try.
    pub(crate) timeouts: Counter,
    /// Requests that found as many waiting for a connection as may.
    pub(crate) too_many_waiters: Counter,
}

/// `failure_accrual`
#[derive(Debug)]
pub(crate) struct Accruals {
    pub(crate) removals: Counter,
    pub(crate) revivals: Counter,
    pub(crate) probes: Counter,
    pub(crate) removed_for: Stat,
}

impl ClientStats {
    pub(super) fn new(series: &Arc<Series>, id: &str, rules: &Rules) -> Self {
        series.join(id.trim_start_matches('/'), |series, scope| {
            let balancer = scope.scope("loadbalancer");
            let algorithm = format!("algorithm/{}", rules.balancing.kind.label());
            balancer.gauge(&algorithm).set(1.0);
            Self {
                series,
                statuses: Statuses::new(&scope),
                connects: scope.counter("connects"),
                connections: scope.gauge("connections"),
                connect_latency: scope.stat("connect_latency_ms"),
                failed_connect_latency: scope.stat("failed_connect_latency_ms"),
                requeues: scope.counter("retries/requeues"),
                endpoints: balancer.gauge("size"),
                endpoints_added: balancer.counter("adds"),
                endpoints_removed: balancer.counter("removes"),
                trouble: OnceLock::new(),
                accrual: OnceLock::new(),
                exchanges: Exchanges::new(scope.clone()),
                scope,
            }
        })
    }

    pub(crate) fn trouble(&self) -> &Trouble {
        self.trouble.get_or_init(|| {
            let (balancer, retries) = (
                self.scope.scope("loadbalancer"),
                self.scope.scope("retries"),
            );
            Box::new(Trouble {
                max_effort_exhausted: balancer.counter("max_effort_exhausted"),
                busy_weight_classes: balancer.counter("busy_weight_classes"),
                budget_exhausted: retries.counter("budget_exhausted"),
                nacks: retries.counter("nacks"),
                timeouts: self.scope.counter("attempt_timeouts"),
                too_many_waiters: self.scope.counter("pool/too_many_waiters"),
            })
        })
    }

    pub(crate) fn accrual(&self) -> &Accruals {
        self.accrual.get_or_init(|| {
            let scope = self.scope.scope("failure_accrual");
            Box::new(Accruals {
                removals: scope.counter("removals"),
                revivals: scope.counter("revivals"),
                probes: scope.counter("probes"),
                removed_for: scope.stat("removed_for_ms"),
            })
        })
    }
}

impl ClientStats {
    /// Shows when the certificate expires that endpoints are shown, if one is.
    pub(crate) fn secured_by(&self, tls: &Arc<ClientTls>) {
        let (scope, tls) = (self.exchanges.scope(), Arc::clone(tls));
        if tls.seconds_left().is_some() {
            scope.gauge_fn("tls/certificate_expiry_seconds", move || {
                tls.seconds_left().unwrap_or_default()
            });
        }
    }
}

impl Drop for ClientStats {
    fn drop(&mut self) {
        self.series.leave(|| {});
    }
}
