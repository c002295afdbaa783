//! What is counted of the requests that pass a place: one block of memory, because a request touches all of it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::Value;
use super::stat::{Histogram, Windowed};

/// Requests, what became of them, and how long their answers took. Clones are the same; counting takes no lock.
///
/// In its scope it is seen as the counters `requests`, `success` and `failures`, the gauge `pending` and the stat `request_latency_ms`.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    counts: Arc<Windowed<Counts>>,
}

/// In the order in which a request comes across them.
#[derive(Debug, Default)]
#[repr(C)]
struct Counts {
    requests: AtomicU64,
    success: AtomicU64,
    failures: AtomicU64,
    latency: Histogram,
}

/// What is seen of it under a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Requests,
    Success,
    Failures,
    Pending,
    Latency,
}

impl Part {
    pub(super) const NAMED: [(&str, Self); 5] = [
        ("requests", Self::Requests),
        ("success", Self::Success),
        ("failures", Self::Failures),
        ("pending", Self::Pending),
        ("request_latency_ms", Self::Latency),
    ];
}

impl AsRef<Histogram> for Counts {
    fn as_ref(&self) -> &Histogram {
        &self.latency
    }
}

impl Traffic {
    /// Reads what a request counts in, and returns something of it: who will count a little later finds it near the processor.
    #[must_use]
    pub fn prefetch(&self) -> u64 {
        let counts = self.counts.cells.first();
        counts.requests.load(Relaxed) ^ counts.latency.prefetch()
    }

    /// A request has come.
    pub fn begin(&self) {
        self.counts.cells.add(1, |counts| &counts.requests);
    }

    /// It has ended. When it was answered, if it was, is said [apart](Self::answered).
    pub fn end(&self, is_success: bool) {
        self.settle(is_success);
    }

    /// It was answered after this time.
    pub fn answered(&self, latency_ms: u64) {
        self.counts.record(latency_ms);
    }

    /// It was answered after this time, and that is its end.
    pub fn answer(&self, is_success: bool, latency_ms: u64) {
        self.settle(is_success).latency.count(latency_ms);
    }

    /// Adds what others have counted, but for their latencies.
    pub fn add(&self, others: &Self) {
        for of in [Self::requests_of, Self::success_of, Self::failures_of] {
            self.counts.cells.add(others.counts.cells.sum(of), of);
        }
    }

    /// How many have come.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counts.cells.sum(Self::requests_of)
    }

    /// Ends the window of the latencies.
    pub(super) fn snapshot(&self) {
        self.counts.snapshot();
    }

    pub(super) fn value(&self, part: Part) -> Value {
        let sum = |of: fn(&Counts) -> &AtomicU64| self.counts.cells.sum(of);
        let (success, failures) = (sum(Self::success_of), sum(Self::failures_of));
        match part {
            // What has ended is read first, so that it is never more than what has begun.
            Part::Pending => {
                Value::Gauge(self.requests().saturating_sub(success + failures) as f64)
            }
            Part::Requests => Value::Counter(self.requests()),
            Part::Success => Value::Counter(success),
            Part::Failures => Value::Counter(failures),
            Part::Latency => Value::Stat {
                window: self.counts.window(),
                totals: self.counts.totals(),
            },
        }
    }

    fn settle(&self, is_success: bool) -> &Counts {
        self.counts.cells.add(1, |counts| match is_success {
            true => &counts.success,
            false => &counts.failures,
        })
    }

    fn requests_of(counts: &Counts) -> &AtomicU64 {
        &counts.requests
    }

    fn success_of(counts: &Counts) -> &AtomicU64 {
        &counts.success
    }

    fn failures_of(counts: &Counts) -> &AtomicU64 {
        &counts.failures
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    fn shown(metrics: &Metrics) -> Vec<String> {
        let readings = metrics.readings();
        let shown = readings.iter().map(|reading| match reading.value() {
            Value::Counter(count) => format!("{} {count}", reading.name()),
            Value::Gauge(value) => format!("{} {value:.1}", reading.name()),
            Value::Stat { totals, .. } => {
                format!("{} {} of {}", reading.name(), totals.sum(), totals.count())
            }
        });
        shown.collect()
    }

    #[test]
    fn requests_are_counted_from_their_beginning_to_their_end() {
        let metrics = Metrics::new();
        let traffic = metrics.scope("a").traffic();
        for _ in 0..4 {
            traffic.begin();
        }
        traffic.answer(true, 3);
        traffic.answered(40);
        traffic.end(false);
        assert_eq!(
            shown(&metrics),
            [
                "a/failures 1",
                "a/pending 2.0",
                "a/request_latency_ms 43 of 2",
                "a/requests 4",
                "a/success 1",
            ]
        );
        let other = metrics.scope("b").traffic();
        other.add(&traffic);
        assert_eq!(
            shown(&metrics)[5..],
            [
                "b/failures 1",
                "b/pending 2.0",
                "b/request_latency_ms 0 of 0",
                "b/requests 4",
                "b/success 1",
            ]
        );
    }

    #[test]
    fn a_scope_has_one_whoever_asks() {
        let metrics = Metrics::new();
        metrics.scope("a").traffic().begin();
        let again = metrics.scope("a").traffic();
        again.begin();
        assert_eq!(again.requests(), 2);
        metrics.scope("b").counter("requests").inc();
        // Taken by another kind: nobody sees what is counted here, and what is there stays.
        metrics.scope("b").traffic().begin();
        assert_eq!(shown(&metrics)[5..], ["b/requests 1"]);
    }

    #[test]
    fn windows_of_latencies_end_like_those_of_stats() {
        let metrics = Metrics::new();
        let traffic = metrics.scope("a").traffic();
        traffic.answer(true, 5);
        metrics.snapshot();
        let Value::Stat { window, .. } = traffic.value(Part::Latency) else {
            panic!("a stat");
        };
        assert_eq!(
            window.map(|window| (window.count, window.max)),
            Some((1, 5))
        );
    }

    #[test]
    fn what_a_request_touches_lies_together() {
        // The two words that are read first are a line of a cache apart: wherever the lines begin, all between is in these two.
        let traffic = Traffic::default();
        let counts = traffic.counts.cells.first();
        let requests = std::ptr::from_ref(&counts.requests).addr();
        assert_eq!(counts.latency.address_of_prefetched() - requests, 64);
        assert!(size_of::<Windowed<Counts>>() <= 184);
    }
}
