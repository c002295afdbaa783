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
        self.drain.hurried.cancel();
        self.begin_gently();
    }

    /// The same, after the listening sockets have gone to another process, which accepts from now on: whoever waits in their queues is left
    /// there, and connections that are idle stay until they have asked once more, or the grace is over, because their clients cannot know.
    pub fn begin_gently(&self) {
        self.drain.begun.cancel();
        self.drain.work.close();
    }

    /// Waits until all tracked work has ended, at most `grace`, then cuts what is left. Begins the shutdown if nobody has.
    ///
    /// True if all work ended by itself. Cancelling the wait leaves the shutdown begun and cuts nothing.
    pub async fn finished(&self, grace: Duration) -> bool {
        if !self.drain.is_draining() {
            self.begin();
        }
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
    hurried: CancellationToken,
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

    /// Waits until nothing new is accepted anywhere, and idle connections are to close. Never before the drain has begun, and never at all
    /// if it is [gentle](Shutdown::begin_gently).
    pub async fn hurried(&self) {
        self.hurried.cancelled().await;
    }

    /// Whether idle connections are to close.
    #[must_use]
    pub fn is_hurried(&self) -> bool {
        self.hurried.is_cancelled()
    }

    /// A part of the work that may end before the rest.
    #[must_use]
    pub fn branch(&self) -> Branch {
        Branch(Self {
            begun: self.begun.child_token(),
            hurried: self.hurried.child_token(),
            cut: self.cut.child_token(),
            work: self.work.clone(),
        })
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

/// A part of a process's work, with an end of its own: a listening socket that is no longer wanted. It ends with the whole, too.
#[derive(Clone, Debug)]
pub struct Branch(Drain);

impl Branch {
    /// The half that this part's workers hold.
    #[must_use]
    pub fn drain(&self) -> Drain {
        self.0.clone()
    }

    /// Tells this part to take no new work, and cuts what is left of it after `grace`. Connections that are idle stay until they have asked
    /// once more, or the grace is over.
    pub async fn end(self, grace: Duration) {
        self.0.begun.cancel();
        tokio::time::sleep(grace).await;
        self.0.cut.cancel();
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

    #[tokio::test]
    async fn a_gentle_end_hurries_nobody() {
        let shutdown = Shutdown::new();
        let drain = shutdown.drain();
        shutdown.begin_gently();
        assert!(drain.is_draining() && !drain.is_hurried());
        assert!(shutdown.finished(Duration::ZERO).await);
        assert!(!drain.is_hurried());
        shutdown.begin();
        drain.hurried().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_ends_alone_or_with_the_whole() {
        let shutdown = Shutdown::new();
        let (one, other) = (shutdown.drain().branch(), shutdown.drain().branch());
        let (ends, stays) = (one.drain(), other.drain());
        one.end(Duration::from_secs(3)).await;
        ends.cut().await;
        assert!(ends.is_draining() && !stays.is_draining());
        let _held = stays.hold();
        assert!(!shutdown.finished(Duration::from_secs(1)).await);
        assert!(stays.is_draining() && stays.is_hurried());
        stays.cut().await;
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
