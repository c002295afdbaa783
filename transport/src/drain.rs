//! The graceful end: who is told, who is waited for, and when the rest is cut.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// The owner's half of a graceful end: begins it, and waits for everybody who holds a [`Drain`]'s work.
///
/// Clones are the same shutdown. Its phases: running, draining ([`begin`](Self::begin)), cut (the grace is over), and
/// [over](Self::over), when [`finished`](Self::finished) has returned.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    drain: Drain,
    over: CancellationToken,
    requested: CancellationToken,
    /// Of the first request.
    grace: Arc<OnceLock<Option<Duration>>>,
}

impl Shutdown {
    /// A shutdown that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The half that workers and servers hold.
    #[must_use]
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Tells everybody to take no new work. Calling it again does nothing.
    pub fn begin(&self) {
        self.drain.begun.cancel();
        self.drain.work.close();
    }

    /// Waits until all tracked work has ended, at most `grace`, then cuts what is left. Begins the shutdown if nobody has.
    ///
    /// True if all work ended by itself. Cancelling the wait leaves the shutdown begun and cuts nothing.
    pub async fn finished(&self, grace: Duration) -> bool {
        self.begin();
        let in_time = tokio::time::timeout(grace, self.drain.work.wait())
            .await
            .is_ok();
        self.drain.cut.cancel();
        // What was cut needs a moment to notice, so that its own ends (files, sockets) run before the process leaves.
        let cut_in_time = tokio::time::timeout(CUT_TIME, self.drain.work.wait()).await;
        if cut_in_time.is_err() {
            tracing::warn!(
                tasks = self.drain.work.len(),
                "work did not end when it was cut"
            );
        }
        self.over.cancel();
        in_time
    }

    /// Asks the owner to end, with another grace than it would choose: what an operator's page does. The first request counts.
    pub fn request(&self, grace: Option<Duration>) {
        let _ = self.grace.set(grace);
        self.requested.cancel();
    }

    /// Waits until somebody has [asked](Self::request) for the end: the grace that was asked for. The owner does the rest, as after a signal.
    pub async fn requested(&self) -> Option<Duration> {
        self.requested.cancelled().await;
        self.grace.get().copied().flatten()
    }

    /// Waits until [`finished`](Self::finished) has returned: for what must outlive the draining, such as the admin server.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }
}

/// How long work may take to notice that it was cut.
const CUT_TIME: Duration = Duration::from_secs(1);

/// The worker's half of a graceful end. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    begun: CancellationToken,
    cut: CancellationToken,
    work: TaskTracker,
}

impl Drain {
    /// Waits until the shutdown begins: from then on take no new work, and end streams that have no end of their own.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits until the grace is over: what still runs is dropped now.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
    }

    /// Keeps the shutdown waiting until the returned value is dropped.
    #[must_use]
    pub fn hold(&self) -> Hold {
        Hold {
            _token: self.work.token(),
        }
    }

    /// Runs a task that the shutdown waits for, and that is dropped when the grace is over (its handle then gives `None`).
    pub fn spawn<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let cut = self.cut.clone();
        self.work
            .spawn(async move { cut.run_until_cancelled(task).await })
    }
}

/// Work in flight, from [`Drain::hold`].
#[derive(Debug)]
pub struct Hold {
    _token: TaskTrackerToken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_waits_for_work_in_flight() {
        let shutdown = Shutdown::new();
        let drain = shutdown.drain();
        let task = shutdown.drain().spawn(async move {
            drain.begun().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            7
        });
        let began = tokio::time::Instant::now();
        assert!(shutdown.finished(Duration::from_secs(10)).await);
        assert_eq!(began.elapsed().as_secs(), 3);
        assert_eq!(task.await.expect("the task ended"), Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_outlives_the_grace_is_cut() {
        let shutdown = Shutdown::new();
        let task = shutdown.drain().spawn(std::future::pending::<()>());
        let began = tokio::time::Instant::now();
        assert!(!shutdown.finished(Duration::from_secs(10)).await);
        assert_eq!(began.elapsed().as_secs(), 10);
        assert_eq!(task.await.expect("the task was dropped, not aborted"), None);
    }

    #[tokio::test]
    async fn the_first_request_to_end_counts_and_begins_nothing() {
        let shutdown = Shutdown::new();
        shutdown.request(Some(Duration::from_secs(3)));
        shutdown.request(None);
        assert_eq!(shutdown.requested().await, Some(Duration::from_secs(3)));
        assert!(!shutdown.drain().is_draining());
    }

    #[tokio::test(start_paused = true)]
    async fn what_holds_the_drain_is_waited_for_and_over_comes_last() {
        let shutdown = Shutdown::new();
        let hold = shutdown.drain().hold();
        shutdown.begin();
        assert!(shutdown.drain().is_draining());
        let finished = {
            let shutdown = shutdown.clone();
            shutdown.drain().begun().await;
            async move { shutdown.finished(Duration::from_secs(5)).await }
        };
        let held = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(!shutdown.over.is_cancelled());
            drop(hold);
        };
        let (in_time, ()) = tokio::join!(finished, held);
        assert!(in_time);
        shutdown.over().await;
    }
}
