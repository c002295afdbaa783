//! The numbers of servers, services and clients. Handles are made once, and lie where they are used.

mod client;
mod grpc;
mod series;
mod server;
mod service;
mod streams;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use namer::BoundId;
use telemetry::{Counter, Gauge, Metrics, Scope, Traffic};
use tokio::time::Instant;

pub(crate) use client::ClientStats;

pub(crate) use server::ServerStats;
pub(crate) use service::{Retrying, ServiceStats, Services};

use crate::client::Rules;
use series::Series;
use streams::StreamStats;

/// A duration in the unit that latencies are recorded in.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Requests and what became of them: what every part of the tree counts.
#[derive(Debug)]
pub(crate) struct Exchanges {
    traffic: Traffic,
    rest: Box<Rest>,
}

/// What most requests do not touch.
#[derive(Debug)]
struct Rest {
    /// Made with the first stream that ended.
    streams: OnceLock<StreamStats>,
    scope: Scope,
}

impl Exchanges {
    fn new(scope: Scope) -> Self {
        Self::with(Traffic::default(), scope)
    }

    /// Counted here, unless this is a place where others count already.
    fn with(traffic: Traffic, scope: Scope) -> Self {
        Self {
            traffic: scope.adopt(traffic),
            rest: Box::new(Rest {
                streams: OnceLock::new(),
                scope,
            }),
        }
    }

    /// Adds what others have counted, but for their latencies.
    fn add(&self, others: &Self) {
        self.traffic.add(&others.traffic);
    }

    /// A request has come.
    pub(crate) fn begin(&self, now: Instant) -> Begun<&Self> {
        Begun::new(self, now)
    }

    /// Where it is counted.
    fn scope(&self) -> &Scope {
        &self.rest.scope
    }

    /// What is counted of streams only.
    fn streams(&self) -> &StreamStats {
        let Rest { streams, scope } = &*self.rest;
        streams.get_or_init(|| StreamStats::new(&scope.scope("stream")))
    }
}

/// Whoever counts requests.
pub(crate) trait Counts {
    fn exchanges(&self) -> &Exchanges;
}

impl Counts for &Exchanges {
    fn exchanges(&self) -> &Exchanges {
        self
    }
}

/// A request that has not been answered yet. If it is dropped like that, its client went away.
#[derive(Debug)]
pub(crate) struct Begun<C: Counts> {
    counts: C,
    began: Instant,
    has_ended: bool,
}

impl<C: Counts> Begun<C> {
    pub(crate) fn new(counts: C, now: Instant) -> Self {
        counts.exchanges().traffic.begin();
        Self {
            counts,
            began: now,
            has_ended: false,
        }
    }

    /// Who counts it.
    pub(crate) fn counts(&self) -> &C {
        &self.counts
    }

    /// It was answered.
    pub(crate) fn end(mut self, is_success: bool, now: Instant) {
        self.settle_answered(is_success, now);
    }

    /// There is no answer but ours, for this reason.
    pub(crate) fn fail(mut self, reason: &'static str, now: Instant) {
        self.settle_answered(false, now);
        self.name_failure(reason);
    }

    /// The head of its answer is there. How it went is not known before the [end of the stream](Self::end_stream).
    pub(crate) fn answered(&self, now: Instant) {
        let latency = millis(now.duration_since(self.began));
        self.counts.exchanges().traffic.answered(latency);
    }

    /// Its stream has ended like this.
    pub(crate) fn end_stream(mut self, is_success: bool, now: Instant) {
        self.settle(is_success);
        let streams = self.counts.exchanges().streams();
        streams
            .total_latency
            .record(millis(now.duration_since(self.began)));
    }

    /// Its stream broke off for this reason.
    pub(crate) fn break_stream(self, reason: &'static str, now: Instant) {
        self.name_failure(reason);
        self.end_stream(false, now);
    }

