//! How long to wait before namerd is tried again.

use std::time::Duration;

use config::Retry;

/// Waits that grow while nothing succeeds, each drawn between the shortest and what it has grown to: routers that lost
/// the same namerd do not come back at the same moment.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    retry: Retry,
    failures: u32,
}

impl Backoff {
    /// Waits within these bounds.
    pub(super) fn new(retry: Retry) -> Self {
        Self { retry, failures: 0 }
    }

    /// Something succeeded: the next wait is a short one.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after another failure.
    pub(super) fn next(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let Retry { base, max } = self.retry;
        let grown = base.saturating_mul(2u32.saturating_pow(self.failures));
        let spread = grown.min(max).saturating_sub(base);
        base + spread.mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds_and_differ() {
        let retry = Retry::default();
        let mut backoff = Backoff::new(retry);
        let first = backoff.next();
        assert!((retry.base..=retry.base * 2).contains(&first), "{first:?}");
        let waits: Vec<_> = (0..50).map(|_| backoff.next()).collect();
        assert!(
            waits
                .iter()
                .all(|wait| (retry.base..=retry.max).contains(wait))
        );
        assert!(waits.iter().max() > Some(&(retry.max / 2)));
        assert!(
            waits.windows(2).any(|pair| pair[0] > pair[1]),
            "drawn, not fixed"
        );
        backoff.reset();
        assert!(backoff.next() <= retry.base * 2);
    }
}
