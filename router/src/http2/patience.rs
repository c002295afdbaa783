//! Clients that make a stream wait.
//!
//! A connection that does nothing is a matter of the [watcher](crate::server::Activity). One stream of many is not: it has a
//! timer, begun when it first waits for its client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may do nothing where it is its turn.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    /// How far the stream was when it began to wait, if it waits, and until when it does.
    waiting: Option<(u64, Instant)>,
    /// For this wait, or for one before.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: None,
            timer: None,
        }
    }

    /// Ready when the client has taken too long. `at` is how far the stream is, if it waits for the client.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>, at: Option<u64>) -> Poll<()> {
        let Some(at) = at else {
            self.waiting = None;
            return Poll::Pending;
        };
        let until = match self.waiting {
            Some((before, until)) if before == at => until,
            _ => Instant::now() + self.limit,
        };
        self.waiting = Some((at, until));
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// Whether it is over within this many seconds, at this place.
    async fn is_over(patience: &mut Patience, at: Option<u64>, seconds: u64) -> bool {
        let waiting = poll_fn(|cx| patience.poll_over(cx, at));
        timeout(Duration::from_secs(seconds), waiting).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_wait_without_any_progress_counts() {
        let mut patience = Patience::new(LIMIT);
        assert!(!is_over(&mut patience, None, 1000).await, "nobody waits");
        for at in 0..10 {
            assert!(!is_over(&mut patience, Some(at), 59).await, "it moves");
        }
        assert!(!is_over(&mut patience, None, 59).await);
        assert!(!is_over(&mut patience, Some(9), 59).await, "a new wait");
        sleep(LIMIT / 2).await;
        assert!(is_over(&mut patience, Some(9), 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_as_long_as_it_may_be() {
        let mut patience = Patience::new(LIMIT);
        let began = Instant::now();
        assert!(is_over(&mut patience, Some(0), 1000).await);
        assert_eq!(began.elapsed().as_secs(), 60);
    }
}
