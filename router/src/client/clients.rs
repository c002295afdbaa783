//! The clients of a router, by bound id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use namer::{Bound, BoundId};
use tokio::time::Instant;

use super::{Client, Connecting};
use crate::stats::RouterStats;

/// One client for each bound id in use. Asked when a binding changes, never by a request.
#[derive(Debug)]
pub(crate) struct Clients {
    kept: Mutex<HashMap<BoundId, Kept>>,
    workers: usize,
    limit: usize,
    idle_ttl: Duration,
    connecting: Connecting,
    stats: Arc<RouterStats>,
}

#[derive(Debug)]
struct Kept {
    client: Arc<Client>,
    /// When some route was last seen to use it.
    used: Instant,
}

impl Kept {
    /// Whether a route leads to it.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.client) > 1
    }
}

impl Clients {
    pub(crate) fn new(
        workers: usize,
        limit: usize,
        idle_ttl: Duration,
        connecting: Connecting,
        stats: Arc<RouterStats>,
    ) -> Self {
        Self {
            kept: Mutex::default(),
            workers,
            limit,
            idle_ttl,
            connecting,
            stats,
        }
    }

    /// The client of a bound name, which follows the name's addresses from now on. Starts tasks where it is called.
    pub(crate) fn of(&self, bound: &Bound) -> Arc<Client> {
        let now = Instant::now();
        let mut kept = self.lock();
        if let Some(known) = kept.get_mut(&bound.id) {
            known.used = now;
            known.client.follow(&bound.addresses);
            return Arc::clone(&known.client);
        }
        self.stats.clients.misses.inc();
        self.make_room(&mut kept);
        let stats = self.stats.client(&bound.id);
        let client = Arc::new(Client::new(
            bound.id.clone(),
            bound.addresses.clone(),
            self.workers,
            self.connecting.clone(),
            stats,
        ));
        kept.insert(
            bound.id.clone(),
            Kept {
                client: Arc::clone(&client),
                used: now,
            },
        );
        client
    }

    /// Drops the one that was unused for longest, if there are too many. Those in use stay: routes are bounded as well.
    fn make_room(&self, kept: &mut HashMap<BoundId, Kept>) {
        if kept.len() < self.limit {
            return;
        }
        let unused = kept.iter().filter(|(_, kept)| !kept.is_in_use());
        if let Some(id) = unused
            .min_by_key(|(_, kept)| kept.used)
            .map(|(id, _)| id.clone())
        {
            kept.remove(&id);
            self.stats.clients.evicts.inc();
        }
    }

    /// Closes idle connections, and drops clients that no route used for the time an entry may be idle.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut expired = Vec::new();
        self.lock().retain(|_, kept| {
            if kept.is_in_use() {
                kept.used = now;
            }
            let is_kept = now.duration_since(kept.used) < self.idle_ttl;
            if !is_kept {
                expired.push(Arc::clone(&kept.client));
            }
            is_kept
        });
        self.stats.clients.expires.add(expired.len() as u64);
        for client in self.all() {
            for endpoint in client
                .endpoints()
                .iter()
                .flat_map(|endpoints| endpoints.choices.members())
            {
                endpoint.sweep(now);
            }
        }
    }

    /// All clients.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.lock()
            .values()
            .map(|kept| Arc::clone(&kept.client))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BoundId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
