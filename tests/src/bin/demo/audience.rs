//! What the applications of one host saw.

use std::collections::VecDeque;
use std::time::Duration;

use tests::Answer;
use tokio::time::Instant;

use crate::tally::Tally;

/// How far back the live view looks.
const WINDOW: Duration = Duration::from_secs(1);

/// The answers to the applications of one host.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    recent: VecDeque<Answer>,
    in_all: Tally,
    last_failure: Option<String>,
}

impl Audience {
    pub(crate) fn see(&mut self, answers: Vec<Answer>, now: Instant) {
        for answer in answers {
            self.in_all.add(&answer);
            if let Some(failure) = answer.failure() {
                self.last_failure = Some(failure.to_owned());
            }
            self.recent.push_back(answer);
        }
        // In the order in which they ended: whoever is in front has been here longest.
        let is_old = |answer: &Answer| now.saturating_duration_since(answer.ended) > WINDOW;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
    }

    /// The last second.
    pub(crate) fn recent(&self) -> Tally {
        let mut tally = Tally::default();
        self.recent.iter().for_each(|answer| tally.add(answer));
        tally
    }

    pub(crate) fn in_all(&self) -> Tally {
        self.in_all
    }

    pub(crate) fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }
}
