//! The numbers of servers, services and clients. Handles are made once, and lie where they are used.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use dtab::Path;
use http::StatusCode;
use telemetry::{Counter, Gauge, Metrics, Scope, Stat};
use tokio::time::Instant;

/// A duration in the unit that latencies are recorded in.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Requests and what became of them: what every part of the tree counts.
#[derive(Debug)]
pub(crate) struct Exchanges {
    scope: Scope,
    requests: Counter,
    success: Counter,
    failures: Counter,
    latency: Stat,
}

impl Exchanges {
    fn new(scope: Scope) -> Self {
        let (requests, success, failures) = (
            scope.counter("requests"),
            scope.counter("success"),
            scope.counter("failures"),
        );
        let (begun, ended_well, ended_badly) =
            (requests.clone(), success.clone(), failures.clone());
        scope.gauge_fn("pending", move || {
            let ended = ended_well.value() + ended_badly.value();
            begun.value().saturating_sub(ended) as f64
        });
        Self {
            requests,
            success,
            failures,
            latency: scope.stat("request_latency_ms"),
            scope,
        }
    }

    /// A request has come.
    pub(crate) fn begin(&self, now: Instant) -> Begun<'_> {
        self.requests.inc();
        Begun {
            exchanges: self,
            began: now,
            has_ended: false,
        }
    }
}

/// A request that has not been answered yet. If it is dropped like that, its client went away.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    exchanges: &'a Exchanges,
    began: Instant,
    has_ended: bool,
}

impl Begun<'_> {
    /// It was answered.
    pub(crate) fn end(mut self, is_success: bool, now: Instant) {
        self.has_ended = true;
        let exchanges = self.exchanges;
        if is_success {
            exchanges.success.inc()
        } else {
            exchanges.failures.inc()
        }
        exchanges
            .latency
            .record(millis(now.duration_since(self.began)));
    }

    /// There is no answer but ours, for this reason.
    pub(crate) fn fail(self, reason: &'static str, now: Instant) {
        self.exchanges
            .scope
            .counter(&format!("failures/{reason}"))
            .inc();
        self.end(false, now);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.exchanges.failures.inc();
            self.exchanges.scope.counter("failures/cancelled").inc();
        }
    }
}

/// Responses by status: `status/200` and `status/2XX`. Counters are made when a status is first seen.
#[derive(Debug)]
pub(crate) struct Statuses {
    scope: Scope,
    classes: [OnceLock<Class>; 10],
}

struct Class {
    all: Counter,
    each: [OnceLock<Counter>; 100],
}

impl Statuses {
    fn new(scope: &Scope) -> Self {
        Self {
            scope: scope.scope("status"),
            classes: Default::default(),
        }
    }

    pub(crate) fn count(&self, status: StatusCode) {
        let (hundreds, rest) = (
            usize::from(status.as_u16() / 100),
            usize::from(status.as_u16() % 100),
        );
        // A status has three digits.
        let class = self.classes[hundreds].get_or_init(|| Class {
            all: self.scope.counter(&format!("{hundreds}XX")),
            each: std::array::from_fn(|_| OnceLock::new()),
        });
        class.all.inc();
        class.each[rest]
            .get_or_init(|| self.scope.counter(status.as_str()))
            .inc();
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.fmt(f)
    }
}

/// A listening socket: `rt/<router>/server/<ip>/<port>`.
#[derive(Debug)]
pub(crate) struct ServerStats {
    pub(crate) exchanges: Exchanges,
    pub(crate) statuses: Statuses,
    pub(crate) connects: Counter,
    pub(crate) closes: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
}

impl ServerStats {
    pub(crate) fn new(router: &Scope, address: &str) -> Self {
        let scope = router.scope("server").node(address);
        Self {
            statuses: Statuses::new(&scope),
            connects: scope.counter("connects"),
            closes: scope.counter("closes"),
            connections: scope.gauge("connections"),
            exchanges: Exchanges::new(scope),
        }
    }
}

/// A bound id: `rt/<router>/client/<id>`. Its sub-tree goes when nobody holds this any more.
#[derive(Debug)]
pub(crate) struct ClientStats {
    scope: Scope,
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
}

