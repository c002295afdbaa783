//! What a logical name counts.

use std::sync::{Arc, OnceLock};

use dtab::Path;
use policy::RetryBudget;
use telemetry::{Counter, Gauge, Scope, Stat};
use tokio::time::Instant;

use super::Exchanges;
use super::series::{Member, Series};
use crate::exchange::Clock;

/// A logical name: `rt/<router>/service/<name>`.
///
/// A name gets series of its own when it is bound. What unbound names count, and what evicted ones have counted, is in
/// `service/other`: names are the choice of strangers, series are ours.
#[derive(Debug)]
pub(crate) struct ServiceStats {
    pub(crate) exchanges: Exchanges,
    scope: Scope,
    /// None for `other` itself.
    named: Option<Named>,
    /// Whether the share of dead branches is shown, which it is once there was one.
    dead: OnceLock<Gauge>,
    /// Made with the first retry that was due.
    retrying: OnceLock<Box<Retrying>>,
}

/// `retries` of a name.
#[derive(Debug)]
pub(crate) struct Retrying {
    /// Requests that were sent again.
    pub(crate) total: Counter,
    /// How often one request was.
    pub(crate) per_request: Stat,
    /// What the budget did not allow.
    pub(crate) budget_exhausted: Counter,
}

#[derive(Debug)]
struct Named {
    series: Member,
    /// Where the counts go in the end.
    other: Arc<ServiceStats>,
}

impl ServiceStats {
    fn new(scope: Scope, named: Option<Named>) -> Self {
        Self {
            exchanges: Exchanges::new(scope.clone()),
            scope,
            named,
            dead: OnceLock::new(),
            retrying: OnceLock::new(),
        }
    }

    /// Its budget is shown for as long as there is one.
    pub(crate) fn retrying(&self, budget: &Arc<RetryBudget>, clock: Clock) -> &Retrying {
        self.retrying.get_or_init(|| {
            let scope = self.scope.scope("retries");
            let budget = Arc::downgrade(budget);
            scope.gauge_fn("budget", move || {
                let now = clock.time_at(Instant::now());
                let balance = budget.upgrade().map(|budget| budget.balance(now));
                balance.unwrap_or_default() as f64
            });
            Box::new(Retrying {
                total: scope.counter("total"),
                per_request: scope.stat("per_request"),
                budget_exhausted: scope.counter("budget_exhausted"),
            })
        })
    }

    /// The share (0..1) of the name's traffic that dead branches gave to the others.
    pub(crate) fn show_dead_share(&self, share: f64) {
        if share > 0.0 || self.dead.get().is_some() {
            let gauge = self.dead.get_or_init(|| self.scope.gauge("branch_dead"));
            gauge.set(share);
        }
    }
}

impl Drop for ServiceStats {
    fn drop(&mut self) {
        if let Some(Named { series, other }) = &self.named {
            series.leave(|| other.exchanges.add(&self.exchanges));
        }
    }
}

/// The numbers of all names.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) other: Arc<ServiceStats>,
    by_name: Arc<Series>,
}

impl Services {
    pub(super) fn new(router: &Scope) -> Self {
        let scope = router.scope("service");
        Self {
            other: Arc::new(ServiceStats::new(scope.node("other"), None)),
            by_name: Arc::new(Series::new(scope)),
        }
    }

    /// The numbers of a name: the same ones for all routes (with rules of their own) of that name.
    pub(crate) fn of(&self, name: &Path) -> Arc<ServiceStats> {
        let name = name.to_string();
        self.by_name
            .join(name.trim_start_matches('/'), |series, scope| {
                let other = Arc::clone(&self.other);
                Arc::new(ServiceStats::new(scope, Some(Named { series, other })))
            })
    }
}
