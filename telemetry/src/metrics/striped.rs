//! What many threads add to: one of it until threads get in each other's way, then one for each of them.
//!
//! Most metrics of a router are hardly ever touched by two threads at once, and there may be many thousands of them; the few that are hot
//! grow. (The idea is that of Java's `LongAdder`.)

use std::iter::once;
use std::sync::{
    OnceLock,
    atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// How many times two threads may collide before it is worth the room to part them.
const COLLISIONS: u32 = 64;

/// Words that are added to. What is read together lies together, in this order.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Striped<T> {
    lanes: OnceLock<Box<[Lane<T>]>>,
    collisions: AtomicU32,
    first: T,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Lane<T>(T);

impl<T: Default> Striped<T> {
    /// Adds to a word, and returns the part that it is in, for more of the same.
    pub(super) fn add(&self, n: u64, word: impl Fn(&T) -> &AtomicU64) -> &T {
        if self.lanes.get().is_none() {
            let first = word(&self.first);
            let seen = first.load(Relaxed);
            let sum = seen.wrapping_add(n);
            if first.compare_exchange(seen, sum, Relaxed, Relaxed).is_ok() || self.collide(first, n)
            {
                return &self.first;
            }
        }
        let lane = self.lane();
        word(lane).fetch_add(n, Relaxed);
        lane
    }

    /// Adds to a word that is being fought over, unless it has been so too often: then nothing is added, and the answer is false.
    #[cold]
    fn collide(&self, word: &AtomicU64, n: u64) -> bool {
        let is_bearable = self.collisions.fetch_add(1, Relaxed) < COLLISIONS;
        if is_bearable {
            word.fetch_add(n, Relaxed);
        }
        is_bearable
    }

    /// The part of this thread, once there is more than one.
    #[cold]
    fn lane(&self) -> &T {
        let all = || (0..lane_count()).map(|_| Lane::default()).collect();
        &self.lanes.get_or_init(all)[lane()].0
    }

    /// The part that is used as long as nobody is in the way.
    pub(super) fn first(&self) -> &T {
        &self.first
    }

    /// All parts that there are.
    pub(super) fn parts(&self) -> impl Iterator<Item = &T> {
        let lanes = self.lanes.get().into_iter().flatten();
        once(&self.first).chain(lanes.map(|lane| &lane.0))
    }

    /// The sum of a word over all parts, modulo 2^64.
    pub(super) fn sum(&self, word: impl Fn(&T) -> &AtomicU64) -> u64 {
        self.parts()
            .fold(0, |sum, part| sum.wrapping_add(word(part).load(Relaxed)))
    }
}

/// The lane of this thread. Threads take turns in choosing theirs, so the workers of a runtime get different ones.
fn lane() -> usize {
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

    /// One word.
    fn own(word: &AtomicU64) -> &AtomicU64 {
        word
    }

    #[test]
    fn nothing_is_lost_before_between_and_after_growth() {
        const EACH: u64 = 20_000;
        let striped = Striped::<AtomicU64>::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..EACH).for_each(|_| _ = striped.add(3, own)));
            }
        });
        assert_eq!(striped.sum(own), 8 * EACH * 3);

        // Whether the threads collided is the scheduler's affair; the growth itself is not.
        striped.collisions.store(COLLISIONS, Relaxed);
        assert!(!striped.collide(&striped.first, 4));
        striped.lane();
        let part = striped.add(4, own);
        assert!(!std::ptr::eq(part, &striped.first));
        assert_eq!(striped.sum(own), 8 * EACH * 3 + 4);
    }

    #[test]
    fn a_word_that_is_not_fought_over_does_not_grow() {
        let striped = Striped::<AtomicU64>::default();
        (0..10_000).for_each(|_| _ = striped.add(1, own));
        assert!(striped.lanes.get().is_none());
        assert!(size_of_val(&striped) <= 40);
    }
}
