//! One writer, any number of readers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::{Failure, State};

/// Makes a value that is pending until its publisher sets it.
pub fn channel<T>() -> (Publisher<T>, Live<T>) {
    let cell = Arc::new(Cell {
        state: ArcSwap::from_pointee(State::Pending),
        version: AtomicU64::new(0),
        changed: Notify::new(),
        unread: Notify::new(),
    });
    let readers = Arc::new(Readers {
        cell: Arc::clone(&cell),
        task: Mutex::new(None),
    });
    let publisher = Publisher {
        cell: Arc::clone(&cell),
        readers: Arc::downgrade(&readers),
    };
    (
        publisher,
        Live {
            cell,
            readers,
            seen: 0,
        },
    )
}

struct Cell<T> {
    state: ArcSwap<State<T>>,
    /// Counts the states, and is raised after the state was stored: whoever sees a version sees a state at least as new.
    version: AtomicU64,
    changed: Notify,
    unread: Notify,
}

/// What all readers of one value share; it goes with the last of them and ends the task that makes the value.
struct Readers<T> {
    cell: Arc<Cell<T>>,
    task: Mutex<Option<AbortHandle>>,
}

impl<T> Drop for Readers<T> {
    fn drop(&mut self) {
        if let Some(task) = self
            .task
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            task.abort();
        }
        self.cell.unread.notify_one();
    }
}

/// A reader of a value that changes. Reading takes no lock; a clone is another reader.
pub struct Live<T> {
    cell: Arc<Cell<T>>,
    readers: Arc<Readers<T>>,
    seen: u64,
}

impl<T> Live<T> {
    /// A value that never changes.
    pub fn constant(value: T) -> Self
    where
        T: PartialEq,
    {
        let (mut publisher, live) = channel();
        publisher.set(value);
        live
    }

    /// The state right now.
    pub fn now(&self) -> Arc<State<T>> {
        self.cell.state.load_full()
    }

    /// Looks at the state right now without counting a reference: for the request path.
    pub fn with<R>(&self, look: impl FnOnce(&State<T>) -> R) -> R {
        look(&self.cell.state.load())
    }

    /// Reads where the state is found, and returns something of it: who will look a little later finds it near the processor.
    pub fn prefetch(&self) -> u64 {
        self.cell.version.load(Ordering::Relaxed)
    }

    /// The value right now, whether fresh or stale.
    pub fn value(&self) -> Option<Arc<T>> {
        self.with(|state| state.value().cloned())
    }

    /// Waits for a state that this reader has not been given by an earlier call. States in between are skipped.
    ///
    /// Never returns once the publisher is gone and its last state was seen. Cancelling loses nothing.
    pub async fn changed(&mut self) -> Arc<State<T>> {
        loop {
            let changed = self.cell.changed.notified();
            tokio::pin!(changed);
            // Listening starts before the look, so that a change in between is not missed.
            changed.as_mut().enable();
            let version = self.cell.version.load(Ordering::Acquire);
            if version != self.seen {
                self.seen = version;
                return self.now();
            }
            changed.await;
        }
    }

    /// The state right now; [`Live::changed`] then waits for a later one.
    pub fn see(&mut self) -> Arc<State<T>> {
        // The version first: a change in between is seen once more, never missed.
        self.seen = self.cell.version.load(Ordering::Acquire);
        self.now()
    }

    /// Waits for a value, fresh or stale.
    ///
    /// # Errors
    /// [`NotReady`] when there is none by the deadline, with the failure that stood in the way, if any.
    pub async fn ready(&self, deadline: Instant) -> Result<Arc<T>, NotReady> {
        if let Some(value) = self.value() {
            return Ok(value);
        }
        let mut reader = self.clone();
        let wait = async {
            loop {
                if let Some(value) = reader.changed().await.value() {
                    return Arc::clone(value);
                }
            }
        };
        timeout_at(deadline, wait).await.map_err(|_| NotReady {
            failure: self.now().failure().cloned(),
        })
    }

    /// A handle that does not keep the value alive.
    pub fn downgrade(&self) -> WeakLive<T> {
        WeakLive {
            readers: Arc::downgrade(&self.readers),
        }
    }

    /// Whether both read the same published value.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }

    pub(crate) fn own(&self, task: AbortHandle) {
        *self
            .readers
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self {
            cell: Arc::clone(&self.cell),
            readers: Arc::clone(&self.readers),
            seen: self.seen,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.now()).finish()
    }
}

