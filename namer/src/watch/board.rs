//! Who is to be told of which entry.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use live::{Live, Publisher};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::inbox::{Inbox, News, Reporter};

/// The folders that somebody reads of. Their paths have no links in them.
#[derive(Default)]
pub(super) struct Board {
    system: Option<RecommendedWatcher>,
    folders: HashMap<PathBuf, Folder>,
    count: usize,
    /// The count at which what nobody reads is swept out next: twice what was read, so that sweeping stays cheap.
    sweep_at: usize,
    is_refusal_told: bool,
}

#[derive(Default)]
struct Folder {
    is_watched: bool,
    any: Counter,
    entries: HashMap<OsString, Counter>,
}

const SWEEP_FIRST: usize = 64;

impl Board {
    /// Begins to watch; what is reported goes to the inbox.
    pub(super) fn start(&mut self, inbox: &Arc<Inbox>) {
        self.sweep_at = SWEEP_FIRST;
        match notify::recommended_watcher(Reporter(Arc::clone(inbox))) {
            Ok(system) => self.system = Some(system),
            Err(error) => self.tell_refusal(&error),
        }
    }

    pub(super) fn folder(&mut self, path: &Path) -> Live<u64> {
        self.watched(path).any.live()
    }

    pub(super) fn entry(&mut self, path: &Path, name: &OsStr) -> Live<u64> {
        self.count += 1;
        if self.count >= self.sweep_at {
            self.sweep();
        }
        let folder = self.watched(path);
        if let Some(counter) = folder.entries.get_mut(name) {
            let live = counter.live();
            self.count -= 1;
            return live;
        }
        let mut counter = Counter::default();
        let live = counter.live();
        folder.entries.insert(name.to_owned(), counter);
        live
    }

    /// The folder, watched from now on if the system lets us.
    fn watched(&mut self, path: &Path) -> &mut Folder {
        let is_watched = self
            .folders
            .get(path)
            .is_some_and(|folder| folder.is_watched)
            || self.watch(path);
        let folder = self.folders.entry(path.to_owned()).or_default();
        folder.is_watched = is_watched;
        folder
    }

    fn watch(&mut self, path: &Path) -> bool {
        let Some(system) = &mut self.system else {
            return false;
        };
        match system.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => true,
            Err(error) => {
                // A folder that went away meanwhile is no refusal: the one above it tells.
                if path.is_dir() {
                    self.tell_refusal(&error);
                }
                false
            }
        }
    }

    fn tell_refusal(&mut self, error: &notify::Error) {
        if !self.is_refusal_told {
            self.is_refusal_told = true;
            tracing::warn!(%error, "cannot watch files, looking at them every 5 s instead");
        }
    }

    /// Tells of one path: those who read this entry of its folder, and where another thing is there than before, those who
    /// read of anything below it.
    pub(super) fn tell(&mut self, path: &Path, news: News) {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(folder) = self.folders.get_mut(parent)
        {
            folder.any.raise();
            if let Some(entry) = folder.entries.get_mut(name) {
                entry.raise();
            }
        }
        if news.is_replaced {
            self.drop_below(path);
        }
    }

    /// Ends the watches of a folder and of those in it: they are on what was at these paths before.
    fn drop_below(&mut self, path: &Path) {
        let gone = self
            .folders
            .extract_if(|folder, _| folder.starts_with(path));
        for (path, mut folder) in gone {
            folder.raise();
            if let Some(system) = &mut self.system {
                // The system has mostly noticed by itself.
                let _ = system.unwatch(&path);
            }
        }
    }

    /// Tells everybody.
    pub(super) fn tell_all(&mut self) {
        self.folders.values_mut().for_each(Folder::raise);
    }

    /// Tells those who read of folders that cannot be watched, and tries to watch these again.
    pub(super) fn tell_refused(&mut self) {
        let refused = self
            .folders
            .iter_mut()
            .filter(|(_, folder)| !folder.is_watched);
        refused.for_each(|(_, folder)| folder.raise());
    }

    fn sweep(&mut self) {
        for folder in self.folders.values_mut() {
            folder.entries.retain(|_, counter| counter.is_read());
        }
        let unread = self
            .folders
            .extract_if(|_, folder| folder.entries.is_empty() && !folder.any.is_read());
        for (path, _) in unread {
            if let Some(system) = &mut self.system {
                let _ = system.unwatch(&path);
            }
        }
        self.count = self
            .folders
            .values()
            .map(|folder| folder.entries.len())
            .sum();
        self.sweep_at = (2 * self.count).max(SWEEP_FIRST);
    }
}

