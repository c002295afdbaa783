//! Tells of changes in folders.
//!
//! Folders are watched and not files, because a file is replaced more often than it is written. What a reader gets is
//! a number that changes with one entry of a folder; it reads the number, then looks at the entry, and looks again
//! when the number has changed.
//!
//! A file that is being written has no readable state: opening it for writing empties it. So the news of it waits for
//! the writer to close it, or 50 ms. A file or link that is renamed to its place is whole, and told at once.

mod board;
mod inbox;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use live::{Live, Reads, Task};
use tokio::time::Instant;

use board::Board;
use inbox::{Inbox, News};

/// How long the news of a file waits for its writer.
const SETTLE: Duration = Duration::from_millis(50);

/// How often folders that the system refuses to watch are taken for changed.
const UNWATCHED: Duration = Duration::from_secs(5);

/// More links than this on the way to a file are a circle. Source: Linux, path_resolution(7).
const MOST_LINKS: usize = 40;

/// Watches folders for as long as somebody reads of them. A clone is the same watcher.
#[derive(Clone, Default)]
pub(crate) struct Watcher(Arc<Mutex<Watched>>);

/// Nothing runs until the first folder is watched.
#[derive(Default)]
struct Watched {
    board: Board,
    delivery: Option<Task<()>>,
}

/// What a path leads to, behind all links.
#[derive(Debug)]
pub(crate) struct Found {
    /// Without links, `.` and `..`.
    pub(crate) path: PathBuf,
    pub(crate) metadata: Metadata,
}

impl Watcher {
    /// Follows a path, relative to a folder, through all its links. Its last part and whatever is a link, or missing, on
    /// the way is read through `reads`, so that the reader looks again when the path might lead elsewhere.
    ///
    /// # Errors
    /// What the system says, except that there is nothing of the name: that is `None`.
    pub(crate) fn find(
        &self,
        folder: &Path,
        path: &Path,
        reads: &mut Reads,
    ) -> io::Result<Option<Found>> {
        let mut here = folder.to_owned();
        let mut ahead = Vec::new();
        push(&mut ahead, path);
        let mut links = 0;
        while let Some(step) = ahead.pop() {
            let name = match step {
                Step::Root => {
                    here = PathBuf::from("/");
                    continue;
                }
                Step::Up => {
                    here.pop();
                    continue;
                }
                Step::Name { ref name, .. } => name,
            };
            let next = here.join(name);
            let mut entry = look(&next)?;
            let is_firm = entry.as_ref().is_some_and(Metadata::is_dir);
            if !is_firm || matches!(step, Step::Name { is_last: true, .. }) {
                reads.read(&self.entry(&here, name));
                // Only what is seen after the watch began cannot change unseen.
                entry = look(&next)?;
            }
            let Some(entry) = entry else { return Ok(None) };
            if !entry.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::other(format!(
                    "too many links on the way to {}",
                    path.display()
                )));
            }
            match std::fs::read_link(&next) {
                Ok(target) => push(&mut ahead, &target),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let metadata = look(&here)?;
        Ok(metadata.map(|metadata| Found {
            path: here,
            metadata,
        }))
    }

    /// A number that changes with one entry of a folder. The folder's path has no links.
    fn entry(&self, folder: &Path, name: &OsStr) -> Live<u64> {
        self.with(|board| board.entry(folder, name))
    }

    /// A number that changes with any entry of a folder. The folder's path has no links.
    pub(crate) fn folder(&self, folder: &Path) -> Live<u64> {
        self.with(|board| board.folder(folder))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Board) -> T) -> T {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.delivery.is_none() {
            let inbox = Arc::new(Inbox::default());
            watched.board.start(&inbox);
            let board = Arc::downgrade(&self.0);
            watched.delivery = Some(live::task("file watch", deliver(inbox, board)));
        }
        look(&mut watched.board)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(delivery) = &self.delivery {
            delivery.abort();
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// A part of a path that is still to be followed.
enum Step {
    Root,
    Up,
    Name { name: OsString, is_last: bool },
}

/// Puts a path on top of what is to be followed.
fn push(ahead: &mut Vec<Step>, path: &Path) {
    let steps = path.components().filter_map(|component| match component {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Name {
            name: name.to_owned(),
            is_last: false,
        }),
        Component::CurDir | Component::Prefix(_) => None,
    });
    let bottom = ahead.len();
    ahead.extend(steps);
    if let Some(Step::Name { is_last, .. }) = ahead.last_mut() {
        *is_last = true;
    }
    ahead[bottom..].reverse();
}

fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            io::ErrorKind::InvalidFilename => Ok(None),
            _ => Err(error),
        },
    }
}

