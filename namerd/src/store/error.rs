//! Why a store refuses.

use super::Namespace;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// To create what exists.
    #[error("namespace {0} already exists")]
    AlreadyExists(Namespace),
    /// To change what does not exist.
    #[error("namespace {0} does not exist")]
    DoesNotExist(Namespace),
    /// Somebody else changed it first.
    #[error(
        "namespace {namespace} is at revision {current}, not at {expected}: read it again, then write"
    )]
    VersionMismatch {
        /// Which.
        namespace: Namespace,
        /// The revision that the change was made for.
        expected: u64,
        /// The revision that it has.
        current: u64,
    },
    /// To import over what exists.
    #[error("already here: {}; import with replace to overwrite", list(.0))]
    ImportExists(Vec<Namespace>),
    /// The store cannot be reached, or does not answer in time.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The store will never take this.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
}

fn list(namespaces: &[Namespace]) -> String {
    let names: Vec<&str> = namespaces.iter().map(Namespace::as_str).collect();
    names.join(", ")
}
