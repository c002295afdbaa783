//! Who answered lately at one router.

use std::collections::VecDeque;
use std::time::Duration;

use tests::Answer;
use tokio::time::Instant;

/// What "lately" means.
const WINDOW: Duration = Duration::from_secs(2);

/// The newest answers at a router, and counts of all.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    recent: VecDeque<Answer>,
    /// Answers since the count was begun anew.
    pub(crate) counted: Count,
    /// When that was.
    begun: Option<Instant>,
    /// Requests that failed, from the start.
    pub(crate) failed: usize,
    /// Why the first of them did.
    pub(crate) first_failure: Option<String>,
}

/// How many answers came from which version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// From the first.
    pub(crate) v1: usize,
    /// From the second.
    pub(crate) v2: usize,
}

impl Meter {
    pub(crate) fn add(&mut self, answers: Vec<Answer>) {
        for answer in answers {
            if let Some(reason) = answer.failure() {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| reason.to_owned());
            }
            if self.begun.is_none_or(|begun| answer.started >= begun) {
                self.counted.add(&answer);
            }
            self.recent.push_back(answer);
        }
        let oldest = Instant::now().checked_sub(WINDOW);
        while let (Some(oldest), Some(answer)) = (oldest, self.recent.front())
            && answer.ended < oldest
        {
            self.recent.pop_front();
        }
    }

    /// Counts anew, and only requests that are sent from now on.
    pub(crate) fn begin(&mut self) {
        self.counted = Count::default();
        self.begun = Some(Instant::now());
    }

    /// What was answered lately.
    pub(crate) fn lately(&self) -> Count {
        let mut count = Count::default();
        self.recent.iter().for_each(|answer| count.add(answer));
        count
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.recent.len() as f64 / WINDOW.as_secs_f64()
    }
}

impl Count {
    fn add(&mut self, answer: &Answer) {
        self.v1 += usize::from(answer.is("v1"));
        self.v2 += usize::from(answer.is("v2"));
    }

    pub(crate) fn all(self) -> usize {
        self.v1 + self.v2
    }

    /// The part of the second version, 0 to 1.
    pub(crate) fn share(self) -> f64 {
        self.v2 as f64 / self.all().max(1) as f64
    }
}
