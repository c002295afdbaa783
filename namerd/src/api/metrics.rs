//! What the API counts.

use http::StatusCode;
use telemetry::{Counter, Gauge, Metrics, Scope, Stat};
use tokio::time::Instant;

/// What is counted below `interface/http`, and of writes below `dtabstore`. A clone counts the same.
#[derive(Clone, Debug)]
pub struct Counts {
    statuses: Scope,
    requests: Counter,
    latency_ms: Stat,
    watches: Gauge,
    writes: Counter,
    refused_writes: Counter,
    write_latency_ms: Stat,
}

impl Counts {
    /// Counts of these metrics.
    pub fn new(metrics: &Metrics) -> Self {
        let scope = metrics.scope("interface/http");
        let store = metrics.scope("dtabstore");
        Self {
            statuses: scope.scope("status"),
            requests: scope.counter("requests"),
            latency_ms: scope.stat("request_latency_ms"),
            watches: scope.gauge("watches"),
            writes: store.counter("writes"),
            refused_writes: store.counter("refused_writes"),
            write_latency_ms: store.stat("write_latency_ms"),
        }
    }

    /// Counts a request that was answered. For a watch that is its beginning.
    pub(super) fn answered(&self, status: StatusCode, began: Instant) {
        self.requests.inc();
        self.statuses.counter(status.as_str()).inc();
        self.latency_ms.record(elapsed_ms(began));
    }

    /// Counts a write that the store has taken or refused.
    pub(super) fn written(&self, is_taken: bool, began: Instant) {
        if is_taken {
            self.writes.inc();
        } else {
            self.refused_writes.inc();
        }
        self.write_latency_ms.record(elapsed_ms(began));
    }

    /// Counts a watch until the returned value is dropped.
    pub(super) fn watching(&self) -> Watching {
        self.watches.add(1.0);
        Watching(self.watches.clone())
    }
}

fn elapsed_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A watch that somebody reads.
#[derive(Debug)]
pub(super) struct Watching(Gauge);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.sub(1.0);
    }
}