/// A handle to a live value that lets it end when its readers are gone.
pub struct WeakLive<T> {
    readers: Weak<Readers<T>>,
}

impl<T> WeakLive<T> {
    /// The value, if somebody still reads it.
    pub fn upgrade(&self) -> Option<Live<T>> {
        let readers = self.readers.upgrade()?;
        Some(Live {
            cell: Arc::clone(&readers.cell),
            readers,
            seen: 0,
        })
    }

    /// Whether somebody still reads the value.
    pub fn is_read(&self) -> bool {
        self.readers.strong_count() > 0
    }
}

impl<T> Clone for WeakLive<T> {
    fn clone(&self) -> Self {
        Self {
            readers: Weak::clone(&self.readers),
        }
    }
}

impl<T> fmt::Debug for WeakLive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakLive")
            .field("is_read", &self.is_read())
            .finish()
    }
}

/// There was no value by the deadline.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", match failure { Some(failure) => &failure.reason, None => "no answer yet" })]
pub struct NotReady {
    /// What stood in the way; none when nothing at all was heard.
    pub failure: Option<Failure>,
}

/// The one writer of a value.
pub struct Publisher<T> {
    cell: Arc<Cell<T>>,
    readers: Weak<Readers<T>>,
}

impl<T> Publisher<T> {
    /// Publishes a value. Readers are woken only if it differs from what they have, or if they had been told of trouble.
    pub fn set(&mut self, value: T)
    where
        T: PartialEq,
    {
        match &**self.cell.state.load() {
            State::Ready(old) if **old == value => return,
            // The value is the same but the trouble is over: readers keep the very same allocation.
            State::Stale(old, _) if **old == value => {
                return self.store(State::Ready(Arc::clone(old)));
            }
            _ => {}
        }
        self.store(State::Ready(Arc::new(value)));
    }

    /// Publishes a value that others publish as well, in the very state that they show: readers of many values then look at one.
    pub fn set_shared(&mut self, state: &Arc<State<T>>)
    where
        T: PartialEq,
    {
        let is_known = match (&**self.cell.state.load(), &**state) {
            (State::Ready(old), State::Ready(new)) => Arc::ptr_eq(old, new) || old == new,
            _ => false,
        };
        if !is_known {
            self.put(Arc::clone(state));
        }
    }

    /// Publishes a value whose source is in trouble already: since the failure says so, or since readers were told.
    pub fn set_stale(&mut self, value: T, failure: &Failure)
    where
        T: PartialEq,
    {
        let now = self.now();
        let known = now.value().filter(|old| ***old == value);
        if known.is_some() && now.failure() == Some(failure) {
            return;
        }
        let told = now.failure().map(|told| told.since);
        let failure = Failure {
            reason: Arc::clone(&failure.reason),
            since: told.map_or(failure.since, |told| told.min(failure.since)),
        };
        let value = known.map_or_else(|| Arc::new(value), Arc::clone);
        self.store(State::Stale(value, failure));
    }

    /// Says that the source is in trouble. The last good value stays.
    pub fn fail(&mut self, reason: impl Into<Arc<str>>) {
        let failure = Failure {
            reason: reason.into(),
            since: Instant::now(),
        };
        let next = match &**self.cell.state.load() {
            State::Failed(old) | State::Stale(_, old) if *old == failure => return,
            State::Ready(value) => State::Stale(Arc::clone(value), failure),
            State::Stale(value, old) => State::Stale(
                Arc::clone(value),
                Failure {
                    since: old.since,
                    ..failure
                },
            ),
            State::Failed(old) => State::Failed(Failure {
                since: old.since,
                ..failure
            }),
            State::Pending => State::Failed(failure),
        };
        self.store(next);
    }

    /// What was published last.
    pub fn now(&self) -> Arc<State<T>> {
        self.cell.state.load_full()
    }

    /// A reader of this value; also after the last one had gone.
    pub fn live(&mut self) -> Live<T> {
        let readers = self.readers.upgrade().unwrap_or_else(|| {
            let readers = Arc::new(Readers {
                cell: Arc::clone(&self.cell),
                task: Mutex::new(None),
            });
            self.readers = Arc::downgrade(&readers);
            readers
        });
        Live {
            cell: Arc::clone(&self.cell),
            readers,
            seen: 0,
        }
    }

    /// Whether somebody reads the value.
    pub fn is_read(&self) -> bool {
        self.readers.strong_count() > 0
    }

