//! Tasks with a name and an owner.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use crate::{Live, Publisher, channel};

/// Starts the task that makes a live value. It is cancelled when nobody reads the value any more.
pub fn spawn<T, F>(name: &'static str, make: impl FnOnce(Publisher<T>) -> F) -> Live<T>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (publisher, live) = channel();
    run(name, &live, make(publisher));
    live
}

/// Starts the task that makes this value, for one who needs the value to make the task. It is cancelled when nobody reads the value any more.
pub fn run<T, F>(name: &'static str, live: &Live<T>, make: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    live.own(task(name, make).handle.abort_handle());
}

/// Starts a task whose panic is told in the log by name. Dropping the [`Task`] lets it run on.
pub fn task<F>(name: &'static str, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // Not an async block, which would keep room for the future twice: for what it captured, and for what it awaits.
    let named = AssertUnwindSafe(future)
        .catch_unwind()
        .map(move |ended| ended.unwrap_or_else(|panic| tell_of(name, panic)));
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    let handle = tokio::spawn(named);
    Task { name, handle }
}

/// Runs a future that is no task of its own. If it panics that is told in the log by name, and is the end of it alone: none.
pub fn guarded<F: Future>(
    name: &'static str,
    future: F,
) -> impl Future<Output = Option<F::Output>> {
    let tell = move |ended: std::thread::Result<F::Output>| {
        ended
            .inspect_err(|_| tracing::error!(task = name, "task panicked"))
            .ok()
    };
    AssertUnwindSafe(future).catch_unwind().map(tell)
}

/// A running task.
pub struct Task<T> {
    name: &'static str,
    handle: JoinHandle<T>,
}

impl<T> Task<T> {
    /// Cancels the task at its next await.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Waits for the task; none if it panicked or was cancelled.
    pub async fn ended(self) -> Option<T> {
        self.handle.await.ok()
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Tells of a panic by the name of its task, which the runtime would swallow, and goes on with it.
fn tell_of(name: &'static str, panic: Box<dyn Any + Send>) -> ! {
    tracing::error!(task = name, "task panicked");
    resume_unwind(panic)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_task_ends_with_the_last_reader() {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let live = spawn("counter", move |mut out| async move {
            let _held = held;
            out.set(1);
            std::future::pending::<()>().await;
        });
        let mut reader = live.clone();
        assert_eq!(reader.changed().await.value().map(|v| **v), Some(1));
        drop((live, reader));
        while Arc::strong_count(&alive) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_panic_ends_its_own_task_only() {
        let panicked = task("clumsy", async { panic!("as planned") });
        assert_eq!(panicked.ended().await, None::<()>);
    }
}
