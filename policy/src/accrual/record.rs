//! What an endpoint's success rate is computed from.

use std::time::Duration;

use super::{Outcome, Reason, Rule, Span};
use crate::ema::Ema;
use crate::instant::nanos;
use crate::window::Window;

/// How many requests there must be within a window of time.
const LEAST_REQUESTS: i64 = 5;

/// The requests of a life. Empty until the first one ends.
#[derive(Debug, Default)]
pub(super) struct Record {
    rate: Option<Ema>,
    requests: u64,
    /// Since when there are requests, and how many there were lately: only if the rule is one of time.
    recent: Option<(Duration, Window<5>)>,
}

impl Record {
    /// Counts a request, and says why the endpoint is to be removed if it is. Only a failure removes.
    pub(super) fn add(&mut self, rule: Rule, now: Duration, outcome: Outcome) -> Option<Reason> {
        self.requests += 1;
        let value = f64::from(u8::from(outcome == Outcome::Success));
        let (rate, least, over, is_enough) = match rule {
            Rule::SuccessRate {
                rate: least,
                requests,
            } => {
                let ema = self
                    .rate
                    .get_or_insert_with(|| Ema::new(f64::from(requests)));
                let is_enough = self.requests >= u64::from(requests);
                let rate = ema.update(self.requests, value);
                (rate, least, Span::Requests(requests), is_enough)
            }
            Rule::SuccessRateWindowed {
                rate: least,
                window,
            } => {
                let ema = self
                    .rate
                    .get_or_insert_with(|| Ema::new(nanos(window) as f64));
                let rate = ema.update(nanos(now), value);
                let is_enough = self.is_enough_within(window, now);
                (rate, least, Span::Time(window), is_enough)
            }
            Rule::ConsecutiveFailures(_) | Rule::Never => return None,
        };
        (outcome == Outcome::Failure && is_enough && rate < least).then_some(Reason::SuccessRate {
            rate,
            least,
            over,
        })
    }

    fn is_enough_within(&mut self, window: Duration, now: Duration) -> bool {
        let (since, recent) = self
            .recent
            .get_or_insert_with(|| (now, Window::new(window)));
        recent.turn(nanos(now));
        recent.add(1);
        now.saturating_sub(*since) >= window && recent.sum() >= LEAST_REQUESTS
    }
}
