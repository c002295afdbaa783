//! The connections of an endpoint that wait for the next request, and how many there may be.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::Connection;
use super::rules::Rules;

/// Boxed, because a connection has hundreds of bytes and moves with each request.
type Idle = Vec<Box<Connection>>;

/// Idle connections belong to one worker each; the last returned is the next taken. They close with the endpoint: when its address has
/// left the set and nothing is in flight any more.
pub(crate) struct Pool {
    by_worker: Box<[Mutex<Idle>]>,
    idle_time: Duration,
    life_time: Option<Duration>,
    min_size: usize,
    bounds: Option<Arc<Bounds>>,
}

/// How many connections may be in use, and how many requests may wait for one.
#[derive(Debug)]
struct Bounds {
    max_size: usize,
    max_waiters: usize,
    /// One permit for each connection that may be in use.
    room: Arc<Semaphore>,
    /// Requests that use a connection or wait for one. Both are counted as one number, because whoever is given a permit waits still
    /// until its task runs.
    inside: AtomicUsize,
}

/// Leave to use a connection of an endpoint, which goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    /// Those who come are counted by the first, so that goes first.
    _counted: Option<(Inside, OwnedSemaphorePermit)>,
}

/// Why there is no leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoom {
    #[error("as many requests as may wait for one of its connections already (maxWaiters)")]
    TooManyWaiters,
    #[error("none of its connections became free in time (maxSize)")]
    TimedOut,
}

impl Pool {
    pub(super) fn new(rules: &Rules, workers: usize) -> Self {
        let (pool, session) = (&rules.settings.pool, &rules.settings.session);
        let idle_time = session
            .idle
            .map_or(pool.idle_time, |idle| idle.min(pool.idle_time));
        let bounds = |max_size: usize| {
            Arc::new(Bounds {
                max_size,
                max_waiters: pool.max_waiters.unwrap_or(usize::MAX),
                room: Arc::new(Semaphore::new(max_size.min(Semaphore::MAX_PERMITS))),
                inside: AtomicUsize::new(0),
            })
        };
        Self {
            by_worker: (0..workers).map(|_| Mutex::default()).collect(),
            idle_time,
            life_time: session.life,
            min_size: pool.min_size,
            bounds: pool.max_size.map(bounds),
        }
    }

    /// Leave to use a connection, where there may be any number of them. Elsewhere it has to be [waited](Self::enter) for.
    pub(crate) fn try_enter(&self) -> Option<Permit> {
        self.bounds.is_none().then_some(Permit { _counted: None })
    }

