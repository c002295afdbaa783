//! A whole store as one value, to move it to another.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, By, Namespace, Revision, StoreError};

/// The format of [`Export`] that this version writes and reads.
pub const EXPORT_FORMAT: &str = "switchyard-export/1";

/// All namespaces with all their revisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// [`EXPORT_FORMAT`].
    pub format: String,
    /// The history of each namespace, oldest first.
    pub namespaces: BTreeMap<Namespace, Vec<Revision>>,
}

impl Export {
    pub(super) fn new(namespaces: BTreeMap<Namespace, Vec<Revision>>) -> Self {
        Self {
            format: EXPORT_FORMAT.to_owned(),
            namespaces,
        }
    }

    /// Whether a store could have written this.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let invalid = |reason: String| Err(StoreError::Invalid { reason });
        if self.format != EXPORT_FORMAT {
            return invalid(format!(
                "unknown export format {:?}, expected {EXPORT_FORMAT:?}",
                self.format
            ));
        }
        for (namespace, history) in &self.namespaces {
            if history.first().is_none_or(|first| first.revision == 0) {
                return invalid(format!(
                    "namespace {namespace} has no revision, or one that is 0"
                ));
            }
            if let Some(pair) = history
                .windows(2)
                .find(|pair| pair[0].revision >= pair[1].revision)
            {
                let (a, b) = (pair[0].revision, pair[1].revision);
                return invalid(format!(
                    "namespace {namespace}: revision {b} comes after {a}, expected oldest first"
                ));
            }
            let is_odd = |r: &&Revision| (r.action == Action::Delete) != r.text.is_none();
            if let Some(odd) = history.iter().find(is_odd) {
                let number = odd.revision;
                return invalid(format!(
                    "namespace {namespace}, revision {number}: a deletion has no dtab, others have"
                ));
            }
        }
        Ok(())
    }

    /// Refuses namespaces that have a history here.
    pub(super) fn refuse_existing(
        &self,
        exists: impl Fn(&Namespace) -> bool,
    ) -> Result<(), StoreError> {
        let existing: Vec<Namespace> = self
            .namespaces
            .keys()
            .filter(|name| exists(name))
            .cloned()
            .collect();
        if existing.is_empty() {
            Ok(())
        } else {
            Err(StoreError::ImportExists(existing))
        }
    }
}

/// An imported history that replaces one which has come to revision `floor`: it ends above that, so that nobody takes the
/// imported dtab for one that he has seen.
pub(super) fn raise_above(floor: u64, mut history: Vec<Revision>, by: &By) -> Vec<Revision> {
    if let Some(last) = history.last().filter(|last| last.revision <= floor) {
        let raised = Revision {
            revision: floor + 1,
            time: Timestamp::now(),
            author: by.author.clone(),
            message: by.message.clone(),
            action: if last.text.is_some() {
                Action::Update
            } else {
                Action::Delete
            },
            text: last.text.clone(),
        };
        history.push(raised);
    }
    history
}
