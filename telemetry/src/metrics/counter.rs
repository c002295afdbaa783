//! What only grows.

use std::sync::Arc;

use super::adder::Adder;

/// A count since the start of the process. Clones are the same counter; adding takes no lock.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    cell: Arc<Adder>,
}

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.cell.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.cell.add(n);
    }

    /// The count of now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.cell.sum()
    }
}
