//! The numbers of servers, services and clients. Handles are made once, and lie where they are used.

mod client;
mod series;
mod server;
mod service;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use namer::BoundId;
use telemetry::{Counter, Metrics, Scope, Stat};
use tokio::time::Instant;

pub(crate) use client::ClientStats;
pub(crate) use server::ServerStats;
pub(crate) use service::{ServiceStats, Services};

use series::Series;

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

    /// Adds what others have counted, but for their latencies.
    fn add(&self, others: &Self) {
        self.requests.add(others.requests.value());
        self.success.add(others.success.value());
        self.failures.add(others.failures.value());
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
    by_client: Arc<Series>,
}

impl RouterStats {
    pub(crate) fn new(metrics: &Metrics, label: &str) -> Self {
        let scope = metrics.scope("rt").node(label);
        Self {
            services: Arc::new(Services::new(&scope)),
            paths: CacheStats::new(&scope, "path"),
            clients: CacheStats::new(&scope, "client"),
            by_client: Arc::new(Series::new(scope.scope("client"))),
            scope,
        }
    }

    /// The numbers of a client.
    pub(crate) fn client(&self, id: &BoundId) -> ClientStats {
        ClientStats::new(&self.by_client, &id.to_string())
    }
}
