//! What only grows.

use std::sync::{Arc, atomic::AtomicU64};

use super::striped::Striped;

/// A count since the start of the process. Clones are the same counter; adding takes no lock.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    cell: Arc<Striped<AtomicU64>>,
}

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.cell.add(n, |count| count);
    }

    /// The count of now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.cell.sum(|count| count)
    }
}
