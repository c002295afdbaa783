//! Whether so many nodes are busy that nobody believes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::nanos;

/// How long an answer holds, in nanoseconds.
///
/// Nodes open again by the time alone, so that nobody could keep a count of them that is right. Instead, one pick of all in
/// these 5 ms looks at all nodes: a thousand nodes cost each core a few microseconds of them.
const HOLDS: u64 = 5_000_000;

#[derive(Debug)]
pub(super) struct Panic {
    threshold: f64,
    /// Until when the last answer holds, in nanoseconds, twice, and one more if it was yes.
    answer: AtomicU64,
}

impl Panic {
    pub(super) fn new(threshold: f64) -> Self {
        Self {
            threshold,
            answer: AtomicU64::new(0),
        }
    }

    /// Whether it is time to panic. `count` tells how many nodes are open, and how many there are.
    pub(super) fn is_on(&self, now: Duration, count: impl FnOnce() -> (usize, usize)) -> bool {
        if self.threshold <= 0.0 {
            return false;
        }
        let now = nanos(now);
        let answer = self.answer.load(Ordering::Relaxed);
        let was_on = answer & 1 == 1;
        if now < answer >> 1 {
            return was_on;
        }
        // Whoever comes first counts, the others go on with what was.
        let claimed = ((now + HOLDS) << 1) | u64::from(was_on);
        let (relaxed, answers) = (Ordering::Relaxed, &self.answer);
        if answers
            .compare_exchange(answer, claimed, relaxed, relaxed)
            .is_err()
        {
            return was_on;
        }
        let (open, all) = count();
        let is_on = (open as f64) < self.threshold * all as f64;
        answers.store(claimed & !1 | u64::from(is_on), relaxed);
        is_on
    }
}
