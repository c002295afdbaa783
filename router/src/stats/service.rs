//! What a logical name counts.

use std::sync::{Arc, OnceLock};

use dtab::Path;
use telemetry::{Counter, Gauge, Scope, Stat, Traffic};

use super::Exchanges;
use super::grpc::Calls;
use super::series::{Member, Series};

/// A logical name: `rt/<router>/service/<name>`.
///
/// A name gets series of its own when it is bound. What unbound names count, and what evicted ones have counted, is in
/// `service/other`: names are the choice of strangers, series are ours.
#[derive(Debug)]
pub(crate) struct ServiceStats {
    pub(crate) exchanges: Exchanges,
    rest: Box<Rest>,
}

/// What most requests do not touch.
#[derive(Debug)]
struct Rest {
    /// None for `other` itself.
    named: Option<Named>,
    /// Whether the share of dead branches is shown, which it is once there was one.
    dead: OnceLock<Gauge>,
    /// Made with the first answer that was held.
    holding: OnceLock<Box<Holding>>,
    /// Made with the first call.
    grpc: OnceLock<Box<Calls>>,
    /// Made with the first retry that was due.
    retrying: OnceLock<Box<Retrying>>,
}

/// Why answers were passed on before it was known whether they have failed: below `retries` of a name.
#[derive(Debug)]
pub(crate) struct Holding {
    /// Too much of the request had passed for it to be sent again.
    pub(crate) request_too_long: Counter,
    /// There was more of the answer than is held.
    pub(crate) response_too_long: Counter,
    /// Its end did not come in time.
    pub(crate) timeouts: Counter,
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
    fn new(traffic: Traffic, scope: Scope, named: Option<Named>) -> Self {
        Self {
            exchanges: Exchanges::with(traffic, scope),
            rest: Box::new(Rest {
                named,
                dead: OnceLock::new(),
                holding: OnceLock::new(),
                grpc: OnceLock::new(),
                retrying: OnceLock::new(),
            }),
        }
    }

    fn scope(&self) -> &Scope {
        self.exchanges.scope()
    }

    /// What is counted of retries, beside the budget, which `show` makes to be asked.
    pub(crate) fn retrying<F>(&self, show: impl FnOnce() -> F) -> &Retrying
    where
        F: Fn() -> f64 + Send + Sync + 'static,
    {
        self.rest.retrying.get_or_init(|| {
            let scope = self.scope().scope("retries");
            scope.gauge_fn("budget", show());
            Box::new(Retrying {
                total: scope.counter("total"),
                per_request: scope.stat("per_request"),
                budget_exhausted: scope.counter("budget_exhausted"),
            })
        })
    }

    /// What became of answers that were held.
    pub(crate) fn holding(&self) -> &Holding {
        self.rest.holding.get_or_init(|| {
            let scope = self.scope().scope("retries");
            Box::new(Holding {
                request_too_long: scope.counter("request_stream_too_long"),
                response_too_long: scope.counter("response_stream_too_long"),
                timeouts: scope.counter("classification_timeout"),
            })
        })
    }

    /// Its calls of gRPC.
    pub(crate) fn grpc(&self) -> &Calls {
        self.rest
            .grpc
            .get_or_init(|| Box::new(Calls::new(self.scope().scope("grpc"))))
    }

    /// The share (0..1) of the name's traffic that dead branches gave to the others.
    pub(crate) fn show_dead_share(&self, share: f64) {
        if share > 0.0 || self.rest.dead.get().is_some() {
            let gauge = self
                .rest
                .dead
                .get_or_init(|| self.scope().gauge("branch_dead"));
            gauge.set(share);
        }
    }
}

impl Drop for ServiceStats {
    fn drop(&mut self) {
        if let Some(Named { series, other }) = &self.rest.named {
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
            other: Arc::new(ServiceStats::new(
                Traffic::default(),
                scope.node("other"),
                None,
            )),
            by_name: Arc::new(Series::new(scope)),
        }
    }

    /// The numbers of a name, with memory to count in: the same ones for all routes (with rules of their own) of that name.
    pub(crate) fn of(&self, name: &Path, traffic: Traffic) -> ServiceStats {
        let name = name.to_string();
        self.by_name
            .join(name.trim_start_matches('/'), |series, scope| {
                let other = Arc::clone(&self.other);
                ServiceStats::new(traffic, scope, Some(Named { series, other }))
            })
    }
}
