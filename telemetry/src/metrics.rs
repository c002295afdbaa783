//! The registry: a tree of metrics by name. Recording never comes here; it goes through handles that point at their cells.

mod counter;
mod gauge;
mod json;
mod registry;
mod stat;
mod striped;
mod traffic;

use std::{iter::once, sync::Arc, time::Duration};

pub use counter::Counter;
pub use gauge::{Gauge, Open};
pub use json::{NoSubtree, Query};
pub use stat::{Stat, Summary, Totals};
pub use traffic::Traffic;

use registry::{Cell, Leaf, Registry};
use traffic::Part;

/// All metrics of a process. Clones are the same registry.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    root: Scope,
}

impl Metrics {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The sub-tree below `path`, whose `/` separate nodes; this one if it is empty.
    #[must_use]
    pub fn scope(&self, path: &str) -> Scope {
        self.root.scope(path)
    }

    /// Ends the window of every stat: [`Summary`] shows it until the next call. Counters and gauges are always of now.
    pub fn snapshot(&self) {
        let windowed: Vec<Cell> = {
            let tree = self.root.registry.read();
            let cells = tree.iter().map(|(_, leaf)| &leaf.cell);
            cells.filter(|cell| cell.is_windowed()).cloned().collect()
        };
        for cell in windowed {
            cell.snapshot();
        }
    }

    /// Calls [`snapshot`](Self::snapshot) once in every interval, for ever.
    pub async fn snapshot_every(&self, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            self.snapshot();
        }
    }

    /// Every metric with its value of now, in the order of the nodes' names.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        // Gauge functions run outside the lock: they may look at other metrics.
        let leaves: Vec<(Arc<str>, Leaf)> = {
            let tree = self.root.registry.read();
            let leaves = tree.iter();
            leaves
                .map(|(scope, leaf)| (Arc::clone(scope), leaf.clone()))
                .collect()
        };
        let readings = leaves.into_iter().map(|(scope, leaf)| Reading {
            scope,
            name: leaf.name,
            value: leaf.cell.value(),
        });
        let mut readings: Vec<_> = readings.collect();
        readings.sort_by(|one, other| one.nodes().cmp(other.nodes()));
        readings
    }

    /// `/admin/metrics.json`: flat or as a tree, whole or one sub-tree.
    ///
    /// # Errors
    /// The query names a sub-tree that isn't there.
    pub fn to_json(&self, query: &Query) -> Result<String, NoSubtree> {
        json::write(&self.readings(), query)
    }
}

/// A metric and its value at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The upper nodes, each followed by the separator.
    scope: Arc<str>,
    /// The last node.
    name: Arc<str>,
    value: Value,
}

impl Reading {
    /// The names of the nodes from the root, the metric's own last. A node may have a `/` in it, such as a server's `127.0.0.1/4140`.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        let scope = self.scope.split_terminator(SEPARATOR);
        scope.chain(once(&*self.name))
    }

    /// The nodes joined by `/`.
    #[must_use]
    pub fn name(&self) -> String {
        self.scope.replace(SEPARATOR, "/") + &self.name
    }

    /// What was read.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// The value of a metric.
#[derive(Clone, Debug)]
pub enum Value {
    /// Counted since the start.
    Counter(u64),
    /// As it is now.
    Gauge(f64),
    /// A distribution.
    Stat {
        /// The last whole window; none before the first one ended.
        window: Option<Summary>,
        /// Everything since the start.
        totals: Totals,
    },
}

/// A sub-tree of the metrics. Cheap to clone, and to make again: a metric exists once, whoever asks for it by its name.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    registry: Registry,
    /// Nodes, each followed by the separator.
    prefix: Arc<str>,
}

impl Scope {
    /// The sub-tree below `path`, whose `/` separate nodes; this one if it is empty.
    #[must_use]
    pub fn scope(&self, path: &str) -> Self {
        self.below(&path.replace('/', &SEPARATOR.to_string()))
    }

    /// The sub-tree below one node, though its name has a `/` in it. Exporters turn such nodes (a server's `127.0.0.1/4140`, a service's `svc/web`)
    /// into label values.
    #[must_use]
    pub fn node(&self, name: &str) -> Self {
        self.below(&name.replace(SEPARATOR, "?"))
    }

