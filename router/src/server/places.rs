//! How much is taken on at once. Whatever comes on top is turned away before anybody works on it, so that a service that slows down
//! fills neither the memory nor the places of others.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Full;
use crate::wire;

/// The bounds of a server, and of the process that it is a part of.
#[derive(Debug)]
pub(crate) struct Places {
    /// Each worker's share of the requests that the process takes at once: it counts its own, and asks nobody.
    share: usize,
    /// How many bytes a worker may hold for messages on their way.
    bytes: usize,
    /// How many requests the server takes at once, if that is bounded.
    server: Option<Bound>,
}

#[derive(Debug)]
struct Bound {
    most: usize,
    taken: Arc<AtomicUsize>,
}

/// What a request takes until its answer has been passed on.
#[derive(Debug)]
pub(crate) struct Place<'a>(Option<&'a Bound>);

thread_local! {
    /// How many places of this worker are taken.
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

impl Places {
    /// `server` bounds one server; the rest bounds the process, and is shared by so many workers.
    pub(crate) fn new(
        server: Option<usize>,
        requests: usize,
        bytes: usize,
        workers: usize,
    ) -> Self {
        let bound = |most| Bound {
            most,
            taken: Arc::default(),
        };
        Self {
            share: requests.div_ceil(workers),
            bytes: bytes / workers,
            server: server.map(bound),
        }
    }

    /// Counts the requests that have places there as well.
    pub(super) fn go_on_from(&mut self, before: &Self) {
        if let (Some(bound), Some(before)) = (&mut self.server, &before.server) {
            bound.taken = Arc::clone(&before.taken);
        }
    }

    /// A place on this worker, if there is one.
    pub(crate) fn take(&self) -> Result<Place<'_>, Full> {
        if TAKEN.get() >= self.share {
            return Err(Full::Process);
        }
        if wire::lent_bytes() >= self.bytes {
            return Err(Full::Bytes);
        }
        let server = self.server.as_ref();
        if let Some(bound) = server
            && bound.taken.fetch_add(1, Ordering::Relaxed) >= bound.most
        {
            bound.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Server);
        }
        TAKEN.set(TAKEN.get() + 1);
        Ok(Place(server))
    }

    /// How many requests a single client may have in flight, now that places are scarce; none while they are not.
    ///
    /// A client is counted over all workers, and refused by each from half of its own share on: so none has more than half of
    /// any worker's places, nor of all.
    pub(crate) fn most_for_one(&self) -> Option<usize> {
        let half = self.share / 2;
        (TAKEN.get() > half).then_some(half)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // A thread that ends counts nothing any more.
        let _ = TAKEN.try_with(|taken| taken.set(taken.get().saturating_sub(1)));
        if let Some(bound) = self.0 {
            bound.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_takes_its_share_and_no_more() {
        let places = Places::new(None, 7, 1024, 2);
        let mut taken: Vec<_> = (0..4).map(|_| places.take().expect("a place")).collect();
        assert!(matches!(places.take(), Err(Full::Process)));
        taken.pop();
        drop(places.take().expect("the place that was left"));
        assert_eq!(places.most_for_one(), Some(2));
        taken.pop();
        assert_eq!(places.most_for_one(), None);
    }

    #[test]
    fn a_server_may_have_a_bound_of_its_own() {
        let places = Places::new(Some(1), 100, 1024, 1);
        let other = Places::new(None, 100, 1024, 1);
        let first = places.take().expect("a place");
        assert!(matches!(places.take(), Err(Full::Server)));
        drop(other.take().expect("others are not bound by it"));
        drop(first);
        drop(places.take().expect("the place that was left"));
    }

    #[test]
    fn who_holds_too_many_bytes_takes_nothing_on() {
        assert!(matches!(
            Places::new(None, 100, 0, 1).take(),
            Err(Full::Bytes)
        ));
    }
}