impl ClientStats {
    pub(crate) fn new(router: &Scope, id: &str) -> Self {
        let scope = router.scope("client").node(id.trim_start_matches('/'));
        let balancer = scope.scope("loadbalancer");
        balancer.gauge("algorithm/p2c_least_loaded").set(1.0);
        Self {
            exchanges: Exchanges::new(scope.clone()),
            statuses: Statuses::new(&scope),
            connects: scope.counter("connects"),
            connections: scope.gauge("connections"),
            connect_latency: scope.stat("connect_latency_ms"),
            failed_connect_latency: scope.stat("failed_connect_latency_ms"),
            requeues: scope.counter("retries/requeues"),
            endpoints: balancer.gauge("size"),
            endpoints_added: balancer.counter("adds"),
            endpoints_removed: balancer.counter("removes"),
            scope,
        }
    }
}

impl Drop for ClientStats {
    fn drop(&mut self) {
        self.scope.remove();
    }
}

/// A logical name: `rt/<router>/service/<name>`.
///
/// A name gets series of its own when it is bound. What unbound names count, and what evicted ones have counted, is in
/// `service/other`: names are the choice of strangers, series are ours.
#[derive(Debug)]
pub(crate) struct ServiceStats {
    scope: Scope,
    pub(crate) exchanges: Exchanges,
    /// Where the counts go in the end; none for `other` itself.
    other: Option<Arc<Self>>,
    /// Whether the share of dead branches is shown, which it is once there was one.
    dead: OnceLock<Gauge>,
}

impl ServiceStats {
    fn new(scope: Scope, other: Option<Arc<Self>>) -> Self {
        Self {
            exchanges: Exchanges::new(scope.clone()),
            scope,
            other,
            dead: OnceLock::new(),
        }
    }

    /// The share (0..1) of the name's traffic that dead branches gave to the others.
    pub(crate) fn show_dead_share(&self, share: f64) {
        if share > 0.0 || self.dead.get().is_some() {
            self.dead
                .get_or_init(|| self.scope.gauge("branch_dead"))
                .set(share);
        }
    }
}

impl Drop for ServiceStats {
    fn drop(&mut self) {
        if let Some(other) = &self.other {
            other
                .exchanges
                .requests
                .add(self.exchanges.requests.value());
            other.exchanges.success.add(self.exchanges.success.value());
            other
                .exchanges
                .failures
                .add(self.exchanges.failures.value());
            self.scope.remove();
        }
    }
}

/// One `ServiceStats` for each name that is in use, however many routes (with rules of their own) lead to it.
#[derive(Debug)]
pub(crate) struct Services {
    scope: Scope,
    pub(crate) other: Arc<ServiceStats>,
    by_name: Mutex<HashMap<Path, Weak<ServiceStats>>>,
}

impl Services {
    fn new(router: &Scope) -> Self {
        let scope = router.scope("service");
        let other = Arc::new(ServiceStats::new(scope.node("other"), None));
        Self {
            scope,
            other,
            by_name: Mutex::default(),
        }
    }

    pub(crate) fn of(&self, name: &Path) -> Arc<ServiceStats> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stats) = by_name.get(name).and_then(Weak::upgrade) {
            return stats;
        }
        by_name.retain(|_, stats| stats.strong_count() > 0);
        let node = self.scope.node(name.to_string().trim_start_matches('/'));
        let stats = Arc::new(ServiceStats::new(node, Some(Arc::clone(&self.other))));
        by_name.insert(name.clone(), Arc::downgrade(&stats));
        stats
    }
}

/// What a cache did: `rt/<router>/bindcache/<cache>`.
#[derive(Debug)]
pub(crate) struct CacheStats {
    pub(crate) misses: Counter,
    pub(crate) evicts: Counter,
    pub(crate) expires: Counter,
}

impl CacheStats {
    fn new(router: &Scope, cache: &str) -> Self {
        let scope = router.scope("bindcache").scope(cache);
        Self {
            misses: scope.counter("misses"),
            evicts: scope.counter("evicts"),
            expires: scope.counter("expires"),
        }
    }
}

/// Everything that one router counts.
#[derive(Debug)]
pub(crate) struct RouterStats {
    pub(crate) scope: Scope,
    pub(crate) services: Arc<Services>,
    pub(crate) paths: CacheStats,
    pub(crate) clients: CacheStats,
}

impl RouterStats {
    pub(crate) fn new(metrics: &Metrics, label: &str) -> Self {
        let scope = metrics.scope("rt").node(label);
        Self {
            services: Arc::new(Services::new(&scope)),
            paths: CacheStats::new(&scope, "path"),
            clients: CacheStats::new(&scope, "client"),
            scope,
        }
    }
}
