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
use tokio::time::{Instant, sleep, timeout};

use crate::store::Store;

/// How long changes are gathered before the other namerds are told: a revision reaches all routers within
/// milliseconds, and their receipts are best told together.
const GATHER: Duration = Duration::from_millis(20);

/// How long it may take until the other namerds are told which names a router has come to use, while it runs the revision
/// that they know of.
const DRIFT: Duration = Duration::from_secs(10);

/// The rest after telling, for each KiB: etcd keeps whatever it was told until it is compacted.
const REST_PER_KIB: Duration = Duration::from_millis(1);

/// How long a router that was lost stays in the list.
const LOST_FOR: SignedDuration = SignedDuration::from_mins(10);

/// The routers of this namerd, and what other namerds say of theirs.
#[derive(Debug)]
pub struct Fleet {
    namerd: String,
    store: Arc<dyn Store>,
    routers: Mutex<Routers>,
    news: Arc<News>,
}

/// Why the other namerds are to be told.
#[derive(Debug, Default)]
struct News {
    /// A router came, went, or runs another revision.
    changed: Notify,
    /// A router routes by more names or fewer.
    drifted: Notify,
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
    /// What it ran when it was last heard on an earlier stream: what it runs until it says so on this one.
    before: BTreeMap<String, FleetNamespace>,
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
            news: Arc::default(),
        });
        let _detached: Task<()> = live::task(
            "fleet",
            tell(Arc::downgrade(&fleet), Arc::clone(&fleet.news)),
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
        let known = routers.by_id.remove(&id);
        let before = known.map_or_else(BTreeMap::new, |known| known.told().namespaces);
        let entry = Entry {
            router,
            stream,
            before,
        };
        routers.by_id.insert(id.clone(), entry);
        drop(routers);
        self.news.changed.notify_one();
        Membership {
            fleet: Arc::clone(self),
            id,
            stream,
        }
    }

    /// All routers of all namerds. One that several know is told by the namerd that it is connected to, else by the one
    /// that saw it last. One that has just moved from one namerd to another runs what it ran.
    pub fn report(&self) -> Report {
        let board = self.store.board().value();
        let others = board.iter().flat_map(|board| board.iter());
        let others = others
            .filter(|(namerd, _)| **namerd != self.namerd)
            .filter_map(|(namerd, said)| read(namerd, said));
        let now = Timestamp::now();
        let others = others
            .flat_map(|report| report.routers)
            .filter(|router| is_listed(router, now));
        let mut routers: BTreeMap<String, FleetRouter> = BTreeMap::new();
        for router in others.chain(self.local().routers) {
            let rank = |router: &FleetRouter| (router.connected, router.last_seen);
            let (mut told, other) = match routers.remove(&router.id) {
                Some(known) if rank(&known) > rank(&router) => (known, Some(router)),
                known => (router, known),
            };
            if told.namespaces.is_empty() {
                told.namespaces = other.map_or_else(BTreeMap::new, |other| other.namespaces);
            }
            routers.insert(told.id.clone(), told);
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
        routers
            .by_id
            .retain(|_, entry| is_listed(&entry.router, now));
        Report {
            routers: routers.by_id.values().map(Entry::told).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Routers> {
        self.routers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// What is told of the router.
    fn told(&self) -> FleetRouter {
        let mut router = self.router.clone();
        if router.namespaces.is_empty() {
            router.namespaces.clone_from(&self.before);
        }
        router
    }
}

fn is_listed(router: &FleetRouter, now: Timestamp) -> bool {
    router.connected || now.duration_since(router.last_seen) < LOST_FOR
}

/// Tells the other namerds what changed, soon after it did.
async fn tell(fleet: Weak<Fleet>, news: Arc<News>) {
    loop {
        tokio::select! {
            () = news.changed.notified() => {}
            () = news.drifted.notified() => {
                // Either way all of it is told.
                let _ = timeout(DRIFT, news.changed.notified()).await;
            }
        }
        sleep(GATHER).await;
        let Some(fleet) = fleet.upgrade() else { return };
        let said = match serde_json::to_vec(&fleet.local()) {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!(%error, "cannot write the fleet report");
                continue;
            }
        };
        let kib = u32::try_from(said.len() / 1024).unwrap_or(u32::MAX);
        fleet.store.publish_board(said);
        drop(fleet);
        sleep(REST_PER_KIB * kib).await;
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
        let mut is_told_at_once = false;
        self.update(|router| {
            let now = Timestamp::now();
            router.last_seen = now;
            let known = router.namespaces.get(namespace);
            let is_news = known.is_none_or(|known| known.revision != receipt.revision);
            is_told_at_once = is_news;
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
        let news = &self.fleet.news;
        match is_told_at_once {
            true => news.changed.notify_one(),
            false => news.drifted.notify_one(),
        }
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
        self.fleet.news.changed.notify_one();
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
        self.fleet.news.changed.notify_one();
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
    #[tokio::test]
    async fn a_router_that_comes_back_runs_what_it_ran_until_it_says_so() {
        let store = Arc::new(InMemory::new("namerd-2", []));
        let other = Fleet::new("namerd-2", Arc::clone(&store) as Arc<dyn Store>);
        let here = Fleet::new("namerd-1", Arc::clone(&store) as Arc<dyn Store>);
        let revision = |fleet: &Arc<Fleet>| {
            let router = fleet.report().routers.remove(0);
            (router.connected, router.namespaces["default"].revision)
        };
        let first = other.join(joining("r1"));
        first.receipt("default", &receipt(7), None);
        let again = other.join(joining("r1"));
        assert_eq!(revision(&other), (true, 7));
        drop((first, again));
        store.publish_board(serde_json::to_vec(&other.local()).expect("a report"));
        let moved = here.join(joining("r1"));
        assert_eq!(revision(&here), (true, 7));
        moved.receipt("default", &receipt(8), None);
        assert_eq!(revision(&here), (true, 8));
    }

    #[tokio::test(start_paused = true)]
    async fn revisions_are_told_at_once_and_names_in_a_while() {
        let store = Arc::new(InMemory::new("namerd-1", []));
        let fleet = Fleet::new("namerd-1", Arc::clone(&store) as Arc<dyn Store>);
        let told = async |after: Duration| {
            sleep(after).await;
            let board = store.board().value().expect("never pending");
            let report = read("namerd-1", board.get("namerd-1")?)?;
            let runs = report.routers[0].namespaces.get("default")?.clone();
            Some((runs.revision, runs.names))
        };
        let router = fleet.join(joining("r1"));
        assert_eq!(told(GATHER * 2).await, None);
        router.receipt("default", &receipt(7), None);
        assert_eq!(told(GATHER * 2).await, Some((7, 2)));
        let more = mesh::v1::Receipt {
            names: 3,
            ..receipt(7)
        };
        router.receipt("default", &more, None);
        assert_eq!(told(DRIFT / 2).await, Some((7, 2)));
        assert_eq!(told(DRIFT).await, Some((7, 3)));
    }
}
