//! What the API counts.

use http::StatusCode;
use telemetry::{Counter, Gauge, Metrics, Scope, Stat};
use tokio::time::Instant;

/// What is counted below `interface/http`. A clone counts the same.
#[derive(Clone, Debug)]
pub struct Counts {
    statuses: Scope,
    requests: Counter,
    latency_ms: Stat,
    watches: Gauge,
}

impl Counts {
    /// Counts of these metrics.
    pub fn new(metrics: &Metrics) -> Self {
        let scope = metrics.scope("interface/http");
        Self {
            statuses: scope.scope("status"),
            requests: scope.counter("requests"),
            latency_ms: scope.stat("request_latency_ms"),
            watches: scope.gauge("watches"),
        }
    }

    /// Counts a request that was answered. For a watch that is its beginning.
    pub(super) fn answered(&self, status: StatusCode, began: Instant) {
        self.requests.inc();
        self.statuses.counter(status.as_str()).inc();
        let elapsed = began.elapsed().as_millis();
        self.latency_ms
            .record(u64::try_from(elapsed).unwrap_or(u64::MAX));
    }

    /// Counts a watch until the returned value is dropped.
    pub(super) fn watching(&self) -> Watching {
        self.watches.add(1.0);
        Watching(self.watches.clone())
    }
}

/// A watch that somebody reads.
#[derive(Debug)]
pub(super) struct Watching(Gauge);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.sub(1.0);
    }
}
