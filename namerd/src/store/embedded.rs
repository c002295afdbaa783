//! `io.l5d.embedded`: dtabs in one file of this machine.
//!
//! The file is opened by one process at a time. A write is acknowledged when it is on the disk (fsync), so that neither
//! `kill -9` nor a loss of power takes it back. A file that is damaged is refused, never replaced by an empty one.

mod disk;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use live::Live;
use tokio::sync::Semaphore;

use self::disk::Disk;
use super::board::LocalBoard;
use super::view::Feed;
use super::{Board, By, Change, Export, Namespace, OpenError, Revision, Store, StoreError, View};

/// Keeps dtabs in one file.
#[derive(Debug)]
pub struct Embedded {
    disk: Arc<Mutex<Disk>>,
    /// Queues those who want the disk before they take a thread that may block.
    turn: Arc<Semaphore>,
    view: View,
    board: LocalBoard,
}

impl Embedded {
    /// Opens the store in this folder for the namerd of this id; makes folder and file if they do not exist. Blocks.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(namerd: &str, dir: &Path) -> Result<Self, OpenError> {
        let (feed, view) = Feed::new("io.l5d.embedded");
        let disk = Disk::open(dir, feed)?;
        Ok(Self {
            disk: Arc::new(Mutex::new(disk)),
            turn: Arc::new(Semaphore::new(1)),
            view,
            board: LocalBoard::new(namerd),
        })
    }

    /// Works on the disk, on a thread that may block. What was begun is ended, also if nobody waits for it.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (disk, turn) = (Arc::clone(&self.disk), Arc::clone(&self.turn));
        async move {
            let unavailable = |reason: String| StoreError::Unavailable { reason };
            let turn = turn
                .acquire_owned()
                .await
                .map_err(|error| unavailable(error.to_string()))?;
            let working = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                work(&mut disk.lock().unwrap_or_else(PoisonError::into_inner))
            });
            working
                .await
                .map_err(|error| unavailable(error.to_string()))?
        }
        .boxed()
    }
}

impl Store for Embedded {
    fn view(&self) -> &View {
        &self.view
    }

    fn write<'a>(
        &'a self,
        namespace: &'a Namespace,
        change: Change,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        let namespace = namespace.clone();
        self.run(move |disk| disk.write(&namespace, &change, &by))
    }

    fn history<'a>(
        &'a self,
        namespace: &'a Namespace,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Revision>, StoreError>> {
        let namespace = namespace.clone();
        self.run(move |disk| disk.history(&namespace, before, limit))
    }

    fn revision<'a>(
        &'a self,
        namespace: &'a Namespace,
        revision: u64,
    ) -> BoxFuture<'a, Result<Option<Revision>, StoreError>> {
        let namespace = namespace.clone();
        self.run(move |disk| disk.revision(&namespace, revision))
    }

    fn export(&self) -> BoxFuture<'_, Result<Export, StoreError>> {
        self.run(Disk::export)
    }

    fn import(
        &self,
        export: Export,
        replace: bool,
        by: By,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.run(move |disk| disk.import(export, replace, &by))
    }

    fn publish_board(&self, value: Vec<u8>) {
        self.board.publish(value);
    }

    fn board(&self) -> Live<Board> {
        self.board.live()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};

    use super::*;
    use crate::store::tests::{by, dtab, history, keeps_the_promises, name, text};

    fn open(dir: &Path) -> Result<Embedded, OpenError> {
        Embedded::open("namerd-1", dir)
    }

    #[tokio::test]
    async fn the_embedded_store_keeps_the_promises() {
        let dir = tempfile::tempdir().unwrap();
        keeps_the_promises(&open(dir.path()).unwrap()).await;
    }

    #[tokio::test]
    async fn everything_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("made/as/needed");
        let store = open(&dir).unwrap();
        store
            .put(&name("web"), dtab("/a => /b; # kept"), by("ann"))
            .await
            .unwrap();
        store
            .put(&name("gone"), dtab("/a => /b;"), by("ann"))
            .await
            .unwrap();
        store.delete(&name("gone"), None, by("bob")).await.unwrap();
        let before = store.export().await.unwrap();
        drop(store);

        let store = open(&dir).unwrap();
        assert_eq!(store.export().await.unwrap(), before);
        assert_eq!(text(&store, "web").as_deref(), Some("/a => /b; # kept"));
        assert_eq!(store.view().namespaces().value().unwrap().len(), 1);
        assert_eq!(
            store
                .create(&name("gone"), dtab("/a => /c;"), by("ann"))
                .await,
            Ok(3)
        );
        assert_eq!(history(&store, "gone").await.len(), 3);
    }

    #[tokio::test]
    async fn a_second_opener_is_told_that_the_file_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(
            error.to_string().contains("in use by another process"),
            "{error}"
        );
        drop(first);
        open(dir.path()).unwrap();
    }

    #[tokio::test]
    async fn a_damaged_file_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        for n in 0..50 {
            store
                .put(&name("web"), dtab(&format!("/a => /{n};")), by("ann"))
                .await
                .unwrap();
        }
        drop(store);
        let path = dir.path().join(disk::FILE);
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, 100, 4096, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = open(dir.path()).map(|_| length).unwrap_err();
            assert!(
                matches!(error, OpenError::Unusable { .. }),
                "{length}: {error}"
            );
            assert!(error.to_string().contains(disk::FILE), "{error}");
            assert_eq!(
                File::open(&path).unwrap().metadata().unwrap().len(),
                length as u64
            );
        }
        std::fs::write(
            &path,
            b"just some text that is no database at all, of any kind",
        )
        .unwrap();
        assert!(matches!(open(dir.path()), Err(OpenError::Unusable { .. })));
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(
            text(&open(dir.path()).unwrap(), "web").as_deref(),
            Some("/a => /49;")
        );
    }

    #[tokio::test]
    async fn a_file_half_made_by_a_process_that_was_killed_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(dir.path().join(disk::NEW_FILE))
            .unwrap();
        let store = open(dir.path()).unwrap();
        assert_eq!(
            store.put(&name("web"), dtab("/a => /b;"), by("ann")).await,
            Ok(1)
        );
        assert!(!dir.path().join(disk::NEW_FILE).exists());
    }

    #[tokio::test]
    async fn a_writer_that_stops_waiting_does_not_stop_the_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        let web = name("web");
        let mut head = store.view().head(&web);
        head.changed().await;
        let mut write = store.put(&web, dtab("/a => /b;"), by("ann"));
        assert!(
            futures_util::poll!(&mut write).is_pending(),
            "the first poll starts it"
        );
        drop(write);
        assert_eq!(head.changed().await.value().unwrap().revision, 1);
        assert_eq!(store.put(&web, dtab("/a => /c;"), by("ann")).await, Ok(2));
    }
}
