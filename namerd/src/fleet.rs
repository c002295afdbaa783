//! Which router runs which revision, over all namerds of a store.
//!
//! Each namerd knows its own routers from their streams, and tells the others through the store's board. A router that
//! left without a goodbye stays in the list as lost for a while, so that its operator sees it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use live::Task;
use mesh::api::{Fleet as Report, FleetNamespace, FleetRouter, Version};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::store::Store;

/// How long changes are gathered before the other namerds are told: a revision reaches all routers within
/// milliseconds, and their receipts are best told together.
const GATHER: Duration = Duration::from_millis(20);

/// How long a router that was lost stays in the list.
const LOST_FOR: SignedDuration = SignedDuration::from_mins(10);

/// The routers of this namerd, and what other namerds say of theirs.
#[derive(Debug)]
pub struct Fleet {
    namerd: String,
    store: Arc<dyn Store>,
    routers: Mutex<Routers>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Routers {
    by_id: BTreeMap<String, Entry>,
    /// Counts the streams, so that the end of an old stream does not strike out the router that came back on a new one.
    streams: u64,
}

#[derive(Debug)]
struct Entry {
    router: FleetRouter,
    stream: u64,
}

/// What a router says of itself when it connects.
#[derive(Clone, Debug)]
pub struct Joining {
    /// Names the router; stable across its restarts.
    pub id: String,
    /// What its operator says about it.
    pub labels: BTreeMap<String, String>,
    /// The version of its program.
    pub version: String,
    /// Where it connected from.
    pub address: String,
    /// The protocol that it speaks.
    pub protocol: &'static str,
}

impl Fleet {
    /// The fleet as this namerd knows it. Starts the task that tells the other namerds; it ends with the fleet.
    pub fn new(namerd: &str, store: Arc<dyn Store>) -> Arc<Self> {
        let fleet = Arc::new(Self {
            namerd: namerd.to_owned(),
            store,
            routers: Mutex::default(),
            changed: Arc::new(Notify::new()),
        });
        let _detached: Task<()> = live::task(
            "fleet",
            tell(Arc::downgrade(&fleet), Arc::clone(&fleet.changed)),
        );
        fleet
    }

    /// Adds a router for as long as the membership is held.
    pub fn join(self: &Arc<Self>, joining: Joining) -> Membership {
        let mut routers = self.lock();
        routers.streams += 1;
        let stream = routers.streams;
        let now = Timestamp::now();
        let id = joining.id.clone();
        let router = FleetRouter {
            id: joining.id,
            labels: joining.labels,
            version: joining.version,
            namerd: self.namerd.clone(),
            address: joining.address,
            protocol: joining.protocol.to_owned(),
            connected: true,
            connected_since: now,
            last_seen: now,
            namespaces: BTreeMap::new(),
        };
        routers.by_id.insert(id.clone(), Entry { router, stream });
        drop(routers);
        self.changed.notify_one();
        Membership {
            fleet: Arc::clone(self),
            id,
            stream,
        }
    }

    /// All routers of all namerds. One that several know is told by the namerd that it is connected to, else by the one
    /// that saw it last.
    pub fn report(&self) -> Report {
        let board = self.store.board().value();
        let others = board.iter().flat_map(|board| board.iter());
        let others = others
            .filter(|(namerd, _)| **namerd != self.namerd)
            .filter_map(|(namerd, said)| read(namerd, said));
        let mut routers = BTreeMap::new();
        for router in others
            .flat_map(|report| report.routers)
            .chain(self.local().routers)
        {
            let rank = |router: &FleetRouter| (router.connected, router.last_seen);
            match routers.get(&router.id) {
                Some(known) if rank(known) > rank(&router) => {}
                _ => {
                    routers.insert(router.id.clone(), router);
                }
            }
        }
        Report {
            routers: routers.into_values().collect(),
        }
    }

    /// How many routers are connected to this namerd.
    pub fn connected(&self) -> usize {
        let routers = self.lock();
        routers
            .by_id
            .values()
            .filter(|entry| entry.router.connected)
            .count()
    }

