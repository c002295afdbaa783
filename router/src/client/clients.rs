//! The clients of a router, by bound id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::ClientPolicy;
use namer::{Bound, BoundId};
use tokio::time::Instant;

use super::{Client, Rules};
use crate::exchange::Clock;
use crate::route::Splits;
use crate::stats::RouterStats;

/// One client for each bound id in use. Asked when a binding changes, never by a request.
#[derive(Debug)]
pub(crate) struct Clients {
    kept: Mutex<HashMap<BoundId, Kept>>,
    workers: usize,
    limit: usize,
    idle_ttl: Duration,
    policy: ClientPolicy,
    /// The rules that were made last, for the next client that has the same.
    last: Mutex<Option<Arc<Rules>>>,
    /// How names lead to them.
    pub(crate) splits: Splits,
    clock: Clock,
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
        policy: ClientPolicy,
        (clock, stats): (Clock, Arc<RouterStats>),
    ) -> Self {
        Self {
            kept: Mutex::default(),
            workers,
            limit,
            idle_ttl,
            policy,
            last: Mutex::default(),
            splits: Splits::default(),
            clock,
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
        let rules = self.rules(&bound.id);
        let stats = self.stats.client(&bound.id, &rules);
        let client = Arc::new(Client::new(
            bound.id.clone(),
            bound.addresses.clone(),
            rules,
            self.workers,
            (self.clock, stats),
        ));
        if self.has_room(&mut kept) {
            kept.insert(
                bound.id.clone(),
                Kept {
                    client: Arc::clone(&client),
                    used: now,
                },
            );
        } else {
            // It serves the name that asked, and goes with it. Source: linkerd `DstBindingFactory`.
            self.stats.clients.oneshots.inc();
        }
        client
    }

    /// The client of a bound name, if how many of its endpoints are alive decides whether an alternative to it is taken.
    pub(crate) fn watched(&self, bound: &Bound) -> Option<Arc<Client>> {
        let rules = self.rules(&bound.id);
        rules.settings.min_live_share.map(|_| self.of(bound))
    }

    /// How a client treats its endpoints. Most clients have the same rules.
    fn rules(&self, id: &BoundId) -> Arc<Rules> {
        let settings = self.policy.of(&id.path().cloned().unwrap_or_default());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(rules) if rules.settings == settings => Arc::clone(rules),
            _ => Arc::clone(last.insert(Arc::new(Rules::from(settings)))),
        }
    }

    /// Whether there is room for one more, if need be in the place of the one that was unused for longest. Those in use stay.
    fn has_room(&self, kept: &mut HashMap<BoundId, Kept>) -> bool {
        if kept.len() < self.limit {
            return true;
        }
        let unused = kept.iter().filter(|(_, kept)| !kept.is_in_use());
        let Some(id) = unused
            .min_by_key(|(_, kept)| kept.used)
            .map(|(id, _)| id.clone())
        else {
            return false;
        };
        kept.remove(&id);
        self.stats.clients.evicts.inc();
        true
    }

    /// Closes idle connections, and drops clients that no route used for the time an entry may be idle.
    pub(crate) fn sweep(&self, now: Instant) {
        self.splits.sweep();
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
                .flat_map(|endpoints| endpoints.balancer.members())
            {
                endpoint.pool.sweep(now);
                endpoint.channels.sweep(now);
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