    /// Waits for leave to use a connection.
    ///
    /// # Errors
    /// At once if too many wait already, else at the deadline. Cancelling gives up the place in the queue.
    pub(crate) async fn enter(&self, deadline: Instant) -> Result<Permit, NoRoom> {
        let Some(bounds) = &self.bounds else {
            return Ok(Permit { _counted: None });
        };
        let inside = Inside::begin(bounds)?;
        let permit = match Arc::clone(&bounds.room).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => bounds.wait(deadline).await?,
        };
        Ok(Permit {
            _counted: Some((inside, permit)),
        })
    }

    /// The worker's connection that was used last, of those that are good for another request.
    pub(crate) fn take_idle(&self, worker: usize, now: Instant) -> Option<Box<Connection>> {
        let mut idle = self.idle(worker);
        while let Some(connection) = idle.pop() {
            let is_fresh = now.saturating_duration_since(connection.returned) < self.idle_time
                || idle.len() < self.min_size;
            if is_fresh && self.is_young(&connection, now) && connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the worker's next request, unless it has lived long enough.
    pub(crate) fn keep(&self, worker: usize, mut connection: Box<Connection>, now: Instant) {
        if self.is_young(&connection, now) {
            connection.returned = now;
            self.idle(worker).push(connection);
        }
    }

    /// Makes room for a new connection where their number is bounded: those in use and those that wait count alike, and one that waits
    /// for another worker is worth less than a request.
    pub(crate) fn make_room(&self) {
        let Some(bounds) = &self.bounds else { return };
        let mut left = bounds.max_size - bounds.in_use();
        for worker in 0..self.by_worker.len() {
            let mut idle = self.idle(worker);
            let surplus = idle.len().saturating_sub(left);
            idle.drain(..surplus);
            left -= idle.len();
        }
    }

    /// Closes what waited too long, and what the other side has closed.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut kept = 0;
        for worker in 0..self.by_worker.len() {
            self.idle(worker).retain(|connection| {
                let is_fresh = now.saturating_duration_since(connection.returned) < self.idle_time;
                let stays = connection.is_open()
                    && self.is_young(connection, now)
                    && (is_fresh || kept < self.min_size);
                kept += usize::from(stays);
                stays
            });
        }
    }

    /// How many connections wait for a request.
    pub(crate) fn idle_count(&self) -> usize {
        (0..self.by_worker.len())
            .map(|worker| self.idle(worker).len())
            .sum()
    }

    /// How many requests wait for a connection.
    pub(crate) fn waiting(&self) -> usize {
        self.bounds.as_ref().map_or(0, |bounds| {
            let inside = bounds.inside.load(Ordering::Relaxed);
            inside.saturating_sub(bounds.in_use())
        })
    }

    fn is_young(&self, connection: &Connection, now: Instant) -> bool {
        self.life_time
            .is_none_or(|life| now.saturating_duration_since(connection.opened) < life)
    }

    fn idle(&self, worker: usize) -> MutexGuard<'_, Idle> {
        // Only the sweeper, and whoever makes room, ever stand in the worker's way.
        self.by_worker[worker]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bounds {
    fn in_use(&self) -> usize {
        let free = self.room.available_permits();
        self.max_size.saturating_sub(free)
    }

    async fn wait(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, NoRoom> {
        let permit = timeout_at(deadline, Arc::clone(&self.room).acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            // It is never closed.
            Ok(Err(_)) | Err(_) => Err(NoRoom::TimedOut),
        }
    }
}

/// One of those that use a connection or wait for one, however it ends.
#[derive(Debug)]
struct Inside(Arc<Bounds>);

impl Inside {
    fn begin(bounds: &Arc<Bounds>) -> Result<Self, NoRoom> {
        let most = bounds.max_size.saturating_add(bounds.max_waiters);
        let before = bounds.inside.fetch_add(1, Ordering::Relaxed);
        let inside = Self(Arc::clone(bounds));
        if before < most {
            Ok(inside)
        } else {
            Err(NoRoom::TooManyWaiters)
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use config::ClientSettings;

    use super::*;

    #[tokio::test]
    async fn who_was_given_a_connection_waits_no_more_even_if_it_does_not_know() {
        let mut settings = ClientSettings::default();
        (settings.pool.max_size, settings.pool.max_waiters) = (Some(1), Some(1));
        let pool = Pool::new(&settings.into(), 1);
        let mut cx = Context::from_waker(Waker::noop());
        let deadline = Instant::now() + Duration::from_secs(60);

        let first = pool.enter(deadline).await.expect("there is room");
        let mut second = pin!(pool.enter(deadline));
        assert!(second.as_mut().poll(&mut cx).is_pending());
        assert_eq!(pool.waiting(), 1);
        let refused = pool.enter(deadline).await.map(drop);
        assert_eq!(refused, Err(NoRoom::TooManyWaiters));

        drop(first);
        let mut third = pin!(pool.enter(deadline));
        assert!(third.as_mut().poll(&mut cx).is_pending());
        assert_eq!(pool.waiting(), 1);
        let Poll::Ready(second) = second.poll(&mut cx) else {
            panic!("it has had its turn");
        };
        drop(second.expect("leave"));
        assert!(third.poll(&mut cx).is_ready());
        assert_eq!(pool.waiting(), 0);
    }
}
