//! Who turns a logical name into a tree of bound names.

mod answers;
mod backoff;
mod delegation;
mod follow;
pub(crate) mod fs;
#[cfg(test)]
mod host;
pub(crate) mod http;
mod keeper;
pub(crate) mod mesh;
mod remote;
mod snapshot;
mod status;

use std::fmt;

use dtab::{DelegateTree, Dtab, Path};
use futures_util::future::BoxFuture;
use live::Live;

pub use snapshot::SnapshotPlace;
pub use status::{ConnectionStatus, ServingNamerd};

use crate::{Binding, Bound};

/// Binds names for a router.
///
/// Calls start tasks; they run where the call was made. A caller on a runtime that serves requests enters the control
/// runtime first.
pub trait Interpreter: Send + Sync + fmt::Debug {
    /// Binds a path. The dtab is the router's own and the request's override, and wins over what the interpreter has.
    /// Whoever asks for the same path and dtab shares the answer, which is kept up to date while it is read.
    fn bind(&self, path: &Path, dtab: &Dtab) -> Live<Binding>;

    /// Shows how a path is delegated: every alternative, with the rule that led to it.
    fn delegate<'a>(
        &'a self,
        path: &'a Path,
        dtab: &'a Dtab,
    ) -> BoxFuture<'a, Result<DelegateTree<Bound>, DelegateFailure>>;

    /// How it stands with its namerd, if it has one.
    fn status(&self) -> Option<ConnectionStatus> {
        None
    }

    /// Ends on purpose: takes leave of namerd, and writes down what is to be known at the next start. Takes at most some
    /// seconds. What was bound stays as it is.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Why a delegation can't be shown.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DelegateFailure {
    /// Some namer did not answer in time.
    #[error("no answer for {0} in time")]
    TimedOut(Path),
    /// The delegation fails as a whole: too deep, or too large to show.
    #[error("{0}")]
    Failed(String),
    /// The interpreter could not be asked.
    #[error("cannot delegate now: {0}")]
    Unavailable(String),
    /// Its transformers put other names in place of those that it binds.
    #[error("cannot show delegations: names are replaced by io.l5d.replace or io.l5d.const")]
    Hidden,
}
