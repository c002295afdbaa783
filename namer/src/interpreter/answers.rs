//! What a namerd far away said: of the names that are in use, and of the bound names in them.
//!
//! Whoever talks with namerd writes here, in the order in which it hears; whoever binds a name reads what is published.
//! Nothing here waits for the network. There is no task for a name: what nobody reads any more is found by a sweep.

mod ledger;
mod name;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dtab::{Dtab, Path};
use live::Live;
use mesh::linkerd;
use mesh::wire::Malformed;
use tokio::sync::Notify;

pub(super) use ledger::Ledger;
pub(super) use name::Told;

use crate::Binding;

/// Names a name in use. Never used again for another one.
pub(super) type NameId = u64;

/// What is shared by those who bind names, and those who talk with namerd.
#[derive(Debug)]
pub(super) struct Answers {
    ledger: Mutex<Ledger>,
    /// Told when there are orders.
    pub(super) ordered: Notify,
    /// Told when names begin to wait for answers.
    pub(super) waiting: Notify,
}

impl Answers {
    pub(super) fn new() -> Self {
        Self {
            ledger: Mutex::new(Ledger::new()),
            ordered: Notify::new(),
            waiting: Notify::new(),
        }
    }

    /// To be held for a few lines only.
    pub(super) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a path is bound to with the namespace's dtab and this one behind it.
    pub(super) fn bind(&self, path: &Path, dtab: &Dtab) -> Live<Binding> {
        let text = match dtab.is_empty() {
            true => Arc::from(""),
            false => Arc::from(dtab.to_string()),
        };
        let (binding, is_new) = self.lock().bind(path, dtab, text);
        if is_new {
            self.ordered.notify_one();
        }
        binding
    }

    /// Another conversation begins; it is to ask for all of these.
    pub(super) fn begin_session(&self) -> Vec<Order> {
        let orders = self.lock().begin_session();
        self.waiting.notify_one();
        orders
    }

    /// The conversation is over.
    pub(super) fn end_session(&self) {
        self.lock().end_session();
        self.waiting.notify_one();
    }

    /// Forgets what nobody has read since the last sweep but one.
    pub(super) fn sweep(&self) {
        if self.lock().sweep() {
            self.ordered.notify_one();
        }
    }
}

/// What namerd is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// What a name is bound to.
    Name(NameId),
    /// Where a bound name can be reached. Only for protocols that do not tell unasked.
    Addresses(Path),
}

/// What is to be asked, or no longer.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// From now on.
    Ask(Subject),
    /// No longer.
    Drop(Subject),
}

/// A dtab that comes after the namespace's, shared by all names that are bound with it.
#[derive(Debug)]
pub(super) struct Overlay {
    /// As text, which is what makes two the same.
    pub(super) text: Arc<str>,
    /// As the mesh carries it.
    pub(super) message: Result<linkerd::Dtab, Malformed>,
}

/// A name as it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: Path,
    pub(super) overlay: Arc<Overlay>,
}
