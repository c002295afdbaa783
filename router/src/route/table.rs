//! The routes of a router, by the key that its identifiers find. Requests read it without a lock.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::{Ahead, Route};
use crate::identify::Key;
use crate::stats::RouterStats;

/// All routes without rules of their own, at most `limit` of them.
pub(crate) struct Routes {
    shards: [ArcSwap<Shard>; SHARDS],
    /// With keys of its own in each process: strangers choose names, and may not choose where they are kept.
    hasher: RandomState,
    limit: usize,
    len: AtomicUsize,
    /// Held while something is added or removed.
    writing: Mutex<()>,
    stats: Arc<RouterStats>,
}

/// A shard is copied to add a route, so there are some.
const SHARDS: usize = 64;

impl Routes {
    pub(crate) fn new(limit: usize, stats: Arc<RouterStats>) -> Self {
        Self {
            shards: std::array::from_fn(|_| ArcSwap::default()),
            hasher: RandomState::new(),
            limit,
            len: AtomicUsize::new(0),
            writing: Mutex::new(()),
            stats,
        }
    }

    /// The route of a key, if it is known.
    pub(crate) fn get(&self, key: &Key<'_>) -> Option<Arc<Route>> {
        let hash = self.hash(key);
        self.shard(hash).load().get(hash, key).cloned()
    }

    /// The route of a key that was not known a moment ago. Where there is no room, the routes that were idle for longest go.
    pub(crate) fn get_or_add(
        &self,
        key: &Key<'_>,
        make: impl FnOnce() -> Arc<Route>,
    ) -> Arc<Route> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = self.get(key) {
            return route;
        }
        self.stats.paths.misses.inc();
        if self.len.load(Ordering::Relaxed) >= self.limit {
            self.evict(self.limit / 32 + 1);
        }
        let (hash, route) = (self.hash(key), make());
        self.replace(self.shard(hash), |slots| {
            slots.push(Slot {
                hash,
                ahead: route.ahead(),
                route: Arc::clone(&route),
            });
        });
        route
    }

    /// Removes routes that were last used before this tick.
    pub(crate) fn expire(&self, before: u32) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = self.remove(|route| route.last_used() < before, usize::MAX);
        self.stats.paths.expires.add(expired as u64);
    }

    /// All routes.
    pub(crate) fn all(&self) -> Vec<Arc<Route>> {
        let all = self.shards.iter();
        all.flat_map(|shard| shard.load().routes().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Some at once, so that a full table is not searched for every new name.
    fn evict(&self, count: usize) {
        let mut used: Vec<u32> = self.all().iter().map(|route| route.last_used()).collect();
        if used.is_empty() {
            return;
        }
        let nth = count.min(used.len()) - 1;
        let (_, last, _) = used.select_nth_unstable(nth);
        let last = *last;
        let evicted = self.remove(|route| route.last_used() <= last, count);
        self.stats.paths.evicts.add(evicted as u64);
    }

    /// Removes at most `limit` routes of those chosen, and says how many.
    fn remove(&self, is_chosen: impl Fn(&Route) -> bool, limit: usize) -> usize {
        let mut removed = 0;
        for shard in &self.shards {
            if removed < limit && shard.load().routes().any(|route| is_chosen(route)) {
                removed += self.replace(shard, |slots| {
                    let mut left = limit - removed;
                    slots.retain(|slot| {
                        let goes = left > 0 && is_chosen(&slot.route);
                        left -= usize::from(goes);
                        !goes
                    });
                });
            }
        }
        removed
    }

    /// Changes a copy and puts it in place. Says how many entries it lost.
    fn replace(&self, shard: &ArcSwap<Shard>, change: impl FnOnce(&mut Vec<Slot>)) -> usize {
        let mut slots: Vec<Slot> = shard.load().filled().cloned().collect();
        let before = slots.len();
        change(&mut slots);
        let after = slots.len();
        shard.store(Arc::new(Shard::of(slots)));
        self.len.fetch_add(after, Ordering::Relaxed);
        self.len.fetch_sub(before, Ordering::Relaxed);
        before.saturating_sub(after)
    }

    fn hash(&self, key: &Key<'_>) -> u64 {
        // Which identifier found it is seen when keys are compared.
        let mut hasher = self.hasher.build_hasher();
        hasher.write(&key.text);
        hasher.finish()
    }

    fn shard(&self, hash: u64) -> &ArcSwap<Shard> {
        // Slots are found by the other end of it.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

/// Some of the routes, in one piece of memory: each in the first free slot from where its hash points to.
#[derive(Debug)]
struct Shard {
    /// A power of two, of which one at least is free.
    slots: Box<[Option<Slot>]>,
}

#[derive(Clone, Debug)]
struct Slot {
    hash: u64,
    route: Arc<Route>,
    ahead: Ahead,
}

impl Default for Shard {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Shard {
    fn of(filled: Vec<Slot>) -> Self {
        let len = (filled.len() * 4 / 3 + 1).next_power_of_two();
        let mut slots: Box<[Option<Slot>]> = (0..len).map(|_| None).collect();
        for slot in filled {
            let free = probe(slot.hash, len).find(|at| slots[*at].is_none());
            let free = free.expect("there are more slots than routes");
            slots[free] = Some(slot);
        }
        Self { slots }
    }

    fn get(&self, hash: u64, key: &Key<'_>) -> Option<&Arc<Route>> {
        let from_here = probe(hash, self.slots.len()).map_while(|at| self.slots[at].as_ref());
        from_here
            .filter(|slot| slot.hash == hash)
            .inspect(|slot| slot.ahead.prefetch(&slot.route))
            .map(|slot| &slot.route)
            .find(|route| route.texts.key() == *key)
    }

    fn filled(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.filled().map(|slot| &slot.route)
    }
}

/// The slots where a route may be, in order.
fn probe(hash: u64, len: usize) -> impl Iterator<Item = usize> {
    (0..len).map(move |step| (hash as usize).wrapping_add(step) & (len - 1))
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Routes({} of {})",
            self.len.load(Ordering::Relaxed),
            self.limit
        )
    }
}