    /// Waits until nobody reads the value.
    pub async fn unread(&self) {
        while self.is_read() {
            let unread = self.cell.unread.notified();
            tokio::pin!(unread);
            unread.as_mut().enable();
            if !self.is_read() {
                return;
            }
            unread.await;
        }
    }

    fn store(&self, state: State<T>) {
        self.put(Arc::new(state));
    }

    fn put(&self, state: Arc<State<T>>) {
        self.cell.state.store(state);
        self.cell.version.fetch_add(1, Ordering::Release);
        self.cell.changed.notify_waiters();
    }
}

impl<T: fmt::Debug> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publisher").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_is_woken_only_by_news() {
        let (mut publisher, mut live) = channel();
        publisher.set(1);
        assert_eq!(live.changed().await.value().map(|v| **v), Some(1));
        publisher.set(1);
        let quiet = tokio::time::timeout(Duration::from_secs(1), live.changed()).await;
        assert!(quiet.is_err(), "an equal value is no news");
        publisher.set(2);
        assert_eq!(live.changed().await.value().map(|v| **v), Some(2));
    }

    #[tokio::test]
    async fn a_change_between_looking_and_waiting_is_not_missed() {
        let (mut publisher, mut live) = channel();
        assert!(live.now().is_pending());
        publisher.set(7);
        assert_eq!(live.changed().await.value().map(|v| **v), Some(7));
    }

    #[test]
    fn a_failure_keeps_the_last_good_value() {
        let (mut publisher, live) = channel();
        publisher.fail("away");
        assert!(matches!(&*live.now(), State::Failed(f) if &*f.reason == "away"));
        publisher.set("good");
        publisher.fail("away again");
        assert!(
            matches!(&*live.now(), State::Stale(v, f) if **v == "good" && &*f.reason == "away again")
        );
        publisher.set("good");
        assert!(matches!(&*live.now(), State::Ready(v) if **v == "good"));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_as_old_as_its_beginning_whatever_is_published_meanwhile() {
        let (mut publisher, mut live) = channel();
        let began = Instant::now();
        let failure = |reason: &str| Failure {
            reason: reason.into(),
            since: Instant::now(),
        };
        publisher.set_stale(1, &failure("away"));
        tokio::time::advance(Duration::from_secs(9)).await;
        live.see();
        publisher.set_stale(1, &failure("away"));
        let quiet = tokio::time::timeout(Duration::from_secs(1), live.changed()).await;
        assert!(quiet.is_err(), "the same value and trouble are no news");
        for (value, reason) in [(2, "away"), (2, "still away")] {
            publisher.set_stale(value, &failure(reason));
            let state = live.changed().await;
            assert_eq!(state.value().map(|v| **v), Some(value));
            let told = state.failure().expect("trouble");
            assert_eq!((&*told.reason, told.since), (reason, began));
        }
        publisher.set(2);
        assert!(matches!(&*live.now(), State::Ready(v) if **v == 2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_shared_is_published_as_it_is_and_only_as_news() {
        let (mut publisher, mut live) = channel();
        let shared = Arc::new(State::Ready(Arc::new(1)));
        publisher.set_shared(&shared);
        assert!(Arc::ptr_eq(&live.changed().await, &shared));
        publisher.set_shared(&Arc::new(State::Ready(Arc::new(1))));
        let quiet = tokio::time::timeout(Duration::from_secs(1), live.changed()).await;
        assert!(quiet.is_err(), "an equal value is no news");
        publisher.fail("away");
        live.changed().await;
        publisher.set_shared(&shared);
        assert!(Arc::ptr_eq(&live.changed().await, &shared));
    }

    #[tokio::test(start_paused = true)]
    async fn ready_waits_for_a_value_and_names_what_stood_in_the_way() {
        let (mut publisher, live) = channel::<i32>();
        publisher.fail("no route to host");
        let deadline = Instant::now() + Duration::from_secs(1);
        let error = live.ready(deadline).await.unwrap_err();
        assert_eq!(error.to_string(), "no route to host");
        publisher.set(5);
        assert_eq!(live.ready(deadline).await.map(|v| *v), Ok(5));
    }

    #[tokio::test]
    async fn the_publisher_learns_that_nobody_reads() {
        let (mut publisher, live) = channel::<i32>();
        let other = live.clone();
        drop(live);
        assert!(publisher.is_read());
        drop(other);
        publisher.unread().await;
        let back = publisher.live();
        publisher.set(1);
        assert_eq!(back.value().as_deref(), Some(&1));
        assert!(publisher.is_read());
    }
}
