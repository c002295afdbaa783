//! The newest record of every namespace, and the view that shows them.
//!
//! Records come from the session's list and events and from the answers of transactions, in any order; the one that is
//! newer in etcd's own count wins. So a writer sees its write at once, and an event that comes later changes nothing.

use std::collections::{BTreeMap, HashSet};

use live::Publisher;
use tokio::time::Instant;

use super::record::{Finding, Record};
use crate::store::view::Feed;
use crate::store::{Board, Namespace, Stored};

/// All that this namerd knows of etcd.
#[derive(Debug)]
pub(super) struct Cache {
    records: BTreeMap<Namespace, Record>,
    feed: Feed,
    board: Board,
    board_feed: Publisher<Board>,
    /// Which etcd this is; none before the first list.
    cluster_id: Option<u64>,
    /// The newest revision of etcd that was heard of.
    newest: i64,
    warned: HashSet<Vec<u8>>,
}

/// Everything at one revision of etcd.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) cluster_id: u64,
    pub(super) revision: i64,
    pub(super) records: BTreeMap<Namespace, Record>,
    pub(super) board: Board,
}

/// What is left to do for a namespace after its record was taken in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Due {
    Nothing,
    /// A revision must be recorded.
    Recording,
    /// A dtab must be looked for in the history.
    FallBack,
}

impl Cache {
    pub(super) fn new(feed: Feed, board_feed: Publisher<Board>) -> Self {
        Self {
            records: BTreeMap::new(),
            feed,
            board: Board::new(),
            board_feed,
            cluster_id: None,
            newest: 0,
            warned: HashSet::new(),
        }
    }

    pub(super) fn record(&self, namespace: &Namespace) -> Record {
        self.records.get(namespace).cloned().unwrap_or_default()
    }

    /// Takes in a record, unless a newer one is known.
    pub(super) fn apply(&mut self, namespace: &Namespace, record: Record) -> Due {
        let known = self.records.get(namespace);
        if known.is_some_and(|known| known.as_of > record.as_of) {
            return Due::Nothing;
        }
        self.newest = self.newest.max(record.as_of);
        let record = record.above(known.map_or(0, |known| known.floor));
        let finding = record.finding();
        self.records.insert(namespace.clone(), record);
        let mut batch = self.feed.batch();
        let due = match finding {
            Finding::At(revision, text) => match batch.set(namespace, revision, text) {
                true => Due::Nothing,
                false => Due::FallBack,
            },
            Finding::Unrecorded => Due::Recording,
            Finding::Never => {
                self.records.remove(namespace);
                batch.forget(namespace);
                Due::Nothing
            }
        };
        batch.commit();
        due
    }

    /// The newest revision of etcd that was heard of.
    pub(super) fn newest(&self) -> i64 {
        self.newest
    }

    /// Takes in a list: also what it does not have. Answers what is left to do.
    ///
    /// `known` is the newest revision that was heard of before the list was asked for. What writers of this namerd have done
    /// since then may be newer than the list, and is no sign of an etcd that went back in time.
    pub(super) fn apply_listing(
        &mut self,
        mut listing: Listing,
        known: i64,
    ) -> Vec<(Namespace, Due)> {
        let is_another = self
            .cluster_id
            .is_some_and(|known| known != listing.cluster_id);
        if is_another || listing.revision < known {
            tracing::warn!(
                "etcd is another one or went back in time, as from a backup: all is read anew"
            );
            let mut batch = self.feed.batch();
            let gone = self
                .records
                .keys()
                .filter(|name| !listing.records.contains_key(*name));
            gone.for_each(|name| batch.forget(name));
            batch.commit();
            self.records.clear();
            self.newest = 0;
        }
        self.cluster_id = Some(listing.cluster_id);
        self.newest = self.newest.max(listing.revision);
        for name in self.records.keys() {
            let absent = || Record {
                as_of: listing.revision,
                ..Record::default()
            };
            listing.records.entry(name.clone()).or_insert_with(absent);
        }
        self.board = listing.board;
        self.board_feed.set(self.board.clone());
        let applied = listing.records.into_iter().map(|(name, record)| {
            let due = self.apply(&name, record);
            (name, due)
        });
        applied.filter(|(_, due)| *due != Due::Nothing).collect()
    }

    pub(super) fn fall_back(&self, namespace: &Namespace, good: Stored) {
        let mut batch = self.feed.batch();
        batch.fall_back(namespace, good);
        batch.commit();
    }

    pub(super) fn set_on_board(&mut self, namerd: String, value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.board.insert(namerd, value),
            None => self.board.remove(&namerd),
        };
        self.board_feed.set(self.board.clone());
    }

    pub(super) fn is_current(&self) {
        self.feed.current();
    }

    pub(super) fn trouble(&self, since: Instant, reason: &str) {
        self.feed.trouble(since, reason);
    }

    /// Says once that a key is left alone.
    pub(super) fn warn_of(&mut self, key: &[u8]) {
        const REMEMBERED_MAX: usize = 1000;
        if self.warned.len() < REMEMBERED_MAX && self.warned.insert(key.to_vec()) {
            let key = String::from_utf8_lossy(key);
            tracing::warn!(%key, "not a name that a namespace can have: the key is left alone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::View;
    use crate::store::etcd::record::{Counter, CounterKey, Described, HeadKey};

    fn cache() -> (Cache, View) {
        let (feed, view) = Feed::new("test");
        (Cache::new(feed, live::channel().0), view)
    }

    fn written(as_of: i64) -> Record {
        let counter = Counter {
            revision: 1,
            head: Described::Written,
        };
        Record {
            head: Some(HeadKey {
                mod_revision: as_of,
                text: "/a => /b;".into(),
            }),
            counter: Some(CounterKey {
                mod_revision: as_of,
                counter: Some(counter),
            }),
            floor: 1,
            as_of,
        }
    }

    fn listing(revision: i64) -> Listing {
        Listing {
            cluster_id: 7,
            revision,
            ..Listing::default()
        }
    }

    #[track_caller]
    fn check(known: i64, exists: bool) {
        let (mut cache, view) = cache();
        let web: Namespace = "web".parse().unwrap();
        cache.apply_listing(listing(10), 0);
        cache.is_current();
        cache.apply(&web, written(12));
        cache.apply_listing(listing(11), known);
        let head = view.head(&web).value().unwrap();
        assert_eq!(head.stored.is_some(), exists, "{head:?}");
    }

    #[test]
    fn a_write_that_overtakes_a_list_stays_and_what_a_backup_does_not_have_goes() {
        check(10, true);
        check(12, false);
    }
}
