//! `io.l5d.inMemory`: dtabs that end with the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use live::Live;

use super::board::LocalBoard;
use super::export::raise_above;
use super::view::Feed;
use super::{Board, By, Change, Export, Namespace, Revision, Store, StoreError, Stored, View};

/// Keeps dtabs in memory: for tests, and for those who put their dtabs into the configuration.
///
/// A difference from the reference: revisions go on when a namespace is deleted and created again, there they start anew.
#[derive(Debug)]
pub struct InMemory {
    histories: Mutex<Histories>,
    view: View,
    board: LocalBoard,
}

#[derive(Debug)]
struct Histories {
    /// The revisions of each namespace, oldest first and never none.
    by_namespace: BTreeMap<Namespace, Vec<Revision>>,
    feed: Feed,
}

impl InMemory {
    /// A store for the namerd of this id, with the dtabs of its configuration.
    pub fn new(namerd: &str, namespaces: impl IntoIterator<Item = (Namespace, Stored)>) -> Self {
        let (feed, view) = Feed::new("io.l5d.inMemory");
        feed.current();
        let mut histories = Histories {
            by_namespace: BTreeMap::new(),
            feed,
        };
        let by = By {
            author: "configuration".to_owned(),
            message: String::new(),
        };
        for (namespace, stored) in namespaces {
            // A put is never refused.
            let _ = histories.write(&namespace, &Change::Put(stored), &by);
        }
        Self {
            histories: Mutex::new(histories),
            view,
            board: LocalBoard::new(namerd),
        }
    }

    fn histories(&self) -> MutexGuard<'_, Histories> {
        self.histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for InMemory {
    fn view(&self) -> &View {
        &self.view
    }

    fn write<'a>(
        &'a self,
        namespace: &'a Namespace,
        change: Change,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        async move { self.histories().write(namespace, &change, &by) }.boxed()
    }

    fn history<'a>(
        &'a self,
        namespace: &'a Namespace,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Revision>, StoreError>> {
        async move {
            let histories = self.histories();
            let Some(history) = histories.by_namespace.get(namespace) else {
                return Err(StoreError::DoesNotExist(namespace.clone()));
            };
            let end = before.map_or(history.len(), |before| {
                history.partition_point(|r| r.revision < before)
            });
            Ok(history[..end].iter().rev().take(limit).cloned().collect())
        }
        .boxed()
    }

    fn revision<'a>(
        &'a self,
        namespace: &'a Namespace,
        revision: u64,
    ) -> BoxFuture<'a, Result<Option<Revision>, StoreError>> {
        async move {
            let histories = self.histories();
            let history = histories
                .by_namespace
                .get(namespace)
                .map_or(&[][..], Vec::as_slice);
            Ok(history
                .binary_search_by_key(&revision, |r| r.revision)
                .ok()
                .map(|at| history[at].clone()))
        }
        .boxed()
    }

    fn export(&self) -> BoxFuture<'_, Result<Export, StoreError>> {
        async move { Ok(Export::new(self.histories().by_namespace.clone())) }.boxed()
    }

    fn import(
        &self,
        export: Export,
        replace: bool,
        by: By,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        async move { self.histories().import(export, replace, &by) }.boxed()
    }

    fn publish_board(&self, value: Vec<u8>) {
        self.board.publish(value);
    }

    fn board(&self) -> Live<Board> {
        self.board.live()
    }
}

impl Histories {
    fn write(
        &mut self,
        namespace: &Namespace,
        change: &Change,
        by: &By,
    ) -> Result<u64, StoreError> {
        let last = self
            .by_namespace
            .get(namespace)
            .and_then(|history| history.last());
        let at = last.map_or((0, false), |last| (last.revision, last.text.is_some()));
        let next = change.apply(namespace, at, by)?;
        let revision = next.revision;
        self.by_namespace
            .entry(namespace.clone())
            .or_default()
            .push(next);
        self.show([namespace.clone()]);
        Ok(revision)
    }

    fn import(&mut self, export: Export, replace: bool, by: &By) -> Result<(), StoreError> {
        export.check()?;
        if !replace {
            export.refuse_existing(|namespace| self.by_namespace.contains_key(namespace))?;
        }
        let names: BTreeSet<Namespace> = export.namespaces.keys().cloned().collect();
        for (namespace, history) in export.namespaces {
            let floor = self
                .by_namespace
                .get(&namespace)
                .and_then(|old| old.last())
                .map_or(0, |last| last.revision);
            self.by_namespace
                .insert(namespace, raise_above(floor, history, by));
        }
        self.show(names);
        Ok(())
    }

    /// Takes the newest revision of these namespaces into the view.
    fn show(&self, namespaces: impl IntoIterator<Item = Namespace>) {
        let mut batch = self.feed.batch();
        for namespace in namespaces {
            let history = self
                .by_namespace
                .get(&namespace)
                .map_or(&[][..], Vec::as_slice);
            let Some(last) = history.last() else { continue };
            if !batch.set(
                &namespace,
                last.revision,
                last.text.as_deref().map(Into::into),
            ) {
                // What was deleted does not come back.
                let mut past = history.iter().rev().map_while(|r| r.text.as_deref());
                if let Some(good) = past.find_map(|text| Stored::parse(text).ok()) {
                    batch.fall_back(&namespace, good);
                }
            }
        }
        batch.commit();
    }
}
