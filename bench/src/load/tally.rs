//! What all connections have seen.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::sample::{Sample, Taken};

/// Counts answers, and those in the window for the sample.
#[derive(Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    window: Window,
    answered: u64,
    /// Answers that came in the window.
    in_window: u64,
    /// How long the requests took that were to be sent in the window.
    taken: Taken,
    failed: u64,
    first_failure: Option<String>,
}

#[derive(Clone, Copy, Default)]
enum Window {
    #[default]
    Ahead,
    Open {
        begin: Instant,
    },
    Over {
        begin: Instant,
        end: Instant,
    },
}

impl Tally {
    pub(super) fn begin(&self, begin: Instant) {
        self.lock().window = Window::Open { begin };
    }

    pub(super) fn end(&self, end: Instant) {
        let mut counts = self.lock();
        if let Window::Open { begin } = counts.window {
            counts.window = Window::Over { begin, end };
        }
    }

    /// Whether nothing more is to be asked.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.lock().window, Window::Over { .. })
    }

    /// Counts an answer that is there now, to a request that was to be sent at `due`. True if no more are wanted.
    pub(super) fn answer(&self, due: Instant) -> bool {
        let now = Instant::now();
        let mut counts = self.lock();
        counts.answered += 1;
        match counts.window {
            Window::Ahead => false,
            Window::Open { begin } => {
                counts.in_window += 1;
                if due >= begin {
                    counts.taken.record(now.duration_since(due));
                }
                false
            }
            Window::Over { begin, end } => {
                // One that came late is slow, not absent.
                if due >= begin && due < end {
                    counts.taken.record(now.duration_since(due));
                }
                true
            }
        }
    }

    pub(super) fn failed(&self, why: impl ToString) {
        let mut counts = self.lock();
        counts.failed += 1;
        if counts.first_failure.is_none() {
            counts.first_failure = Some(why.to_string());
        }
    }

    pub(super) fn answered(&self) -> u64 {
        self.lock().answered
    }

    pub(super) fn failures(&self) -> u64 {
        self.lock().failed
    }

    pub(super) fn first_failure(&self) -> Option<String> {
        self.lock().first_failure.clone()
    }

    pub(super) fn fill(&self, sample: &mut Sample) {
        let mut counts = self.lock();
        sample.requests = counts.in_window;
        sample.failed = counts.failed;
        sample.first_failure.clone_from(&counts.first_failure);
        sample.latencies = counts.taken.latencies();
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn latencies_belong_to_the_window_in_which_the_request_was_due() {
        let tally = Tally::default();
        let start = Instant::now();
        let ms = Duration::from_millis;
        assert!(!tally.answer(start));
        tally.begin(start + ms(1));
        assert!(!tally.answer(start), "asked before the window");
        assert!(!tally.answer(start + ms(1)));
        tally.end(start + ms(2));
        assert!(tally.answer(start + ms(1)), "answered after it");
        assert!(tally.answer(start + ms(3)), "asked after it");
        let mut sample = Sample::default();
        tally.fill(&mut sample);
        assert_eq!((sample.requests, tally.answered()), (2, 5));
        assert_eq!(tally.lock().taken.count(), 2);
    }
}
