//! The rules of writing, the same for every store.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Action, By, Namespace, Revision, StoreError, Stored};

/// What may be done to a namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Make it, if it does not exist: else [`StoreError::AlreadyExists`].
    Create(Stored),
    /// Make or replace it.
    Put(Stored),
    /// Replace it, if it is still at the expected revision: else [`StoreError::VersionMismatch`], or
    /// [`StoreError::DoesNotExist`].
    Update {
        /// The revision that the writer has seen.
        expected: u64,
        /// What to write.
        stored: Stored,
    },
    /// Delete it, if it exists and is still at the expected revision, if one is given.
    Delete {
        /// The revision that the writer has seen.
        expected: Option<u64>,
    },
}

impl Change {
    /// The revision that this change makes of a namespace that is at `revision` and exists or not.
    pub(crate) fn apply(
        &self,
        namespace: &Namespace,
        (revision, exists): (u64, bool),
        by: &By,
    ) -> Result<Revision, StoreError> {
        match self {
            Self::Create(_) if exists => return Err(StoreError::AlreadyExists(namespace.clone())),
            Self::Update { .. } | Self::Delete { .. } if !exists => {
                return Err(StoreError::DoesNotExist(namespace.clone()));
            }
            Self::Update { expected, .. }
            | Self::Delete {
                expected: Some(expected),
            } if *expected != revision => {
                return Err(StoreError::VersionMismatch {
                    namespace: namespace.clone(),
                    expected: *expected,
                    current: revision,
                });
            }
            _ => {}
        }
        Ok(Revision {
            revision: revision + 1,
            time: Timestamp::now(),
            author: by.author.clone(),
            message: by.message.clone(),
            action: match self {
                Self::Delete { .. } => Action::Delete,
                _ if exists => Action::Update,
                _ => Action::Create,
            },
            text: self.text().map(|text| text.as_ref().to_owned()),
        })
    }

    fn text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Create(stored) | Self::Put(stored) | Self::Update { stored, .. } => {
                Some(stored.text())
            }
            Self::Delete { .. } => None,
        }
    }
}
