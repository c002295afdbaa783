//! `io.l5d.fs`: a file is a name, its lines are where that name can be reached.

mod lines;

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use dtab::{Answer, Name, NameTree, Path, Segment};
use live::{Live, Publisher, Reads, Shared};

use crate::inet::{Merge, Merged};
use crate::watch::{Found, Watcher};
use crate::{Addresses, Bound, Inet, Namer};
use lines::{BadLine, Line, Lines};

/// Larger files fail, in bytes. Source: linkerd `WatchingNamer`.
const MOST_BYTES: u64 = 500_000;

/// Knows the files of a folder and of the folders in it, and follows their changes.
pub struct FsNamer {
    prefix: Path,
    tree: Arc<Tree>,
    files: Shared<Path, Addresses>,
    names: Shared<(), Vec<Path>>,
}

struct Tree {
    root: PathBuf,
    watcher: Watcher,
    inet: Inet,
}

impl FsNamer {
    /// A namer for the folder, which need not exist yet. Ids begin with `prefix`; hosts that are no addresses are looked
    /// up by `inet`.
    pub fn new(prefix: Path, root: PathBuf, inet: Inet) -> Self {
        // A relative path stays what it is when the process changes its folder later.
        let root = std::path::absolute(&root).unwrap_or(root);
        let watcher = Watcher::default();
        Self {
            prefix,
            tree: Arc::new(Tree {
                root,
                watcher,
                inet,
            }),
            files: Shared::default(),
            names: Shared::default(),
        }
    }
}

impl Namer for FsNamer {
    /// Descends folders until a file, whose path is the id; the remaining segments are the residual. A path that ends in
    /// a folder is Neg.
    fn lookup(&self, path: &Path, reads: &mut Reads) -> Answer<Bound> {
        let consumed = match self.tree.walk(path, reads) {
            Ok(Some((consumed, _))) => consumed,
            Ok(None) => return Answer::Tree(NameTree::Neg),
            Err(error) => {
                return Answer::Failed(format!("cannot look for {path} in {self:?}: {error}"));
            }
        };
        let file = path.take(consumed);
        let addresses = self.files.get_or_make(&file, || {
            let (tree, file) = (Arc::clone(&self.tree), file.clone());
            live::spawn("fs file", move |out| tree.follow(file, out))
        });
        let bound = Bound::new(self.prefix.join(&file), path.skip(consumed), addresses);
        Answer::Tree(NameTree::Leaf(Name::Bound(bound)))
    }

    /// The entries of the folder, folders too; not those that begin with a dot.
    fn names(&self) -> Option<Live<Vec<Path>>> {
        Some(self.names.get_or_make(&(), || {
            let (tree, prefix) = (Arc::clone(&self.tree), self.prefix.clone());
            live::spawn("fs names", move |out| tree.list(prefix, out))
        }))
    }
}

impl fmt::Debug for FsNamer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.tree.root.display(), self.prefix)
    }
}

impl Tree {
    fn root(&self, reads: &mut Reads) -> io::Result<Option<Found>> {
        self.watcher.find(FilePath::new("/"), &self.root, reads)
    }

    /// Finds the file that a path leads to, and how many of its segments lead there.
    fn walk(&self, path: &Path, reads: &mut Reads) -> io::Result<Option<(usize, Found)>> {
        let Some(mut here) = self.root(reads)? else {
            return Ok(None);
        };
        for (consumed, segment) in (1..).zip(path.segments()) {
            let Some(name) = file_name(segment) else {
                return Ok(None);
            };
            here = match self.watcher.find(&here.path, name.as_ref(), reads)? {
                Some(found) if found.metadata.is_dir() => found,
                Some(found) if found.metadata.is_file() => return Ok(Some((consumed, found))),
                _ => return Ok(None),
            };
        }
        Ok(None)
    }

