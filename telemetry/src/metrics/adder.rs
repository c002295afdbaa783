//! A sum that many threads add to: one word until threads get in each other's way, then a cache line for each of them.
//!
//! Most counters of a router are hardly ever touched by two threads at once, and there may be many thousands of them; the few that are hot
//! grow. (The idea is that of Java's `LongAdder`.)

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// How many times two threads may collide before it is worth the room to part them.
const COLLISIONS: u32 = 64;

/// A sum, modulo 2^64.
#[derive(Debug, Default)]
pub(super) struct Adder {
    base: AtomicU64,
    contention: Contention,
    lanes: OnceLock<Box<[Lane]>>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Lane(AtomicU64);

impl Adder {
    pub(super) fn add(&self, n: u64) {
        match self.lanes.get() {
            Some(lanes) => lanes[lane()].0.fetch_add(n, Relaxed),
            None if self.contention.add(&self.base, n) => return,
            None => self.lanes.get_or_init(all_lanes)[lane()]
                .0
                .fetch_add(n, Relaxed),
        };
    }

    pub(super) fn sum(&self) -> u64 {
        let lanes = self.lanes.get().into_iter().flatten();
        lanes.fold(self.base.load(Relaxed), |sum, lane| {
            sum.wrapping_add(lane.0.load(Relaxed))
        })
    }
}

/// Notices that a word is fought over.
#[derive(Debug, Default)]
pub(super) struct Contention {
    collisions: AtomicU32,
}

impl Contention {
    /// Adds to the word, unless it has been fought over too often: then nothing is added, the answer is false, and the caller uses its lane.
    pub(super) fn add(&self, word: &AtomicU64, n: u64) -> bool {
        let seen = word.load(Relaxed);
        if word
            .compare_exchange(seen, seen.wrapping_add(n), Relaxed, Relaxed)
            .is_err()
        {
            if self.collisions.fetch_add(1, Relaxed) >= COLLISIONS {
                return false;
            }
            word.fetch_add(n, Relaxed);
        }
        true
    }
}

/// A value for each lane.
pub(super) fn all_lanes<T: Default>() -> Box<[T]> {
    (0..lane_count()).map(|_| T::default()).collect()
}

/// The lane of this thread. Threads take turns in choosing theirs, so the workers of a runtime get different ones.
pub(super) fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LANE: usize = NEXT.fetch_add(1, Relaxed);
    }
    // A thread that is ending has no lane of its own left, and may share one.
    LANE.try_with(|lane| *lane).unwrap_or_default() % lane_count()
}

fn lane_count() -> usize {
    const MOST: usize = 16;
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        std::thread::available_parallelism()
            .map_or(1, usize::from)
            .clamp(2, MOST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_before_between_and_after_growth() {
        const EACH: u64 = 20_000;
        let adder = Adder::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..EACH).for_each(|_| adder.add(3)));
            }
        });
        assert_eq!(adder.sum(), 8 * EACH * 3);

        // Whether the threads collided is the scheduler's affair; the growth itself is not.
        adder.contention.collisions.store(COLLISIONS, Relaxed);
        adder.lanes.get_or_init(all_lanes);
        adder.add(4);
        assert_eq!(adder.sum(), 8 * EACH * 3 + 4);
    }

    #[test]
    fn a_word_that_is_not_fought_over_does_not_grow() {
        let adder = Adder::default();
        (0..10_000).for_each(|_| adder.add(1));
        assert!(adder.lanes.get().is_none());
        assert!(size_of::<Adder>() <= 48);
    }
}
