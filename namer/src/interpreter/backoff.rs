//! How long to wait before namerd is tried again.

use std::time::Duration;

use config::Retry;
use tokio::time::Instant;

/// How long namerd is tried eagerly: through a restart, an upgrade, a mishap that somebody is mending. When it is back
/// then, the next change of a dtab is live within two seconds.
const EAGER_FOR: Duration = Duration::from_secs(600);

/// The longest wait meanwhile, where the configuration allows such a short one.
const EAGER_MAX: Duration = Duration::from_secs(1);

/// Waits that grow while nothing succeeds, each drawn between the shortest and what it has grown to: routers that lost
/// the same namerd do not come back at the same moment.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    retry: Retry,
    failures: u32,
    failing_since: Option<Instant>,
}

impl Backoff {
    /// Waits within these bounds.
    pub(super) fn new(retry: Retry) -> Self {
        Self {
            retry,
            failures: 0,
            failing_since: None,
        }
    }

    /// Something succeeded: the next wait is a short one.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
        self.failing_since = None;
    }

    /// How long to wait after another failure, at this moment.
    pub(super) fn next(&mut self) -> Duration {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() < EAGER_FOR {
            // Half as much again leaves room to draw from where the shortest wait is long already.
            let eager_max = EAGER_MAX.max(self.retry.base * 3 / 2);
            return self.draw(self.retry.max.min(eager_max));
        }
        self.draw(self.retry.max)
    }

    fn draw(&mut self, longest: Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let base = self.retry.base;
        let grown = base.saturating_mul(2u32.saturating_pow(self.failures));
        let spread = grown.min(longest).saturating_sub(base);
        base + spread.mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(backoff: &mut Backoff) -> Vec<Duration> {
        (0..50).map(|_| backoff.next()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_are_short_at_first_and_grow_when_the_trouble_stays() {
        let retry = Retry::default();
        let mut backoff = Backoff::new(retry);
        let first = backoff.next();
        assert!((retry.base..=retry.base * 2).contains(&first), "{first:?}");
        let eager = waits(&mut backoff);
        assert!(
            eager
                .iter()
                .all(|wait| (retry.base..=EAGER_MAX).contains(wait))
        );
        assert!(
            eager.windows(2).any(|pair| pair[0] > pair[1]),
            "drawn, not fixed"
        );

        tokio::time::advance(EAGER_FOR).await;
        let patient = waits(&mut backoff);
        assert!(
            patient
                .iter()
                .all(|wait| (retry.base..=retry.max).contains(wait))
        );
        assert!(patient.iter().max() > Some(&(retry.max / 2)));

        backoff.reset();
        assert!(backoff.next() <= retry.base * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_bounds_of_the_configuration_hold_also_at_first() {
        let seconds = Duration::from_secs;
        for (base, max) in [(seconds(1), seconds(600)), (seconds(5), seconds(5))] {
            let mut backoff = Backoff::new(Retry { base, max });
            let all = waits(&mut backoff);
            assert!(
                all.iter().all(|wait| (base..=max).contains(wait)),
                "{all:?}"
            );
        }
    }
}
