//! The registry: a tree of metrics by name. Recording never comes here; it goes through handles that point at their cells.

mod adder;
mod counter;
mod gauge;
mod json;
mod stat;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

pub use counter::Counter;
pub use gauge::{Gauge, Open};
pub use json::{NoSubtree, Query};
pub use stat::{Stat, Summary, Totals};

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
        let stats: Vec<Stat> = self
            .root
            .registry
            .read()
            .values()
            .filter_map(Cell::stat)
            .collect();
        for stat in stats {
            stat.snapshot();
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
        let cells: Vec<(Arc<str>, Cell)> = {
            let metrics = self.root.registry.read();
            metrics
                .iter()
                .map(|(key, cell)| (key.clone(), cell.clone()))
                .collect()
        };
        cells
            .into_iter()
            .map(|(key, cell)| Reading {
                key,
                value: cell.value(),
            })
            .collect()
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
    key: Arc<str>,
    value: Value,
}

impl Reading {
    /// The names of the nodes from the root, the metric's own last. A node may have a `/` in it, such as a server's `127.0.0.1/4140`.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.key.split(SEPARATOR)
    }

    /// The nodes joined by `/`.
    #[must_use]
    pub fn name(&self) -> String {
        self.key.replace(SEPARATOR, "/")
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
        self.registry
            .write()
            .insert(self.key(name), Cell::Function(Arc::new(read)));
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

    /// Forgets every metric of this sub-tree. Handles that are still held go on counting, unseen; a metric asked for again begins anew.
    pub fn remove(&self) {
        let mut metrics = self.registry.write();
        let below = metrics.range(self.prefix.clone()..).map(|(key, _)| key);
        let below: Vec<Arc<str>> = below
            .take_while(|key| key.starts_with(&*self.prefix))
            .cloned()
            .collect();
        for key in below {
            metrics.remove(&key);
        }
    }

    fn key(&self, name: &str) -> Arc<str> {
        format!(
            "{}{}",
            self.prefix,
            name.replace('/', &SEPARATOR.to_string())
        )
        .into()
    }

    fn get_or_insert(&self, name: &str, make: impl FnOnce() -> Cell) -> Cell {
        let key = self.key(name);
        if let Some(cell) = self.registry.read().get(&key) {
            return cell.clone();
        }
        self.registry
            .write()
            .entry(key)
            .or_insert_with(make)
            .clone()
    }

    /// A handle that nobody sees, where the name is taken by a metric of another kind: a mistake of ours that must not stop a request.
    fn lone<T: Default>(&self, name: &str) -> T {
        let name = self.key(name).replace(SEPARATOR, "/");
        tracing::error!(
            name,
            "a metric is used as two kinds; one of them is not shown"
        );
        T::default()
    }
}

/// Stands between the nodes of a key. Nodes may hold `/`, and this control character is kept out of their names.
const SEPARATOR: char = '\u{1f}';

#[derive(Clone, Debug, Default)]
struct Registry {
    metrics: Arc<RwLock<BTreeMap<Arc<str>, Cell>>>,
}

impl Registry {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Arc<str>, Cell>> {
        self.metrics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Arc<str>, Cell>> {
        self.metrics.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
enum Cell {
    Counter(Counter),
    Gauge(Gauge),
    Function(Arc<dyn Fn() -> f64 + Send + Sync>),
    Stat(Stat),
}

impl Cell {
    fn value(&self) -> Value {
        match self {
            Self::Counter(counter) => Value::Counter(counter.value()),
            Self::Gauge(gauge) => Value::Gauge(gauge.value()),
            Self::Function(read) => Value::Gauge(read()),
            Self::Stat(stat) => Value::Stat {
                window: stat.window(),
                totals: stat.totals(),
            },
        }
    }

    fn stat(&self) -> Option<Stat> {
        match self {
            Self::Stat(stat) => Some(stat.clone()),
            _ => None,
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

#[cfg(test)]
mod tests;
