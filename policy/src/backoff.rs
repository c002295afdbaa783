//! How long to wait before something is tried again.

use std::time::Duration;

/// After so many waits fail-fast draws no more. Source: finagle `FailFastFactory`.
const EXPONENTIAL_STEPS: u32 = 16;

/// How waits grow. Waits never end; when they have grown to the longest they stay there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Always the same.
    Constant(Duration),
    /// The first is `min`, each other one is drawn between the one before and three times as much.
    /// Source: finagle `Backoff.decorrelatedJittered`.
    Jittered {
        /// The first wait.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// The first is `first`. Of the others one half doubles, and as much again is drawn.
    /// Source: finagle `Backoff.equalJittered`.
    EqualJittered {
        /// The first wait.
        first: Duration,
        /// The longest.
        max: Duration,
    },
    /// The first is `first`, the others are drawn between that and what doubles.
    /// Source: finagle `Backoff.exponentialJittered`, whose waits may be of no length at all.
    Exponential {
        /// The first wait.
        first: Duration,
        /// The longest.
        max: Duration,
    },
}

impl Backoff {
    /// How long an endpoint is out that fails, if nothing is said.
    pub const ACCRUAL: Self = Self::EqualJittered {
        first: Duration::from_secs(5),
        max: Duration::from_secs(300),
    };

    /// How long an endpoint is out that takes no connections.
    pub const FAIL_FAST: Self = Self::Exponential {
        first: Duration::from_secs(1),
        max: Duration::from_secs(32),
    };

    /// The waits from the first one on.
    pub fn waits(self) -> Waits {
        Waits {
            backoff: self,
            step: 0,
            last: Duration::ZERO,
        }
    }
}

/// Waits, one after the other.
#[derive(Clone, Debug)]
pub struct Waits {
    backoff: Backoff,
    /// How many there were.
    step: u32,
    last: Duration,
}

impl Waits {
    /// The next wait. `draw` yields numbers in 0..1.
    pub fn next(&mut self, draw: &mut impl FnMut() -> f64) -> Duration {
        let step = self.step;
        self.step = step.saturating_add(1);
        self.last = match self.backoff {
            Backoff::Constant(wait) => wait,
            Backoff::Jittered { min, .. } if step == 0 => min,
            Backoff::EqualJittered { first, .. } | Backoff::Exponential { first, .. }
                if step == 0 =>
            {
                first
            }
            Backoff::Jittered { min, max } => {
                // Three times nothing would be nothing for ever.
                let grown = self.last.max(Duration::from_millis(1)).saturating_mul(3);
                between(self.last, grown.min(max.max(min)), draw)
            }
            Backoff::EqualJittered { first, max } => {
                let half = doubled(first, step - 1).min(max);
                if self.last >= max {
                    max
                } else {
                    between(half, half.saturating_mul(2), draw).min(max)
                }
            }
            Backoff::Exponential { max, .. } if step >= EXPONENTIAL_STEPS => max,
            Backoff::Exponential { first, max } => {
                between(first, doubled(first, step).min(max), draw)
            }
        };
        self.last
    }

    /// Begins again with the first wait.
    pub fn reset(&mut self) {
        self.step = 0;
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX))
}

fn between(least: Duration, most: Duration, draw: &mut impl FnMut() -> f64) -> Duration {
    least + most.saturating_sub(least).mul_f64(draw().clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The first waits in milliseconds, if always the same number is drawn.
    fn check(backoff: Backoff, drawn: f64, expected: &[u128]) {
        let mut waits = backoff.waits();
        let seen: Vec<_> = expected
            .iter()
            .map(|_| waits.next(&mut || drawn).as_millis())
            .collect();
        assert_eq!(seen, expected, "{backoff:?} by {drawn}");
    }

    #[test]
    fn waits_grow_as_they_should() {
        check(Backoff::Constant(ms(7)), 0.5, &[7, 7, 7]);
        let jittered = |min, max| Backoff::Jittered {
            min: ms(min),
            max: ms(max),
        };
        check(jittered(100, 1000), 0.0, &[100, 100, 100]);
        check(jittered(100, 1000), 0.5, &[100, 200, 400, 700, 850]);
        check(jittered(100, 100), 0.5, &[100, 100, 100]);
        check(jittered(0, 1000), 0.5, &[0, 1, 3, 6]);
        check(
            Backoff::ACCRUAL,
            0.0,
            &[5000, 5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000],
        );
        check(
            Backoff::ACCRUAL,
            0.5,
            &[
                5000, 7500, 15_000, 30_000, 60_000, 120_000, 240_000, 300_000,
            ],
        );
        check(Backoff::FAIL_FAST, 0.0, &[1000, 1000, 1000]);
        check(
            Backoff::FAIL_FAST,
            0.5,
            &[1000, 1500, 2500, 4500, 8500, 16_500, 16_500],
        );
    }

    #[test]
    fn fail_fast_draws_no_more_after_sixteen_waits() {
        let mut waits = Backoff::FAIL_FAST.waits();
        let seen: Vec<_> = (0..18).map(|_| waits.next(&mut || 0.0).as_secs()).collect();
        assert_eq!(seen[15..], [1, 32, 32]);
    }

    #[test]
    fn what_has_grown_begins_again() {
        let mut waits = Backoff::ACCRUAL.waits();
        waits.next(&mut || 0.5);
        assert_ne!(waits.next(&mut || 0.5), ms(5000));
        waits.reset();
        assert_eq!(waits.next(&mut || 0.5), ms(5000));
    }

    proptest! {
        #[test]
        fn waits_stay_between_the_shortest_and_the_longest(
            min in 1..5000_u64, more in 0..500_000_u64, kind in 0..3, draws in proptest::collection::vec(0.0..1.0, 1..80)
        ) {
            let (min, max) = (ms(min), ms(min + more));
            let backoff = match kind {
                0 => Backoff::Jittered { min, max },
                1 => Backoff::EqualJittered { first: min, max },
                _ => Backoff::Exponential { first: min, max },
            };
            let mut waits = backoff.waits();
            let mut before = Duration::ZERO;
            for draw in draws {
                let wait = waits.next(&mut || draw);
                prop_assert!((min..=max).contains(&wait), "{wait:?}");
                if kind == 0 {
                    prop_assert!(wait >= before, "{wait:?} < {before:?}");
                }
                before = wait;
            }
        }
    }
}