    fn below(&self, nodes: &str) -> Self {
        if nodes.is_empty() {
            return self.clone();
        }
        Self {
            registry: self.registry.clone(),
            prefix: format!("{}{nodes}{SEPARATOR}", self.prefix).into(),
        }
    }

    /// A counter. Its name may have `/` between nodes, as in `retries/total`.
    #[must_use]
    pub fn counter(&self, name: &str) -> Counter {
        let made = self.get_or_insert(name, || Cell::Counter(Counter::default()));
        let Cell::Counter(counter) = made else {
            return self.lone(name);
        };
        counter
    }

    /// A gauge that is set.
    #[must_use]
    pub fn gauge(&self, name: &str) -> Gauge {
        let made = self.get_or_insert(name, || Cell::Gauge(Gauge::default()));
        let Cell::Gauge(gauge) = made else {
            return self.lone(name);
        };
        gauge
    }

    /// A gauge that is asked each time somebody looks. It replaces what had its name, and stays until its scope is removed.
    pub fn gauge_fn(&self, name: &str, read: impl Fn() -> f64 + Send + Sync + 'static) {
        let (scope, name) = self.place(name);
        self.registry
            .write()
            .insert(scope, name, Cell::Function(Arc::new(read)));
    }

    /// A distribution of values. Their unit ends the name: `request_latency_ms`.
    #[must_use]
    pub fn stat(&self, name: &str) -> Stat {
        let made = self.get_or_insert(name, || Cell::Stat(Stat::default()));
        let Cell::Stat(stat) = made else {
            return self.lone(name);
        };
        stat
    }

    /// What is counted of requests: several metrics of this scope that lie together.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.adopt(Traffic::default())
    }

    /// Shows what is counted here, unless this scope has such metrics already: then these are returned, and to be used instead.
    #[must_use]
    pub fn adopt(&self, traffic: Traffic) -> Traffic {
        let mut tree = self.registry.write();
        let taken = Part::NAMED
            .iter()
            .find_map(|(name, _)| Some((*name, tree.get(&self.prefix, name)?)));
        match taken {
            Some((_, Cell::Traffic(traffic, _))) => return traffic.clone(),
            Some((name, _)) => return self.lone(name),
            None => {}
        }
        for (name, part) in Part::NAMED {
            let cell = Cell::Traffic(traffic.clone(), part);
            tree.insert(Arc::clone(&self.prefix), name, cell);
        }
        traffic
    }

    /// Forgets every metric of this sub-tree. Handles that are still held go on counting, unseen; a metric asked for again begins anew.
    pub fn remove(&self) {
        self.registry.write().remove(&self.prefix);
    }

    /// The nodes above a metric, and its own.
    fn place<'a>(&self, name: &'a str) -> (Arc<str>, &'a str) {
        match name.rsplit_once('/') {
            None => (Arc::clone(&self.prefix), name),
            Some((above, last)) => (self.scope(above).prefix, last),
        }
    }

    fn get_or_insert(&self, name: &str, make: impl FnOnce() -> Cell) -> Cell {
        let (scope, name) = self.place(name);
        if let Some(cell) = self.registry.read().get(&scope, name) {
            return cell.clone();
        }
        let mut tree = self.registry.write();
        if let Some(cell) = tree.get(&scope, name) {
            return cell.clone();
        }
        let cell = make();
        tree.insert(scope, name, cell.clone());
        cell
    }

    /// A handle that nobody sees, where the name is taken by a metric of another kind: a mistake of ours that must not stop a request.
    fn lone<T: Default>(&self, name: &str) -> T {
        let name = self.prefix.replace(SEPARATOR, "/") + name;
        tracing::error!(
            name,
            "a metric is used as two kinds; one of them is not shown"
        );
        T::default()
    }
}

/// Stands between the nodes of a key. Nodes may hold `/`, and this control character is kept out of their names.
const SEPARATOR: char = '\u{1f}';

#[cfg(test)]
mod tests;