    fn settle_answered(&mut self, is_success: bool, now: Instant) {
        self.has_ended = true;
        let latency = millis(now.duration_since(self.began));
        self.counts.exchanges().traffic.answer(is_success, latency);
    }

    fn settle(&mut self, is_success: bool) {
        self.has_ended = true;
        self.counts.exchanges().traffic.end(is_success);
    }

    fn name_failure(&self, reason: &'static str) {
        let scope = self.counts.exchanges().scope();
        scope.counter(&format!("failures/{reason}")).inc();
    }
}

impl<C: Counts> Drop for Begun<C> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.settle(false);
            self.name_failure("cancelled");
        }
    }
}

/// Responses by status: `status/200` and `status/2XX`. Counters are made when a status is first seen: there is one of these for
/// each client, and most of them see a status or two.
#[derive(Debug)]
pub(crate) struct Statuses {
    scope: Scope,
    /// By the first digit.
    seen: [Slot; 10],
}

/// A status that was seen, if one was.
type Slot = OnceLock<Box<Seen>>;

#[derive(Debug)]
struct Seen {
    status: StatusCode,
    alone: Counter,
    /// With the others of the same first digit.
    together: Counter,
    next: Slot,
}

impl Statuses {
    fn new(scope: &Scope) -> Self {
        Self {
            scope: scope.scope("status"),
            seen: Default::default(),
        }
    }

    pub(crate) fn count(&self, status: StatusCode) {
        // A status has three digits.
        let mut slot = &self.seen[usize::from(status.as_u16() / 100)];
        loop {
            // Where two come for the same slot, one finds the other's status in it and goes on.
            let seen = slot.get_or_init(|| Box::new(self.see(status)));
            if seen.status == status {
                seen.alone.inc();
                seen.together.inc();
                return;
            }
            slot = &seen.next;
        }
    }

    fn see(&self, status: StatusCode) -> Seen {
        Seen {
            status,
            alone: self.scope.counter(status.as_str()),
            together: self.scope.counter(&format!("{}XX", status.as_u16() / 100)),
            next: Slot::new(),
        }
    }
}

/// Counts something for as long as it is there.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: Gauge) -> Self {
        gauge.add(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sub(1.0);
    }
}

/// What a cache did: `rt/<router>/bindcache/<cache>`.
#[derive(Debug)]
pub(crate) struct CacheStats {
    pub(crate) misses: Counter,
    pub(crate) evicts: Counter,
    pub(crate) expires: Counter,
    /// What was made though there was no room to keep it.
    pub(crate) oneshots: Counter,
}

impl CacheStats {
    fn new(router: &Scope, cache: &str) -> Self {
        let scope = router.scope("bindcache").scope(cache);
        Self {
            misses: scope.counter("misses"),
            evicts: scope.counter("evicts"),
            expires: scope.counter("expires"),
            oneshots: scope.counter("oneshots"),
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
    pub(crate) fn client(&self, id: &BoundId, rules: &Rules) -> ClientStats {
        ClientStats::new(&self.by_client, &id.to_string(), rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_counted_alone_and_by_their_first_digit() {
        let metrics = Metrics::new();
        let statuses = Statuses::new(&metrics.scope(""));
        for status in [200, 204, 200, 503, 999, 204, 200] {
            statuses.count(StatusCode::from_u16(status).expect("a status"));
        }
        let counts: Vec<_> = metrics
            .readings()
            .iter()
            .map(|reading| match reading.value() {
                telemetry::Value::Counter(count) => format!("{} {count}", reading.name()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            counts,
            [
                "status/200 3",
                "status/204 2",
                "status/2XX 5",
                "status/503 1",
                "status/5XX 1",
                "status/999 1",
                "status/9XX 1",
            ]
        );
    }

    #[test]
    fn statuses_that_were_not_seen_take_no_room() {
        assert!(size_of::<Statuses>() <= 256, "{}", size_of::<Statuses>());
    }
}
