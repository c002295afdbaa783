//! What is counted of calls: `grpc/<method>/status/<code>` of a name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use telemetry::{Counter, Scope};

/// The calls of one name, by method and status.
#[derive(Debug)]
pub(crate) struct Calls {
    scope: Scope,
    /// By path.
    methods: ArcSwap<HashMap<Box<str>, Arc<Method>>>,
    /// Held while a method is added.
    writing: Mutex<()>,
    /// Counts what nobody knows, and what is too many.
    other: Method,
}

/// How many methods of a name have series of their own.
const MOST_METHODS: usize = 100;

/// The status of a method that nobody has. Strangers may ask for any number of these.
const UNIMPLEMENTED: u32 = 12;

/// One past the largest status that gRPC defines.
const STATUSES: usize = 17;

#[derive(Debug)]
struct Method {
    scope: Scope,
    /// By status; the last counts what is none, and answers without one.
    statuses: [OnceLock<Counter>; STATUSES + 1],
}

impl Calls {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            methods: ArcSwap::default(),
            writing: Mutex::default(),
            other: Method::new(scope.node("other")),
            scope,
        }
    }

    /// A call to the method of this path has ended, with this status if with any.
    pub(crate) fn count(&self, path: &str, status: Option<u32>) {
        let path = path.trim_start_matches('/');
        if let Some(method) = self.methods.load().get(path) {
            return method.count(status);
        }
        if status == Some(UNIMPLEMENTED) {
            return self.other.count(status);
        }
        match self.add(path) {
            Some(method) => method.count(status),
            None => self.other.count(status),
        }
    }

    fn add(&self, path: &str) -> Option<Arc<Method>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.methods.load();
        if let Some(method) = known.get(path) {
            return Some(Arc::clone(method));
        }
        if known.len() >= MOST_METHODS {
            return None;
        }
        let method = Arc::new(Method::new(self.scope.node(path)));
        let mut next = HashMap::clone(&known);
        next.insert(path.into(), Arc::clone(&method));
        self.methods.store(Arc::new(next));
        Some(method)
    }
}

impl Method {
    fn new(scope: Scope) -> Self {
        Self {
            scope: scope.scope("status"),
            statuses: Default::default(),
        }
    }

    fn count(&self, status: Option<u32>) {
        let status = status.and_then(|status| usize::try_from(status).ok());
        let at = status.filter(|at| *at < STATUSES).unwrap_or(STATUSES);
        let counter = self.statuses[at].get_or_init(|| match at {
            STATUSES => self.scope.counter("none"),
            at => self.scope.counter(&at.to_string()),
        });
        counter.inc();
    }
}

#[cfg(test)]
mod tests {
    use telemetry::{Metrics, Value};

    use super::*;

    #[test]
    fn calls_are_counted_by_method_and_status() {
        let metrics = Metrics::new();
        let calls = Calls::new(metrics.scope("grpc"));
        for (path, status) in [
            ("/a.B/C", Some(0)),
            ("/a.B/C", Some(0)),
            ("/a.B/C", Some(14)),
            ("/a.B/C", Some(12)),
            ("/a.B/C", Some(400)),
            ("/a.B/C", None),
            ("/x/y", Some(12)),
        ] {
            calls.count(path, status);
        }
        for at in 0..MOST_METHODS {
            calls.count(&format!("/many/{at}"), Some(0));
        }
        let readings = metrics.readings();
        let counts: Vec<_> = readings
            .iter()
            .filter(|reading| !reading.name().contains("many"))
            .map(|reading| match reading.value() {
                Value::Counter(count) => format!("{} {count}", reading.name()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            counts,
            [
                "grpc/a.B/C/status/0 2",
                "grpc/a.B/C/status/12 1",
                "grpc/a.B/C/status/14 1",
                "grpc/a.B/C/status/none 2",
                "grpc/other/status/0 1",
                "grpc/other/status/12 1",
            ]
        );
    }
}
