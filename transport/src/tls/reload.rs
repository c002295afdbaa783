//! A value made from files, made again when they change.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::TlsError;

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A value that follows its files.
pub(super) struct Reloading<T> {
    files: Vec<PathBuf>,
    load: Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>,
    state: Mutex<Loaded<T>>,
}

struct Loaded<T> {
    value: Arc<T>,
    looked: Instant,
    seen: Vec<Option<Fingerprint>>,
}

/// What changes when a file, or the symbolic link to it, is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

impl<T> Reloading<T> {
    /// Loads the value for the first time.
    pub(super) fn new(
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        // The fingerprints come first: a change between the two is then seen at the next look, never lost.
        let seen = fingerprints(&files);
        let loaded = Loaded {
            value: Arc::new(load()?),
            looked: Instant::now(),
            seen,
        };
        Ok(Self {
            files,
            load: Box::new(load),
            state: Mutex::new(loaded),
        })
    }

    /// The value of now. A change that cannot be loaded is logged once, and leaves the value as it was.
    pub(super) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK_EVERY {
            state.looked = Instant::now();
            self.look(&mut state);
        }
        state.value.clone()
    }

    /// Reads small files while it holds the lock, which others wait for: rare, and short beside a handshake.
    fn look(&self, state: &mut Loaded<T>) {
        let found = fingerprints(&self.files);
        if found == state.seen {
            return;
        }
        state.seen = found;
        match (self.load)() {
            Ok(value) => {
                tracing::info!(files = ?self.files, "TLS files changed; new connections use them");
                state.value = Arc::new(value);
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(%error, source, "TLS files changed but cannot be used; the last good ones stay");
            }
        }
    }
}

fn fingerprints(files: &[PathBuf]) -> Vec<Option<Fingerprint>> {
    let fingerprint = |file: &PathBuf| -> io::Result<Fingerprint> {
        let metadata = fs::metadata(file)?;
        Ok(Fingerprint {
            modified: metadata.modified()?,
            length: metadata.len(),
            inode: metadata.ino(),
        })
    };
    files.iter().map(|file| fingerprint(file).ok()).collect()
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