    /// Keeps the addresses of a file.
    async fn follow(self: Arc<Self>, file: Path, mut out: Publisher<Addresses>) {
        let mut reads = Reads::default();
        let mut hosts;
        let mut told = Vec::new();
        loop {
            let mut next = Reads::default();
            let read = self.read(&file, &mut next);
            drop(std::mem::replace(&mut reads, next));
            match read {
                Ok(Some((path, lines))) => {
                    complain(&path, &mut told, lines.bad);
                    // The new hosts are there before the old ones go, so that those in both go on undisturbed.
                    hosts = self.hosts(&lines.good);
                    tokio::select! {
                        () = reads.changed() => {}
                        () = join(&hosts, &mut out) => {}
                    }
                    continue;
                }
                Ok(None) => out.set(Addresses::Neg),
                Err(error) => {
                    tracing::warn!(%file, %error, "cannot read addresses, keeping what is known");
                    out.fail(error.to_string());
                }
            }
            reads.changed().await;
        }
    }

    fn hosts(&self, lines: &[Line]) -> Vec<(Live<Addresses>, f64)> {
        let hosts = lines
            .iter()
            .map(|Line { host, port, weight }| (self.inet.addresses(host, *port, false), *weight));
        hosts.collect()
    }

    /// Reads a file. Files are small and local, so this does not go to another thread.
    fn read(&self, file: &Path, reads: &mut Reads) -> Result<Option<(PathBuf, Lines)>, Unread> {
        let found = match self.walk(file, reads)? {
            Some((consumed, found)) if consumed == file.len() => found,
            _ => return Ok(None),
        };
        if found.metadata.len() > MOST_BYTES {
            return Err(Unread::TooLarge(found.metadata.len()));
        }
        let bytes = match std::fs::read(&found.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let lines = lines::parse(&String::from_utf8_lossy(&bytes));
        match lines.bad.first() {
            Some(bad) if lines.good.is_empty() => {
                Err(Unread::NoGoodLine(bad.number, bad.reason.clone()))
            }
            _ => Ok(Some((found.path, lines))),
        }
    }

    async fn list(self: Arc<Self>, prefix: Path, mut out: Publisher<Vec<Path>>) {
        let mut reads = Reads::default();
        loop {
            let mut next = Reads::default();
            match self.entries(&prefix, &mut next) {
                Ok(names) => out.set(names),
                Err(error) => out.fail(format!("cannot list {}: {error}", self.root.display())),
            }
            drop(std::mem::replace(&mut reads, next));
            reads.changed().await;
        }
    }

    fn entries(&self, prefix: &Path, reads: &mut Reads) -> io::Result<Vec<Path>> {
        let Some(root) = self.root(reads)? else {
            return Ok(Vec::new());
        };
        reads.read(&self.watcher.folder(&root.path));
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&root.path)? {
            let name = entry?.file_name();
            if !name.as_bytes().starts_with(b".") {
                names.extend(Path::from_segments([name.as_bytes()]).map(|name| prefix.join(&name)));
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Keeps the addresses of hosts as one set. Ends never.
async fn join(hosts: &[(Live<Addresses>, f64)], out: &mut Publisher<Addresses>) {
    loop {
        let mut reads = Reads::default();
        let mut merged = Merged::default();
        for (host, weight) in hosts {
            merged.add(&reads.read(host), *weight);
        }
        match merged.outcome() {
            Merge::Pending => {}
            Merge::Failed(reason) => out.fail(reason),
            // The file is there, so the name exists.
            Merge::Neg => out.set(Addresses::of([])),
            Merge::Bound(endpoints) => out.set(Addresses::of(endpoints)),
        }
        reads.changed().await;
    }
}

/// Why a file that is there gives no addresses.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("file of {0} bytes, more than 500 kB")]
    TooLarge(u64),
    #[error("no line of the file is good; line {0}: {1}")]
    NoGoodLine(usize, String),
}

/// A segment as the name of an entry; none if it would lead elsewhere.
fn file_name(segment: &Segment) -> Option<&OsStr> {
    let bytes = segment.as_bytes();
    let leads_elsewhere =
        bytes == b"." || bytes == b".." || bytes.contains(&b'/') || bytes.contains(&0);
    (!leads_elsewhere).then(|| OsStr::from_bytes(bytes))
}

/// Logs the lines that are left out, once for each state of the file.
fn complain(file: &FilePath, told: &mut Vec<BadLine>, bad: Vec<BadLine>) {
    if *told == bad {
        return;
    }
    for line in &bad {
        tracing::warn!(
            file = %file.display(),
            line = line.number,
            text = line.text,
            reason = line.reason,
            "line left out"
        );
    }
    *told = bad;
}

#[cfg(test)]
mod tests;