/// Tells the readers what the system reported, once it has settled.
async fn deliver(inbox: Arc<Inbox>, watched: Weak<Mutex<Watched>>) {
    let mut unsettled: HashMap<PathBuf, (Instant, News)> = HashMap::new();
    let mut refused_due = Instant::now() + UNWATCHED;
    loop {
        let due = unsettled.values().map(|(due, _)| *due).min();
        tokio::select! {
            () = inbox.news() => {}
            () = tokio::time::sleep_until(due.unwrap_or(refused_due).min(refused_due)) => {}
        }
        let batch = inbox.take();
        let Some(watched) = watched.upgrade() else {
            return;
        };
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        let board = &mut watched.board;
        let now = Instant::now();
        if batch.is_everything {
            board.tell_all();
        }
        for (path, news) in batch.paths {
            if news.is_settled {
                let before = unsettled.remove(&path).map(|(_, news)| news);
                board.tell(&path, news.after(before));
            } else {
                let waiting = unsettled.entry(path).or_insert((now + SETTLE, news));
                waiting.1 = news.after(Some(waiting.1));
            }
        }
        unsettled.retain(|path, (due, news)| {
            let is_waiting = *due > now;
            if !is_waiting {
                board.tell(path, *news);
            }
            is_waiting
        });
        if refused_due <= now {
            board.tell_refused();
            refused_due = now + UNWATCHED;
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, AccessMode, DataChange, ModifyKind, RenameMode};
    use notify::{Event, EventKind};

    use super::*;

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const MOVED_AWAY: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));
    const MOVED_HERE: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));

    /// The times in ms at which a reader is told, when these events are reported at these times.
    async fn told(events: &[(u64, EventKind)]) -> Vec<u128> {
        let inbox = Arc::new(Inbox::default());
        let watched = Arc::new(Mutex::new(Watched::default()));
        let mut live = (watched.lock().unwrap().board).entry(Path::new("/disco"), "web".as_ref());
        let started = Instant::now();
        let board = Arc::downgrade(&watched);
        let delivery = live::task("delivery", deliver(Arc::clone(&inbox), board));
        let report = async {
            for (at, kind) in events {
                tokio::time::sleep_until(started + Duration::from_millis(*at)).await;
                inbox.put(Event::new(*kind).add_path("/disco/web".into()));
            }
            std::future::pending().await
        };
        let mut told = Vec::new();
        let listen = async {
            loop {
                live.changed().await;
                told.push(started.elapsed().as_millis());
            }
        };
        let both = futures_util::future::join::<_, _>(report, listen);
        let _: Result<((), ()), _> = tokio::time::timeout(Duration::from_secs(1), both).await;
        delivery.abort();
        told
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_being_written_is_told_of_when_its_writer_is_done() {
        assert_eq!(
            told(&[(0, WRITTEN), (20, WRITTEN), (30, CLOSED)]).await,
            [30]
        );
        assert_eq!(told(&[(0, MOVED_AWAY), (30, MOVED_HERE)]).await, [30]);
        assert_eq!(told(&[(10, MOVED_HERE)]).await, [10]);
    }

    #[tokio::test(start_paused = true)]
    async fn news_waits_50_ms_at_most() {
        let slow: Vec<_> = (0..8).map(|tick| (tick * 15, WRITTEN)).collect();
        assert_eq!(told(&slow).await, [50, 110]);
    }
}
