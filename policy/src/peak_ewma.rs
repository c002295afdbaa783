//! How long requests take at a node: fast to believe bad news, slow to forget them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ema::decay;
use crate::instant::nanos;

/// What stands for the cost of a node that has requests and has answered none.
const PENALTY: f64 = (i64::MAX >> 16) as f64;

/// The peak of the latencies, which fades to their average. Source: finagle `PeakEwma`.
///
/// There each look at the load lets the cost fade, by a write below a lock. Here a look leaves the time behind, and only
/// if it is a thousandth of the decay later than the last: picks of many threads then share the cost for reading.
#[derive(Debug)]
pub(crate) struct PeakEwma {
    /// In nanoseconds.
    decay: f64,
    /// Nanoseconds, as the bits of a float.
    cost: AtomicU64,
    /// When the cost was that.
    stamp: AtomicU64,
    /// When the load was last looked at. Until then the cost fades to nothing, from then on to the next latency.
    looked: AtomicU64,
    /// Who observes. Readers don't wait: if they meet the stamp of another cost, they are off by one observation.
    observing: Mutex<()>,
}

impl PeakEwma {
    pub(crate) fn new(decay: Duration) -> Self {
        Self {
            decay: nanos(decay) as f64,
            cost: AtomicU64::new(0),
            stamp: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            observing: Mutex::new(()),
        }
    }

    pub(crate) fn observe(&self, now: Duration, took: Duration) {
        let (now, took) = (nanos(now), nanos(took) as f64);
        let _observing = self
            .observing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let looked = self.looked.load(Ordering::Relaxed).min(now);
        let since = self.stamp.load(Ordering::Relaxed).max(looked);
        let cost = self.cost_at(looked);
        let cost = if took > cost {
            took
        } else {
            let weight = decay(now.saturating_sub(since), self.decay);
            cost * weight + took * (1.0 - weight)
        };
        self.stamp.store(now.max(since), Ordering::Relaxed);
        self.cost.store(cost.to_bits(), Ordering::Relaxed);
    }

    /// How much the node has to do, with so many requests.
    pub(crate) fn load(&self, now: Duration, pending: usize) -> f64 {
        let now = nanos(now);
        let looked = self.looked.load(Ordering::Relaxed);
        if now.saturating_sub(looked) as f64 * 1000.0 >= self.decay {
            self.looked.store(now, Ordering::Relaxed);
        }
        let cost = self.cost_at(now);
        let pending = pending as f64;
        if cost == 0.0 && pending > 0.0 {
            PENALTY + pending
        } else {
            cost * (pending + 1.0)
        }
    }

    pub(crate) fn cost(&self, now: Duration) -> Duration {
        Duration::from_nanos(self.cost_at(nanos(now)) as u64)
    }

    fn cost_at(&self, now: u64) -> f64 {
        let cost = f64::from_bits(self.cost.load(Ordering::Relaxed));
        if cost == 0.0 {
            return cost;
        }
        let stamp = self.stamp.load(Ordering::Relaxed);
        cost * decay(now.saturating_sub(stamp), self.decay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY: Duration = Duration::from_secs(10);

    /// The formula as it is written, with the lock held by whoever looks.
    struct Plain {
        cost: f64,
        stamp: f64,
    }

    impl Plain {
        fn observe(&mut self, now: Duration, took: f64) {
            let now = nanos(now) as f64;
            let weight = (-(now - self.stamp).max(0.0) / nanos(DECAY) as f64).exp();
            self.cost = if took > self.cost {
                took
            } else {
                self.cost * weight + took * (1.0 - weight)
            };
            self.stamp = now;
        }

        fn load(&mut self, now: Duration, pending: usize) -> f64 {
            self.observe(now, 0.0);
            let pending = pending as f64;
            if self.cost == 0.0 && pending > 0.0 {
                PENALTY + pending
            } else {
                self.cost * (pending + 1.0)
            }
        }
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Whether two numbers differ by less than this part of them.
    fn are_near(one: f64, other: f64, part: f64) -> bool {
        (one - other).abs() <= part * one.abs().max(other.abs())
    }

    #[test]
    fn peaks_count_at_once_and_fade() {
        let latency = PeakEwma::new(DECAY);
        latency.observe(seconds(0.0), seconds(1.0));
        latency.observe(seconds(1.0), seconds(4.0));
        assert_eq!(latency.cost(seconds(1.0)), seconds(4.0));
        let faded = latency.cost(seconds(11.0)).as_secs_f64();
        assert!(are_near(faded, 4.0 / 1f64.exp(), 1e-6), "{faded}");
        latency.observe(seconds(11.0), seconds(1.0));
        let mixed = latency.cost(seconds(11.0)).as_secs_f64();
        let weight = (-1f64).exp();
        assert!(
            are_near(mixed, 4.0 * weight + 1.0 - weight, 1e-6),
            "{mixed}"
        );
    }

    #[test]
    fn a_node_that_never_answered_gets_one_request() {
        let latency = PeakEwma::new(DECAY);
        assert_eq!(latency.load(seconds(1.0), 0), 0.0);
        assert!(latency.load(seconds(1.0), 1) > nanos(seconds(86_400.0)) as f64);
        assert!(latency.load(seconds(1.0), 2) > latency.load(seconds(1.0), 1));
        latency.observe(seconds(1.0), seconds(0.5));
        assert_eq!(latency.load(seconds(1.0), 3), 2e9);
    }

    #[test]
    fn it_follows_the_plain_formula() {
        let mut random = fastrand::Rng::with_seed(3);
        let latency = PeakEwma::new(DECAY);
        let mut plain = Plain {
            cost: 0.0,
            stamp: 0.0,
        };
        let mut now = Duration::ZERO;
        for _ in 0..10_000 {
            now += seconds(random.f64() * 0.2);
            if random.bool() {
                let took = seconds(random.f64());
                latency.observe(now, took);
                plain.observe(now, nanos(took) as f64);
            } else {
                let (ours, theirs) = (latency.load(now, 2), plain.load(now, 2));
                assert!(are_near(ours, theirs, 0.01), "{ours} {theirs} at {now:?}");
            }
        }
    }
}
