//! Which revision of which namespace a router was told completely.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesh::v1::Mark;
use namer::Binder;
use tokio::time::Instant;

use super::name::Names;

/// The namespaces of a session.
#[derive(Debug, Default)]
pub(super) struct Revisions {
    namespaces: BTreeMap<String, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    /// Holds the table, and so the bindings' source, for as long as the session lasts.
    binder: Option<Arc<Binder>>,
    /// The newest revision, and since when this session knows it.
    newest: Option<(u64, Instant)>,
    /// Whether the last mark still says all there is to say.
    is_marked: bool,
}

impl Revisions {
    /// Adds a namespace; false if it is there already.
    pub(super) fn add(&mut self, namespace: &str) -> bool {
        if self.namespaces.contains_key(namespace) {
            return false;
        }
        self.namespaces
            .insert(namespace.to_owned(), Namespace::default());
        true
    }

    /// Keeps a namespace's binder alive.
    pub(super) fn hold(&mut self, namespace: &str, binder: Arc<Binder>) {
        if let Some(known) = self.namespaces.get_mut(namespace) {
            known.binder = Some(binder);
        }
    }

    /// A namespace has come to a revision.
    pub(super) fn moved(&mut self, namespace: &str, revision: u64) {
        let Some(known) = self.namespaces.get_mut(namespace) else {
            return;
        };
        if known.newest.is_none_or(|(newest, _)| newest != revision) {
            known.newest = Some((revision, Instant::now()));
            known.is_marked = false;
        }
    }

    /// What the router routes a namespace by has changed: another receipt is due.
    pub(super) fn unmark(&mut self, namespace: &str) {
        if let Some(known) = self.namespaces.get_mut(namespace) {
            known.is_marked = false;
        }
    }

    /// Since when this session has known a revision, while it is the newest.
    pub(super) fn known_since(&self, namespace: &str, revision: u64) -> Option<Instant> {
        let (newest, since) = self.namespaces.get(namespace)?.newest?;
        (newest == revision).then_some(since)
    }

    /// The marks that are due: for each namespace of which every name was told at its newest revision.
    pub(super) fn marks(&mut self, names: &Names) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (name, namespace) in &mut self.namespaces {
            let Some((revision, _)) = namespace.newest.filter(|_| !namespace.is_marked) else {
                continue;
            };
            if names.are_told(name, revision) {
                namespace.is_marked = true;
                marks.push(mark(name, revision));
            }
        }
        marks
    }

    /// The newest revision of each namespace.
    pub(super) fn newest(&self) -> Vec<Mark> {
        let known = self.namespaces.iter();
        known
            .filter_map(|(name, namespace)| Some(mark(name, namespace.newest?.0)))
            .collect()
    }
}

fn mark(namespace: &str, revision: u64) -> Mark {
    Mark {
        namespace: namespace.to_owned(),
        revision,
    }
}
