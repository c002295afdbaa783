//! What etcd has for one namespace, and what follows from it: pure, so that all namerds conclude the same.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::Revision;

/// What etcd has for a namespace, as of one of etcd's revisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    pub(super) head: Option<HeadKey>,
    pub(super) counter: Option<CounterKey>,
    /// No revision up to this one may be given again. May be more than the counter says: the counter can be deleted.
    pub(super) floor: u64,
    /// The revision of etcd at which all this was so.
    pub(super) as_of: i64,
}

/// The key of a head.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HeadKey {
    pub(super) mod_revision: i64,
    /// With replacement characters where it is no UTF-8; as such it is no dtab, either.
    pub(super) text: Arc<str>,
}

/// The key of a counter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CounterKey {
    pub(super) mod_revision: i64,
    /// None if it cannot be read.
    pub(super) counter: Option<Counter>,
}

/// The value of a counter's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Counter {
    /// The newest revision of the namespace.
    pub(super) revision: u64,
    pub(super) head: Described,
}

/// Which head the counter's revision describes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Described {
    /// The one that was written in the same transaction.
    Written,
    /// None: the revision is a deletion.
    Deleted,
    /// The one of this `mod_revision`, which somebody else had written.
    External(i64),
}

/// The value of a history's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    pub(super) revision: Revision,
    /// A random number by which a writer knows its own revision when the answer to its transaction was lost.
    #[serde(default)]
    pub(super) tag: String,
}

/// What a [`Record`] says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Finding {
    /// The namespace never existed.
    Never,
    /// It is at this revision, with this text or deleted.
    At(u64, Option<Arc<str>>),
    /// Its head is not the one that the counter describes: a revision is due.
    Unrecorded,
}

impl Record {
    pub(super) fn finding(&self) -> Finding {
        let counter = self
            .counter
            .as_ref()
            .and_then(|key| Some((key.mod_revision, key.counter.as_ref()?)));
        match (&self.head, counter) {
            (Some(head), Some((mod_revision, counter))) => {
                let described = match counter.head {
                    Described::Written => mod_revision,
                    Described::External(mod_revision) => mod_revision,
                    Described::Deleted => return Finding::Unrecorded,
                };
                match described == head.mod_revision {
                    true => Finding::At(counter.revision, Some(Arc::clone(&head.text))),
                    false => Finding::Unrecorded,
                }
            }
            (None, Some((_, counter))) if counter.head == Described::Deleted => {
                Finding::At(counter.revision, None)
            }
            (None, None) if self.floor == 0 => Finding::Never,
            _ => Finding::Unrecorded,
        }
    }

    /// For a transaction that must see the same head; an absent key compares as 0.
    pub(super) fn head_mod_revision(&self) -> i64 {
        self.head.as_ref().map_or(0, |head| head.mod_revision)
    }

    pub(super) fn counter_mod_revision(&self) -> i64 {
        self.counter
            .as_ref()
            .map_or(0, |counter| counter.mod_revision)
    }

    /// The same record with the floor that follows from its counter and from what was known before.
    pub(super) fn above(mut self, floor: u64) -> Self {
        let counted = self
            .counter
            .as_ref()
            .and_then(|key| Some(key.counter.as_ref()?.revision));
        self.floor = self.floor.max(floor).max(counted.unwrap_or(0));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(head: Option<i64>, counter: Option<(i64, u64, Described)>, floor: u64) -> Record {
        let head = head.map(|mod_revision| HeadKey {
            mod_revision,
            text: "text".into(),
        });
        let counter = counter.map(|(mod_revision, revision, head)| CounterKey {
            mod_revision,
            counter: Some(Counter { revision, head }),
        });
        Record {
            head,
            counter,
            floor,
            as_of: 99,
        }
    }

    #[track_caller]
    fn check(
        head: Option<i64>,
        counter: Option<(i64, u64, Described)>,
        floor: u64,
        expected: Finding,
    ) {
        assert_eq!(record(head, counter, floor).finding(), expected);
    }

    #[test]
    fn a_head_that_its_counter_does_not_describe_is_unrecorded() {
        let text = || Some("text".into());
        check(None, None, 0, Finding::Never);
        check(
            Some(7),
            Some((7, 3, Described::Written)),
            3,
            Finding::At(3, text()),
        );
        check(
            Some(7),
            Some((9, 3, Described::External(7))),
            3,
            Finding::At(3, text()),
        );
        check(
            None,
            Some((9, 4, Described::Deleted)),
            4,
            Finding::At(4, None),
        );

        // Put by somebody else: new, over one of ours, over another one, after our deletion.
        check(Some(7), None, 0, Finding::Unrecorded);
        check(
            Some(8),
            Some((7, 3, Described::Written)),
            3,
            Finding::Unrecorded,
        );
        check(
            Some(8),
            Some((9, 3, Described::External(7))),
            3,
            Finding::Unrecorded,
        );
        check(
            Some(8),
            Some((7, 4, Described::Deleted)),
            4,
            Finding::Unrecorded,
        );
        // Deleted by somebody else, also together with the counter.
        check(
            None,
            Some((7, 3, Described::Written)),
            3,
            Finding::Unrecorded,
        );
        check(
            None,
            Some((9, 3, Described::External(7))),
            3,
            Finding::Unrecorded,
        );
        check(None, None, 3, Finding::Unrecorded);
    }

    #[test]
    fn a_counter_that_cannot_be_read_counts_as_none() {
        let counter = Some(CounterKey {
            mod_revision: 5,
            counter: None,
        });
        let broken = Record {
            counter,
            ..record(Some(7), None, 0)
        };
        assert_eq!(broken.finding(), Finding::Unrecorded);
        assert_eq!(broken.counter_mod_revision(), 5);
    }

    #[test]
    fn the_counter_is_readable_json() {
        for (head, json) in [
            (Described::Written, r#"{"revision":12,"head":"written"}"#),
            (Described::Deleted, r#"{"revision":12,"head":"deleted"}"#),
            (
                Described::External(7),
                r#"{"revision":12,"head":{"external":7}}"#,
            ),
        ] {
            let counter = Counter { revision: 12, head };
            assert_eq!(serde_json::to_string(&counter).unwrap(), json);
            assert_eq!(serde_json::from_str::<Counter>(json).unwrap(), counter);
        }
    }
}
