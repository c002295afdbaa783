//! Where dtabs are kept: one [`Store`], three kinds of it.
//!
//! | kind | durable | shared between namerds |
//! |---|---|---|
//! | [`InMemory`] | no | no |
//! | [`Embedded`] | yes | no |
//! | [`Etcd`] | as etcd is | yes |
//!
//! [`open()`] takes the one that the configuration names.
//!
//! A store appends immutable [`Revision`]s to the history of a [`Namespace`]; the newest one is its [`Head`]. Revisions
//! count up from 1 for each namespace and never go back, also when the namespace is deleted and created again, so that a
//! revision number is a version: whoever writes "only if it is still at 7" cannot be fooled.
//!
//! Reads go through the store's [`View`], which is in memory and always answers at once. What the view does not decide is
//! when it is fed: a store in trouble leaves the last state there and says in [`Health`] how old it is.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use namerd::store::{By, InMemory, Store, Stored};
//!
//! let store = InMemory::new("namerd-1", []);
//! let namespace = "default".parse()?;
//! let by = By { author: "ann".into(), message: "first dtab".into() };
//! let revision = store.create(&namespace, Stored::parse("/svc => /#/io.l5d.fs ;")?, by).await?;
//! let head = store.view().head(&namespace).value().expect("a write is seen by the next read");
//! assert_eq!((head.revision, head.stored.is_some()), (revision, true));
//! # Ok(()) }
//! ```

mod board;
mod change;
mod embedded;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod export;
mod head;
mod health;
mod in_memory;
mod namespace;
mod open;
mod revision;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures_util::future::BoxFuture;
use live::Live;

pub use change::Change;
pub use embedded::Embedded;
pub use error::StoreError;
#[cfg(feature = "etcd")]
pub use etcd::{Etcd, EtcdSettings, EtcdTls};
pub use export::{EXPORT_FORMAT, Export};
pub use head::{Head, Stored};
pub use health::{Condition, Health};
pub use in_memory::InMemory;
pub use namespace::{InvalidNamespace, Namespace};
pub use open::{OpenError, open};
pub use revision::{Action, By, Revision};
pub use view::View;

/// What every namerd of a fleet says about itself, by its id.
pub type Board = BTreeMap<String, Vec<u8>>;

/// Keeps dtabs and their history.
///
/// A write answers after it is durable, as far as the kind of store is, and after [`Store::view`] has it. Dropping the
/// future of a write gives up the answer; the write may be done all the same.
pub trait Store: Send + Sync + Debug {
    /// What this namerd knows of the store, kept up to date.
    fn view(&self) -> &View;

    /// Makes one change to a namespace, and answers the revision it made.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], [`StoreError::DoesNotExist`] and [`StoreError::VersionMismatch`] as the [`Change`]
    /// says; [`StoreError::Unavailable`] when the store cannot be reached in time; [`StoreError::Invalid`] when it refuses
    /// the value.
    fn write<'a>(
        &'a self,
        namespace: &'a Namespace,
        change: Change,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// The revisions of a namespace that came before the one given, or the newest ones: newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::DoesNotExist`] for a namespace that never existed; [`StoreError::Unavailable`].
    fn history<'a>(
        &'a self,
        namespace: &'a Namespace,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Revision>, StoreError>>;

    /// One revision of a namespace; none when there is no such revision.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn revision<'a>(
        &'a self,
        namespace: &'a Namespace,
        revision: u64,
    ) -> BoxFuture<'a, Result<Option<Revision>, StoreError>>;

    /// Everything: all namespaces, deleted ones too, with their whole history.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn export(&self) -> BoxFuture<'_, Result<Export, StoreError>>;

    /// Takes in what another store exported.
    ///
    /// With `replace`, the history of a namespace that exists here is replaced. Its revision still grows: if the imported
    /// one is not above it, one more revision is appended, made by `by`.
    ///
    /// # Errors
    /// [`StoreError::ImportExists`], before anything is written, when a namespace exists (or has existed) here and
    /// `replace` is false; [`StoreError::Invalid`] for an export that makes no sense; [`StoreError::Unavailable`].
    fn import(
        &self,
        export: Export,
        replace: bool,
        by: By,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Says something about this namerd to the others. It shows in [`Store::board`] until this namerd is gone.
    ///
    /// Returns at once. Values that come faster than they can be told are skipped; the last one is always told.
    fn publish_board(&self, value: Vec<u8>);

    /// What all namerds on this store say about themselves; of a store that nobody shares, this one alone.
    fn board(&self) -> Live<Board>;

    /// Makes a namespace that does not exist. See [`Store::write`].
    fn create<'a>(
        &'a self,
        namespace: &'a Namespace,
        stored: Stored,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.write(namespace, Change::Create(stored), by)
    }

    /// Makes or replaces a namespace, whatever its revision. See [`Store::write`].
    fn put<'a>(
        &'a self,
        namespace: &'a Namespace,
        stored: Stored,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.write(namespace, Change::Put(stored), by)
    }

    /// Replaces a namespace that is still at the expected revision. See [`Store::write`].
    fn update<'a>(
        &'a self,
        namespace: &'a Namespace,
        expected: u64,
        stored: Stored,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.write(namespace, Change::Update { expected, stored }, by)
    }

    /// Deletes a namespace; if a revision is given, only if it is still at that. See [`Store::write`].
    fn delete<'a>(
        &'a self,
        namespace: &'a Namespace,
        expected: Option<u64>,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.write(namespace, Change::Delete { expected }, by)
    }
}
