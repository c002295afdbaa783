//! Not even trying to connect where nobody could.

use std::time::Duration;

use crate::accrual::{Accrual, AccrualPolicy, Admission, Change, Outcome, Rule, State};
use crate::backoff::Backoff;
use crate::node::Status;

/// Whether connections to an endpoint can be opened, as far as the last attempts say.
///
/// One failure closes the endpoint until its wait is over; then one attempt is let through, and its success opens the endpoint
/// again. Source: finagle `FailFastFactory`, which makes these attempts in the background and not for a request.
#[derive(Debug)]
pub struct FailFast(Accrual);

impl FailFast {
    /// An endpoint that nothing is known about.
    pub fn new() -> Self {
        Self(Accrual::new(AccrualPolicy {
            rule: Rule::ConsecutiveFailures(1),
            backoff: Backoff::FAIL_FAST,
        }))
    }

    /// Whether the endpoint should be given requests. One atomic load.
    pub fn status(&self, now: Duration) -> Status {
        self.0.status(now)
    }

    /// Where it is, for display.
    pub fn state(&self, now: Duration) -> State {
        self.0.state(now)
    }

    /// Leave to open a connection; none if the request is to fail at once.
    pub fn attempt(&self, now: Duration) -> Option<Admission> {
        Some(self.0.admit(now)).filter(|admission| !admission.is_to_closed())
    }

    /// Learns whether there is a connection.
    pub fn settle(
        &self,
        attempt: Admission,
        now: Duration,
        outcome: Outcome,
        draw: &mut impl FnMut() -> f64,
    ) -> Option<Change> {
        self.0.settle(attempt, now, outcome, draw)
    }
}

impl Default for FailFast {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_refused_connection_closes_the_endpoint_until_one_is_accepted() {
        let endpoint = FailFast::new();
        let mut draw = || 0.0;
        let first = endpoint.attempt(at(10)).expect("leave");
        let change = endpoint.settle(first, at(10), Outcome::Failure, &mut draw);
        assert!(matches!(change, Some(Change::Removed { until, .. }) if until == at(11)));
        assert_eq!(endpoint.status(at(10)), Status::Busy);
        assert!(endpoint.attempt(at(10)).is_none());

        assert_eq!(endpoint.status(at(11)), Status::Open);
        let probe = endpoint.attempt(at(11)).expect("leave");
        assert!(probe.is_probe() && endpoint.attempt(at(11)).is_none());
        let change = endpoint.settle(probe, at(12), Outcome::Failure, &mut draw);
        assert_eq!(change, Some(Change::ProbeFailed { until: at(13) }));

        let probe = endpoint.attempt(at(13)).expect("leave");
        let change = endpoint.settle(probe, at(13), Outcome::Success, &mut draw);
        let removed_for = at(3);
        assert_eq!(change, Some(Change::Revived { removed_for }));
        assert_eq!(endpoint.state(at(13)), State::Alive);
        assert!(endpoint.attempt(at(13)).is_some());
    }
}
