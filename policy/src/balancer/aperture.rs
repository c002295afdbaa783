//! Few nodes for little load: they stay warm, and others have less to do with this router.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::nanos;
use crate::ema::Ema;
use crate::node::Node;

/// How often within the window the load is looked at.
const LOOKS: u64 = 100;

/// How many nodes of a class are used, by the average of the load.
///
/// The reference looks at the load when each request begins and ends. We look at all nodes, and only now and then: the average
/// is the same, and requests need not write where all others write. Source: finagle `LoadBand`.
#[derive(Debug)]
pub(super) struct Aperture {
    limits: Limits,
    /// How many nodes are used.
    size: AtomicUsize,
    /// How many of the first ones hold so many that are usable.
    reach: AtomicUsize,
    /// When the load is looked at again.
    next_look: AtomicU64,
    load: Mutex<Ema>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) smooth_window: Duration,
    pub(super) low_load: f64,
    pub(super) high_load: f64,
    pub(super) min_aperture: usize,
}

impl Aperture {
    pub(super) fn new(limits: Limits) -> Self {
        let least = limits.min_aperture.max(1);
        Self {
            limits,
            size: AtomicUsize::new(least),
            reach: AtomicUsize::new(least),
            next_look: AtomicU64::new(0),
            load: Mutex::new(Ema::new(nanos(limits.smooth_window) as f64)),
        }
    }

    /// How many of the first members are drawn from.
    pub(super) fn reach(&self, members: usize) -> usize {
        self.reach.load(Ordering::Relaxed).min(members)
    }

    pub(super) fn size(&self, members: usize) -> usize {
        self.size.load(Ordering::Relaxed).min(members)
    }

    /// Looks at the load, if it is time to.
    pub(super) fn look<N: Node>(
        &self,
        now: Duration,
        members: &[Arc<N>],
        is_usable: impl Fn(&N) -> bool,
    ) {
        let (now, relaxed) = (nanos(now), Ordering::Relaxed);
        let due = self.next_look.load(relaxed);
        let next = now + nanos(self.limits.smooth_window) / LOOKS;
        let is_ours = now >= due
            && self
                .next_look
                .compare_exchange(due, next, relaxed, relaxed)
                .is_ok();
        if !is_ours {
            return;
        }
        let pending: usize = members.iter().map(|node| node.pending()).sum();
        let load = self
            .load
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .update(now, pending as f64);
        let size = self
            .limits
            .fit(self.size.load(relaxed), load, members.len());
        self.size.store(size, relaxed);
        let usable = members.iter().enumerate();
        let usable = usable.filter(|(_, node)| is_usable(node));
        let reach = usable
            .map(|(at, _)| at + 1)
            .nth(size - 1)
            .unwrap_or(members.len());
        self.reach.store(reach, relaxed);
    }
}

impl Limits {
    /// How many nodes the load needs. The reference goes there by one for each request.
    fn fit(&self, size: usize, load: f64, members: usize) -> usize {
        let mut size = size;
        let of_each = load / size as f64;
        if of_each >= self.high_load {
            size = (load / self.high_load) as usize + 1;
        } else if of_each <= self.low_load {
            size = (load / self.low_load).ceil() as usize;
            size = size.saturating_sub(1);
        }
        size.min(members).max(self.min_aperture.min(members)).max(1)
    }
}

impl Clone for Aperture {
    fn clone(&self) -> Self {
        let load = *self.load.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            limits: self.limits,
            size: AtomicUsize::new(self.size.load(Ordering::Relaxed)),
            reach: AtomicUsize::new(self.reach.load(Ordering::Relaxed)),
            // At once, because other nodes may be usable.
            next_look: AtomicU64::new(0),
            load: Mutex::new(load),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(size: usize, load: f64, members: usize, expected: usize) {
        let limits = Limits {
            smooth_window: Duration::from_secs(5),
            low_load: 0.5,
            high_load: 2.0,
            min_aperture: 2,
        };
        assert_eq!(
            limits.fit(size, load, members),
            expected,
            "{size} {load} {members}"
        );
    }

    #[test]
    fn the_aperture_keeps_the_load_of_each_node_within_the_band() {
        check(4, 4.0, 10, 4);
        check(4, 7.9, 10, 4);
        check(4, 8.0, 10, 5);
        check(4, 2.1, 10, 4);
        check(4, 2.0, 10, 3);
        check(4, 1.0, 10, 2);
        check(4, 0.0, 10, 2);
        check(4, 1000.0, 10, 10);
        check(2, 0.0, 1, 1);
    }
}
