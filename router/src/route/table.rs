//! The routes of a router, by the key that its identifiers find. Requests read it without a lock.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::Route;
use crate::identify::Key;
use crate::stats::RouterStats;

/// All routes without rules of their own, at most `limit` of them.
pub(crate) struct Routes {
    /// By identifier.
    tables: Vec<[ArcSwap<Shard>; SHARDS]>,
    limit: usize,
    len: AtomicUsize,
    /// Held while something is added or removed.
    writing: Mutex<()>,
    stats: Arc<RouterStats>,
}

/// A route and its key.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) identifier: usize,
    pub(crate) text: Arc<[u8]>,
    pub(crate) route: Arc<Route>,
}

/// A shard is copied to add a route, so there are some.
const SHARDS: usize = 64;

type Shard = HashMap<Arc<[u8]>, Arc<Route>>;

impl Routes {
    pub(crate) fn new(identifiers: usize, limit: usize, stats: Arc<RouterStats>) -> Self {
        Self {
            tables: (0..identifiers)
                .map(|_| std::array::from_fn(|_| ArcSwap::default()))
                .collect(),
            limit,
            len: AtomicUsize::new(0),
            writing: Mutex::new(()),
            stats,
        }
    }

    /// The route of a key, if it is known.
    pub(crate) fn get(&self, key: &Key<'_>) -> Option<Arc<Route>> {
        self.shard(key).load().get(&*key.text).cloned()
    }

    /// The route of a key that was not known a moment ago. Where there is no room, the routes that were idle for longest go.
    pub(crate) fn get_or_add(&self, key: &Key<'_>, make: impl FnOnce() -> Route) -> Arc<Route> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = self.get(key) {
            return route;
        }
        self.stats.paths.misses.inc();
        if self.len.load(Ordering::Relaxed) >= self.limit {
            self.evict(self.limit / 32 + 1);
        }
        let route = Arc::new(make());
        let text: Arc<[u8]> = Arc::from(&*key.text);
        self.replace(self.shard(key), |shard| {
            shard.insert(text, Arc::clone(&route));
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
        self.shards()
            .flat_map(|shard| shard.load().values().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// All routes with their keys.
    pub(crate) fn known(&self) -> Vec<Known> {
        let mut all = Vec::new();
        for (identifier, shards) in self.tables.iter().enumerate() {
            for shard in shards {
                let shard = shard.load();
                all.extend(shard.iter().map(|(text, route)| Known {
                    identifier,
                    text: Arc::clone(text),
                    route: Arc::clone(route),
                }));
            }
        }
        all
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
        for shard in self.shards() {
            if removed < limit && shard.load().values().any(|route| is_chosen(route)) {
                removed += self.replace(shard, |routes| {
                    let mut left = limit - removed;
                    routes.retain(|_, route| {
                        let goes = left > 0 && is_chosen(route);
                        left -= usize::from(goes);
                        !goes
                    });
                });
            }
        }
        removed
    }

    /// Changes a copy and puts it in place. Says how many entries it lost.
    fn replace(&self, shard: &ArcSwap<Shard>, change: impl FnOnce(&mut Shard)) -> usize {
        let mut next = Shard::clone(&shard.load());
        let before = next.len();
        change(&mut next);
        let after = next.len();
        shard.store(Arc::new(next));
        self.len.fetch_add(after, Ordering::Relaxed);
        self.len.fetch_sub(before, Ordering::Relaxed);
        before.saturating_sub(after)
    }

    fn shard(&self, key: &Key<'_>) -> &ArcSwap<Shard> {
        let mixed = key.text.iter().fold(key.text.len(), |mixed, byte| {
            mixed.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        &self.tables[key.identifier][mixed % SHARDS]
    }

    fn shards(&self) -> impl Iterator<Item = &ArcSwap<Shard>> {
        self.tables.iter().flatten()
    }
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
