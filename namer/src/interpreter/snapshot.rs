//! What is known of names, written down for the next start: a router whose namerd is away then serves what it served
//! before.

mod file;
mod form;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dtab::{NameTree, Path};
use mesh::wire;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::file::File;
use super::answers::Answers;
use super::remote::Closing;
use crate::{Addresses, BoundTree};

/// Names in a snapshot at the most; of more those that were used last.
const NAMES_MAX: usize = 10_000;

/// How often a change is written down at the most.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// Writing takes one part in this many of the time at the most, however large the snapshot is.
const EFFORT: u32 = 20;

/// How often a snapshot is written although nothing changed: it tells how old what it holds is.
const CONFIRM_EVERY: Duration = Duration::from_secs(60);

/// Where an interpreter's snapshot is.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotPlace {
    folders: Vec<PathBuf>,
    name: String,
    namespace: String,
}

impl SnapshotPlace {
    /// A file in the first of these folders that can be written. The router's label and the namespace make its name.
    pub fn new(folders: Vec<PathBuf>, router: &str, namespace: &str) -> Self {
        Self {
            folders,
            name: file::name(router, namespace),
            namespace: namespace.to_owned(),
        }
    }
}

/// What is known of names.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) names: HashMap<NameKey, KnownName>,
    pub(super) addresses: HashMap<Path, KnownAddresses>,
    /// The number of addresses at which those that no name leads to are dropped next.
    prune_at: usize,
}

/// A path, and the text of the dtab that it is bound with beside the namespace's.
pub(super) type NameKey = (Path, Arc<str>);

/// What is known of a name.
#[derive(Clone, Debug)]
pub(super) struct KnownName {
    pub(super) tree: KnownTree,
    pub(super) revision: u64,
    /// When that was so.
    pub(super) known_at: Moment,
    /// When the name was used.
    pub(super) used_at: Moment,
}

/// What a name is bound to.
#[derive(Clone, Debug)]
pub(super) enum KnownTree {
    /// While it is in use.
    Live(Arc<BoundTree>),
    /// Without live addresses.
    Past(Arc<wire::BoundTree>),
}

impl KnownTree {
    pub(super) fn to_wire(&self) -> Arc<wire::BoundTree> {
        match self {
            Self::Live(tree) => Arc::new(crate::wire::tree_to_wire(tree)),
            Self::Past(tree) => Arc::clone(tree),
        }
    }
}

/// Where a bound name could be reached.
#[derive(Clone, Debug)]
pub(super) struct KnownAddresses {
    pub(super) addresses: Arc<Addresses>,
    /// When that was so.
    pub(super) known_at: Moment,
}

/// A time of the clock on the wall, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) u64);

impl Moment {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs()))
    }

    /// The moment this long before.
    pub(super) fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time.as_secs()))
    }

    /// How long ago it was, in the largest unit that says enough.
    pub(super) fn age(self) -> String {
        let seconds = Self::now().0.saturating_sub(self.0);
        match seconds {
            0..120 => format!("{seconds} s"),
            120..7200 => format!("{} min", seconds / 60),
            7200..172_800 => format!("{} h", seconds / 3600),
            _ => format!("{} days", seconds / 86_400),
        }
    }
}

/// A snapshot in parts: those of what is in use win.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) names: Vec<(NameKey, KnownName)>,
    pub(super) addresses: Vec<(Path, KnownAddresses)>,
    pub(super) past: Arc<Snapshot>,
}

impl Taken {
    fn into_snapshot(self) -> Snapshot {
        let mut snapshot = Snapshot {
            names: self.names.into_iter().collect(),
            addresses: self.addresses.into_iter().collect(),
            ..Snapshot::default()
        };
        snapshot.add_older(Arc::unwrap_or_clone(self.past));
        snapshot
    }
}

impl Snapshot {
    /// Adds what an older snapshot holds beside.
    pub(super) fn add_older(&mut self, older: Self) {
        for (key, known) in older.names {
            self.names.entry(key).or_insert(known);
        }
        for (id, known) in older.addresses {
            self.addresses.entry(id).or_insert(known);
        }
        self.prune();
    }

    /// Whether there is something to forget.
    pub(super) fn is_too_large(&self) -> bool {
        self.names.len() > NAMES_MAX || self.addresses.len() > self.prune_at
    }

    /// Forgets names that were used least recently, and addresses that no name leads to.
    pub(super) fn prune(&mut self) {
        if self.names.len() > NAMES_MAX {
            let mut used: Vec<_> = self.names.values().map(|known| known.used_at).collect();
            let surplus = used.len() - NAMES_MAX;
            let (_, limit, _) = used.select_nth_unstable(surplus - 1);
            let limit = *limit;
            let mut surplus = surplus;
            self.names.retain(|_, known| {
                let goes = surplus > 0 && known.used_at <= limit;
                surplus -= usize::from(goes);
                !goes
            });
        }
        let ids: HashSet<_> = self
            .names
            .values()
            .flat_map(|known| ids(&known.tree))
            .collect();
        self.addresses.retain(|id, _| ids.contains(id));
        self.prune_at = (self.addresses.len() * 2).max(1024);
    }
}

/// The bound names in a tree that have addresses.
fn ids(tree: &KnownTree) -> Vec<Path> {
    let tree = tree.to_wire();
    let leaves = NameTree::leaves(&tree).into_iter();
    leaves
        .filter_map(|leaf| match &leaf.bound.id {
            wire::BoundId::Path(id) => Some(id.clone()),
            wire::BoundId::Status(_) => None,
        })
        .collect()
}

/// Reads the snapshot of the last run, then writes down what changes. Files are read and written on threads for that.
pub(super) async fn keep(answers: Arc<Answers>, place: SnapshotPlace, mut closing: Closing) {
    let Ok(Some((file, past))) = spawn_blocking(move || open(&place)).await else {
        return;
    };
    answers.lock().remember(past);
    let mut tick = interval(WRITE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rested_at = Instant::now();
    let mut written = Instant::now();
    loop {
        let is_closing = tokio::select! {
            _ = tick.tick() => false,
            () = closing.begun() => true,
        };
        let is_due = match answers.lock().is_changed() {
            true => is_closing || Instant::now() >= rested_at,
            false => written.elapsed() >= CONFIRM_EVERY && answers.lock().is_served(),
        };
        if is_due {
            let started = Instant::now();
            let taken = answers.lock().taken();
            let to = file.clone();
            // A panic while writing is told by the thread; the next attempt may fare better.
            let _ = spawn_blocking(move || to.write_or_warn(taken.into_snapshot())).await;
            written = Instant::now();
            rested_at = written + started.elapsed() * EFFORT;
        }
        if is_closing {
            return;
        }
    }
}

fn open(place: &SnapshotPlace) -> Option<(File, Snapshot)> {
    let file = File::find(place)?;
    let past = file.read_or_warn();
    Some((file, past))
}

#[cfg(test)]
mod tests;
