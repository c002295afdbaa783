//! What one window of time has shown.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The figures of one proxy in one window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    /// The window's length.
    pub seconds: f64,
    /// Answers that came in it, whole and as expected.
    pub requests: u64,
    /// Answers that didn't, or weren't.
    pub failed: u64,
    /// What was wrong with the first of them.
    pub first_failure: Option<String>,
    /// CPU time of the proxy in the window; none without a proxy.
    pub cpu_seconds: Option<f64>,
    /// The proxy's resident memory at the window's end, in bytes.
    pub resident_bytes: Option<u64>,
    /// Growth of its resident memory for each idle connection, in bytes.
    pub idle_connection_bytes: Option<f64>,
    /// How long answers took.
    pub latencies: Latencies,
    /// How many replies each server gave, of all calls, also before the window.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_server: BTreeMap<String, u64>,
}

/// Quantiles of how long answers took, from when a request was to be sent until its answer was whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// Half of the answers took at most this, in microseconds.
    pub p50_us: f64,
    /// 99 % of them.
    pub p99_us: f64,
    /// 99.9 % of them.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

/// How long each answer took, in nanoseconds. They are few enough to keep all, which makes the quantiles exact.
#[derive(Default)]
pub(crate) struct Taken(Vec<u64>);

impl Taken {
    pub(crate) fn record(&mut self, took: Duration) {
        self.0
            .push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn latencies(&mut self) -> Latencies {
        self.0.sort_unstable();
        Latencies {
            p50_us: self.at_most(500),
            p99_us: self.at_most(990),
            p999_us: self.at_most(999),
            max_us: self.at_most(1000),
        }
    }

    /// What so many of a thousand answers took at most, in microseconds. The values are in order.
    fn at_most(&self, per_mille: usize) -> f64 {
        let rank = (self.0.len() * per_mille).div_ceil(1000);
        let ns = self.0.get(rank.saturating_sub(1)).copied().unwrap_or(0);
        Duration::from_nanos(ns).as_secs_f64() * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_in_any_order() {
        let mut taken = Taken::default();
        for us in (1..=10_000).rev() {
            taken.record(Duration::from_micros(us));
        }
        let expected = Latencies {
            p50_us: 5_000.0,
            p99_us: 9_900.0,
            p999_us: 9_990.0,
            max_us: 10_000.0,
        };
        let near = |found: f64, expected: f64| (found - expected).abs() < 1e-6;
        let found = taken.latencies();
        assert!(near(found.p50_us, expected.p50_us), "{found:?}");
        assert!(near(found.p99_us, expected.p99_us), "{found:?}");
        assert!(near(found.p999_us, expected.p999_us), "{found:?}");
        assert!(near(found.max_us, expected.max_us), "{found:?}");
    }

    #[test]
    fn of_few_answers_the_slowest_stands_for_the_last_quantiles() {
        let mut taken = Taken::default();
        assert_eq!(taken.latencies(), Latencies::default());
        for us in [30, 10, 20] {
            taken.record(Duration::from_micros(us));
        }
        let found = taken.latencies();
        assert!((found.p50_us - 20.0).abs() < 1e-6, "{found:?}");
        assert!((found.p99_us - 30.0).abs() < 1e-6, "{found:?}");
    }
}
