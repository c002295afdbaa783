//! Routes of requests that bring rules along. They are few and short-lived, and never push out the routes of the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Route;
use crate::headers::Overrides;
use crate::identify::Key;
use crate::stats::RouterStats;

/// How many are kept.
const LIMIT: usize = 100;

/// The routes of names with rules, by name and rules as they were written.
#[derive(Debug)]
pub(crate) struct Overridden {
    routes: Mutex<HashMap<Slot, Arc<Route>>>,
    stats: Arc<RouterStats>,
}

type Slot = (usize, Box<[u8]>, Overrides);

impl Overridden {
    pub(crate) fn new(stats: Arc<RouterStats>) -> Self {
        Self {
            routes: Mutex::default(),
            stats,
        }
    }

    /// The route of this name with these rules; made if it is not known.
    pub(crate) fn get_or_add<E>(
        &self,
        key: &Key<'_>,
        overrides: Overrides,
        make: impl FnOnce(&Overrides) -> Result<Arc<Route>, E>,
    ) -> Result<Arc<Route>, E> {
        let slot = (key.identifier, key.text.as_ref().into(), overrides);
        let mut routes = self.lock();
        if let Some(route) = routes.get(&slot) {
            return Ok(Arc::clone(route));
        }
        let route = make(&slot.2)?;
        self.stats.paths.misses.inc();
        if routes.len() >= LIMIT {
            let idlest = routes.iter().min_by_key(|(_, route)| route.last_used());
            if let Some(slot) = idlest.map(|(slot, _)| slot.clone()) {
                routes.remove(&slot);
                self.stats.paths.evicts.inc();
            }
        }
        routes.insert(slot, Arc::clone(&route));
        Ok(route)
    }

    /// Removes routes that were last used before this tick.
    pub(crate) fn expire(&self, before: u32) {
        let mut routes = self.lock();
        let all = routes.len();
        routes.retain(|_, route| route.last_used() >= before);
        self.stats.paths.expires.add((all - routes.len()) as u64);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Arc<Route>>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