    /// The routers of this namerd.
    fn local(&self) -> Report {
        let mut routers = self.lock();
        let now = Timestamp::now();
        routers.by_id.retain(|_, entry| {
            entry.router.connected || now.duration_since(entry.router.last_seen) < LOST_FOR
        });
        Report {
            routers: routers
                .by_id
                .values()
                .map(|entry| entry.router.clone())
                .collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Routers> {
        self.routers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the other namerds what changed, soon after it did.
async fn tell(fleet: Weak<Fleet>, changed: Arc<Notify>) {
    loop {
        changed.notified().await;
        tokio::time::sleep(GATHER).await;
        let Some(fleet) = fleet.upgrade() else { return };
        match serde_json::to_vec(&fleet.local()) {
            Ok(said) => fleet.store.publish_board(said),
            Err(error) => tracing::warn!(%error, "cannot write the fleet report"),
        }
    }
}

fn read(namerd: &str, said: &[u8]) -> Option<Report> {
    let report = serde_json::from_slice(said);
    report
        .inspect_err(|error| tracing::warn!(%error, namerd, "cannot read a namerd's fleet report"))
        .ok()
}

/// A router's place in the fleet. When it is dropped the router counts as lost, unless it said goodbye.
#[derive(Debug)]
pub struct Membership {
    fleet: Arc<Fleet>,
    id: String,
    stream: u64,
}

impl Membership {
    /// The router was heard.
    pub fn seen(&self) {
        self.update(|router| router.last_seen = Timestamp::now());
    }

    /// The router runs a revision of a namespace, which this namerd has had since `known_since`.
    pub fn receipt(
        &self,
        namespace: &str,
        receipt: &mesh::v1::Receipt,
        known_since: Option<Instant>,
    ) {
        let lag = known_since.map(|since| since.elapsed().as_millis());
        self.update(|router| {
            let now = Timestamp::now();
            router.last_seen = now;
            let known = router.namespaces.get(namespace);
            let is_news = known.is_none_or(|known| known.revision != receipt.revision);
            let (since, lag_ms) = match known {
                Some(known) if !is_news => (known.since, known.lag_ms),
                _ => (now, lag.and_then(|lag| u64::try_from(lag).ok())),
            };
            let runs = FleetNamespace {
                revision: receipt.revision,
                version: Version(receipt.revision).tag(),
                since,
                lag_ms,
                names: receipt.names,
                digest: receipt
                    .digest
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            };
            router.namespaces.insert(namespace.to_owned(), runs);
        });
        self.fleet.changed.notify_one();
    }

    /// The router ends on purpose: it is struck from the list at once.
    pub fn goodbye(&self) {
        let mut routers = self.fleet.lock();
        if routers
            .by_id
            .get(&self.id)
            .is_some_and(|entry| entry.stream == self.stream)
        {
            routers.by_id.remove(&self.id);
        }
        drop(routers);
        self.fleet.changed.notify_one();
    }

    fn update(&self, change: impl FnOnce(&mut FleetRouter)) {
        let mut routers = self.fleet.lock();
        if let Some(entry) = routers
            .by_id
            .get_mut(&self.id)
            .filter(|entry| entry.stream == self.stream)
        {
            change(&mut entry.router);
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.update(|router| router.connected = false);
        self.fleet.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::InMemory;

    fn fleet() -> Arc<Fleet> {
        Fleet::new("namerd-1", Arc::new(InMemory::new("namerd-1", [])))
    }

    fn joining(id: &str) -> Joining {
        Joining {
            id: id.to_owned(),
            labels: BTreeMap::new(),
            version: "1".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            protocol: "switchyard.mesh.v1",
        }
    }

    fn receipt(revision: u64) -> mesh::v1::Receipt {
        mesh::v1::Receipt {
            namespace: "default".to_owned(),
            revision,
            names: 2,
            digest: vec![0x0a, 0xff].into(),
        }
    }

    #[tokio::test]
    async fn a_receipt_says_what_a_router_runs() {
        let fleet = fleet();
        let router = fleet.join(joining("r1"));
        router.receipt("default", &receipt(7), Some(Instant::now()));
        let report = fleet.report();
        let runs = &report.routers[0].namespaces["default"];
        assert_eq!(
            (runs.revision, runs.names, runs.digest.as_str()),
            (7, 2, "0aff")
        );
        assert!(runs.lag_ms.is_some());
    }

    #[tokio::test]
    async fn a_lost_router_stays_and_one_that_said_goodbye_does_not() {
        let fleet = fleet();
        let lost = fleet.join(joining("lost"));
        let gone = fleet.join(joining("gone"));
        gone.goodbye();
        drop((lost, gone));
        let report = fleet.report();
        assert_eq!(report.routers.len(), 1);
        assert_eq!(
            (report.routers[0].id.as_str(), report.routers[0].connected),
            ("lost", false)
        );
        assert_eq!(fleet.connected(), 0);
    }

    #[tokio::test]
    async fn the_end_of_an_old_stream_does_not_touch_the_new_one() {
        let fleet = fleet();
        let old = fleet.join(joining("r1"));
        let new = fleet.join(joining("r1"));
        drop(old);
        assert!(fleet.report().routers[0].connected);
        drop(new);
        assert!(!fleet.report().routers[0].connected);
    }

    #[tokio::test]
    async fn the_namerd_that_a_router_is_connected_to_tells_of_it() {
        let store = Arc::new(InMemory::new("namerd-2", []));
        let other = Fleet::new("namerd-2", Arc::clone(&store) as Arc<dyn Store>);
        let here = Fleet::new("namerd-1", Arc::clone(&store) as Arc<dyn Store>);
        let _there = other.join(joining("r1"));
        drop(here.join(joining("r1")));
        store.publish_board(serde_json::to_vec(&other.local()).expect("a report"));
        let report = here.report();
        assert_eq!(
            (
                report.routers[0].connected,
                report.routers[0].namerd.as_str()
            ),
            (true, "namerd-2")
        );
    }
}
