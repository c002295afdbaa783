//! Where metrics are found by their names.
//!
//! Clients and services have the same metrics below a node each, and there may be thousands of them: what is the same in many
//! names is kept once.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::traffic::Part;
use super::{Counter, Gauge, Stat, Traffic, Value};

/// All metrics. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Registry {
    tree: Arc<RwLock<Tree>>,
}

impl Registry {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Tree> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Tree> {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Metrics by the nodes above them, each followed by the separator, and their own last node.
#[derive(Debug, Default)]
pub(super) struct Tree {
    scopes: BTreeMap<Arc<str>, Vec<Leaf>>,
    /// Last nodes. They are words of ours, of which there are few.
    names: HashSet<Arc<str>>,
}

/// A metric and its last node.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) name: Arc<str>,
    pub(super) cell: Cell,
}

impl Tree {
    pub(super) fn get(&self, scope: &str, name: &str) -> Option<&Cell> {
        let leaves = self.scopes.get(scope)?;
        leaves
            .iter()
            .find(|leaf| &*leaf.name == name)
            .map(|leaf| &leaf.cell)
    }

    /// Puts a metric in its place, and in that of the one that was there.
    pub(super) fn insert(&mut self, scope: Arc<str>, name: &str, cell: Cell) {
        let name = match self.names.get(name) {
            Some(name) => Arc::clone(name),
            None => {
                let name: Arc<str> = name.into();
                self.names.insert(Arc::clone(&name));
                name
            }
        };
        let leaves = self.scopes.entry(scope).or_default();
        if let Some(leaf) = leaves.iter_mut().find(|leaf| leaf.name == name) {
            leaf.cell = cell;
            return;
        }
        // A scope has a handful, and they come all at once.
        leaves.reserve_exact(1);
        leaves.push(Leaf { name, cell });
    }

    /// Forgets the metrics whose upper nodes begin with these.
    pub(super) fn remove(&mut self, prefix: &Arc<str>) {
        let below = self.scopes.range(Arc::clone(prefix)..);
        let below: Vec<_> = below
            .map(|(scope, _)| scope)
            .take_while(|scope| scope.starts_with(&**prefix))
            .cloned()
            .collect();
        for scope in below {
            self.scopes.remove(&scope);
        }
    }

    /// All metrics, with the nodes above them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Leaf)> {
        let scopes = self.scopes.iter();
        scopes.flat_map(|(scope, leaves)| leaves.iter().map(move |leaf| (scope, leaf)))
    }
}

/// A metric.
#[derive(Clone)]
pub(super) enum Cell {
    Counter(Counter),
    Gauge(Gauge),
    Function(Arc<dyn Fn() -> f64 + Send + Sync>),
    Stat(Stat),
    Traffic(Traffic, Part),
}

impl Cell {
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Counter(counter) => Value::Counter(counter.value()),
            Self::Gauge(gauge) => Value::Gauge(gauge.value()),
            Self::Function(read) => Value::Gauge(read()),
            Self::Stat(stat) => Value::Stat {
                window: stat.window(),
                totals: stat.totals(),
            },
            Self::Traffic(traffic, part) => traffic.value(*part),
        }
    }

    /// Whether it has windows, which end with a snapshot.
    pub(super) fn is_windowed(&self) -> bool {
        matches!(self, Self::Stat(_) | Self::Traffic(_, Part::Latency))
    }

    /// Ends its window, if it has one.
    pub(super) fn snapshot(&self) {
        match self {
            Self::Stat(stat) => stat.snapshot(),
            Self::Traffic(traffic, Part::Latency) => traffic.snapshot(),
            _ => {}
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}
