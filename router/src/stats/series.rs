//! Sub-trees of metrics that come and go with what they are about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use telemetry::Scope;

/// The nodes below one scope, each for as long as somebody holds it.
#[derive(Debug)]
pub(super) struct Series {
    scope: Scope,
    /// How many hold a node. The lock is held while handles are made and while a node goes, so that one that comes back in
    /// this moment is either the old one still or a new one, and never one that nobody sees.
    held: Mutex<HashMap<Box<str>, usize>>,
}

impl Series {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            held: Mutex::default(),
        }
    }

    /// Holds a node; `make` gets its scope. Several may hold the same node and then count in the same cells.
    pub(super) fn join<T>(
        self: &Arc<Self>,
        node: &str,
        make: impl FnOnce(Member, Scope) -> T,
    ) -> T {
        let mut held = self.lock();
        *held.entry(node.into()).or_default() += 1;
        let scope = self.scope.node(node);
        let member = Member {
            series: Arc::clone(self),
            node: node.into(),
        };
        make(member, scope)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A holder of a node. It says itself when it leaves, because it may have last words.
#[derive(Debug)]
pub(super) struct Member {
    series: Arc<Series>,
    node: Box<str>,
}

impl Member {
    /// Lets the node go. If it was the last holder, `last_words` is called and the node's metrics are forgotten.
    pub(super) fn leave(&self, last_words: impl FnOnce()) {
        let mut held = self.series.lock();
        let Some(count) = held.get_mut(&self.node) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            held.remove(&self.node);
            last_words();
            self.series.scope.node(&self.node).remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use telemetry::Metrics;

    use super::*;

    #[test]
    fn a_node_goes_with_its_last_holder() {
        let metrics = Metrics::new();
        let series = Arc::new(Series::new(metrics.scope("client")));
        let join = || series.join("a", |member, scope| (member, scope.counter("requests")));
        let ((one, counter), (two, same)) = (join(), join());
        counter.inc();
        assert_eq!(same.value(), 1);
        one.leave(|| panic!("somebody is left"));
        assert_eq!(metrics.readings().len(), 1);
        let mut is_over = false;
        two.leave(|| is_over = true);
        assert!(is_over && metrics.readings().is_empty());
        assert_eq!(join().1.value(), 0);
    }
}
