//! Sums over the last while, in `N` parts that are forgotten one by one.

use std::time::Duration;

use crate::instant::nanos;

/// What was added within the last `N` parts, of which the current one is not over yet.
#[derive(Debug)]
pub(crate) struct Window<const N: usize> {
    /// How long a part is, in nanoseconds.
    part: u64,
    sums: [i64; N],
    current: usize,
    /// When the current part ends.
    ends: u64,
}

impl<const N: usize> Window<N> {
    /// A window as long as this. It begins with the caller's clock.
    pub(crate) fn new(length: Duration) -> Self {
        let part = (nanos(length) / N as u64).max(1);
        Self {
            part,
            sums: [0; N],
            current: 0,
            ends: part,
        }
    }

    /// When the current part ends, in nanoseconds.
    pub(crate) fn ends(&self) -> u64 {
        self.ends
    }

    /// Forgets what is over.
    pub(crate) fn turn(&mut self, now: u64) {
        if now < self.ends {
            return;
        }
        let passed = (now - self.ends) / self.part + 1;
        for _ in 0..passed.min(N as u64) {
            self.current = (self.current + 1) % N;
            self.sums[self.current] = 0;
        }
        self.ends += passed * self.part;
    }

    pub(crate) fn add(&mut self, amount: i64) {
        let sum = &mut self.sums[self.current];
        *sum = sum.saturating_add(amount);
    }

    pub(crate) fn sum(&self) -> i64 {
        self.sums
            .iter()
            .fold(0, |sum, part| sum.saturating_add(*part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_forgotten_one_by_one() {
        let mut window = Window::<5>::new(Duration::from_nanos(50));
        let mut sum_at = |now, added| {
            window.turn(now);
            window.add(added);
            window.sum()
        };
        assert_eq!(sum_at(0, 1), 1);
        assert_eq!(sum_at(9, 1), 2);
        assert_eq!(sum_at(10, 3), 5);
        assert_eq!(sum_at(49, 0), 5);
        assert_eq!(sum_at(50, 0), 3);
        assert_eq!(sum_at(60, 0), 0);
        assert_eq!(sum_at(61, 7), 7);
        assert_eq!(sum_at(10_000, 0), 0);
    }
}
