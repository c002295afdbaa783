//! One address, and the connections that wait there for the next request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use crate::balance::Loaded;

/// How long a connection may wait for its next request. Shorter than the keep-alive of common servers, so that we close first.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(60);

/// Boxed, because a connection has hundreds of bytes and moves with each request.
type Pool = Vec<Box<Connection>>;

/// An address of a client. Its load is shared by all workers, its idle connections belong to one each.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    in_flight: AtomicUsize,
    /// By worker; the last returned is the next taken. They close with the endpoint: when its address has left the set and
    /// nothing is in flight any more.
    pools: Box<[Mutex<Pool>]>,
}

impl Endpoint {
    pub(crate) fn new(address: SocketAddr, workers: usize) -> Self {
        Self {
            address,
            in_flight: AtomicUsize::new(0),
            pools: (0..workers).map(|_| Mutex::default()).collect(),
        }
    }

    /// The worker's connection that was used last, of those that are open.
    pub(crate) fn take_idle(&self, worker: usize) -> Option<Box<Connection>> {
        let mut pool = self.pool(worker);
        while let Some(connection) = pool.pop() {
            if connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the worker's next request.
    pub(crate) fn keep(&self, worker: usize, mut connection: Box<Connection>, now: Instant) {
        connection.returned = now;
        self.pool(worker).push(connection);
    }

    /// Closes what waited too long, and what the other side has closed.
    pub(crate) fn sweep(&self, now: Instant) {
        for worker in 0..self.pools.len() {
            self.pool(worker).retain(|connection| {
                now.duration_since(connection.returned) < IDLE_TIME && connection.is_open()
            });
        }
    }

    fn pool(&self, worker: usize) -> MutexGuard<'_, Pool> {
        // Only the sweeper ever stands in the worker's way.
        self.pools[worker]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded for Endpoint {
    fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}, load {})", self.address, self.load())
    }
}

/// A request on its way to an endpoint, until its response has ended.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) endpoint: Arc<Endpoint>,
}

impl InFlight {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { endpoint }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