impl Folder {
    fn raise(&mut self) {
        self.any.raise();
        self.entries.values_mut().for_each(Counter::raise);
    }
}

/// A number that its readers see change.
struct Counter {
    count: u64,
    publisher: Publisher<u64>,
}

impl Counter {
    fn live(&mut self) -> Live<u64> {
        self.publisher.live()
    }

    fn is_read(&self) -> bool {
        self.publisher.is_read()
    }

    fn raise(&mut self) {
        self.count += 1;
        self.publisher.set(self.count);
    }
}

impl Default for Counter {
    fn default() -> Self {
        let (publisher, _) = live::channel();
        Self {
            count: 0,
            publisher,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: News = News {
        is_settled: true,
        is_replaced: false,
    };
    const REPLACED: News = News {
        is_settled: true,
        is_replaced: true,
    };

    fn board() -> Board {
        let mut board = Board::default();
        board.start(&Arc::new(Inbox::default()));
        board
    }

    #[test]
    fn entries_and_folders_that_nobody_reads_are_swept_out() {
        let root = tempfile::tempdir().unwrap();
        let mut board = board();
        let read = board.entry(root.path(), OsStr::new("web"));
        for number in 0..1000 {
            let name = number.to_string();
            drop(board.entry(root.path(), OsStr::new(&name)));
            let folder = root.path().join(number.to_string());
            std::fs::create_dir(&folder).unwrap();
            drop(board.entry(&folder, OsStr::new("web")));
        }
        assert!(board.count <= SWEEP_FIRST, "{}", board.count);
        assert!(board.folders.len() <= SWEEP_FIRST + 1);
        assert!(board.entry(root.path(), OsStr::new("web")).is_same(&read));
    }

    #[test]
    fn those_who_read_are_told_and_nobody_else() {
        let mut board = board();
        let name = OsStr::new;
        let web = board.entry(Path::new("/disco"), name("web"));
        let api = board.entry(Path::new("/disco"), name("api"));
        let all = board.folder(Path::new("/disco"));
        let below = board.entry(Path::new("/disco/web/eu"), name("web"));
        let count = |live: &Live<u64>| live.value().map(|count| *count);
        board.tell(Path::new("/disco/web"), CHANGED);
        assert_eq!(
            [&web, &api, &all, &below].map(count),
            [Some(1), None, Some(1), None]
        );
        board.tell(Path::new("/disco/web"), REPLACED);
        assert_eq!(
            [&web, &api, &all, &below].map(count),
            [Some(2), None, Some(2), Some(1)]
        );
        let again = board.entry(Path::new("/disco/web/eu"), name("web"));
        assert!(!again.is_same(&below), "its folder is watched anew");
    }

    #[test]
    fn folders_that_cannot_be_watched_are_told_of_and_tried_again() {
        let root = tempfile::tempdir().unwrap();
        let later = root.path().join("later");
        let mut board = board();
        let live = board.entry(&later, OsStr::new("web"));
        assert!(!board.folders[&later].is_watched);
        board.tell_refused();
        assert_eq!(live.value().as_deref(), Some(&1));
        std::fs::create_dir(&later).unwrap();
        assert!(board.entry(&later, OsStr::new("web")).is_same(&live));
        assert!(board.folders[&later].is_watched);
        board.tell_refused();
        assert_eq!(live.value().as_deref(), Some(&1));
    }
}
