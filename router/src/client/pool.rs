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
    bounds: Option<Box<Bounds>>,
}

/// How many connections may be in use, and how many requests may wait for one.
struct Bounds {
    max_size: usize,
    max_waiters: usize,
    /// One permit for each connection that may be in use.
    room: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Leave to use a connection of an endpoint, which goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _counted: Option<OwnedSemaphorePermit>,
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
            Box::new(Bounds {
                max_size,
                max_waiters: pool.max_waiters.unwrap_or(usize::MAX),
                room: Arc::new(Semaphore::new(max_size.min(Semaphore::MAX_PERMITS))),
                waiting: AtomicUsize::new(0),
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

    /// Leave to use a connection, if there may be one more now.
    pub(crate) fn enter(&self) -> Option<Permit> {
        let counted = match &self.bounds {
            None => None,
            Some(bounds) => Some(Arc::clone(&bounds.room).try_acquire_owned().ok()?),
        };
        Some(Permit { _counted: counted })
    }

    /// Waits for leave to use a connection.
    ///
    /// # Errors
    /// At once if too many wait already, else at the deadline. Cancelling gives up the place in the queue.
    pub(crate) async fn wait(&self, deadline: Instant) -> Result<Permit, NoRoom> {
        let counted = match &self.bounds {
            None => None,
            Some(bounds) => Some(bounds.wait(deadline).await?),
        };
        Ok(Permit { _counted: counted })
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
        let in_use = bounds.max_size - bounds.room.available_permits().min(bounds.max_size);
        let mut left = bounds.max_size - in_use;
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
        let bounds = self.bounds.as_ref();
        bounds.map_or(0, |bounds| bounds.waiting.load(Ordering::Relaxed))
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
    async fn wait(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, NoRoom> {
        let _waiting = Waiting::begin(self)?;
        let permit = timeout_at(deadline, Arc::clone(&self.room).acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            // It is never closed.
            Ok(Err(_)) | Err(_) => Err(NoRoom::TimedOut),
        }
    }
}

/// One of those that wait, however it ends.
struct Waiting<'a>(&'a Bounds);

impl<'a> Waiting<'a> {
    fn begin(bounds: &'a Bounds) -> Result<Self, NoRoom> {
        let waiting = Self(bounds);
        match bounds.waiting.fetch_add(1, Ordering::Relaxed) < bounds.max_waiters {
            true => Ok(waiting),
            false => Err(NoRoom::TooManyWaiters),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
