//! A value made from files, made again when they change.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::{TlsError, certificate};

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long before a certificate expires somebody should hear of it, and how often.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 86_400);
const WARN_EVERY: Duration = Duration::from_secs(86_400);

/// A value that follows its files.
pub(super) struct Reloading<T> {
    files: Vec<PathBuf>,
    load: Box<dyn Fn() -> Result<Material<T>, TlsError> + Send + Sync>,
    state: Mutex<Loaded<T>>,
}

/// What is made from the files.
pub(super) struct Material<T> {
    pub(super) value: T,
    /// When the first of the certificates that are shown to others expires, if there are any.
    pub(super) expires: Option<SystemTime>,
}

impl<T> Material<T> {
    /// Something that shows these certificates.
    pub(super) fn showing(value: T, chain: &[CertificateDer<'_>]) -> Self {
        let expires = chain.iter().filter_map(|der| certificate::expires(der));
        Self {
            value,
            expires: expires.min(),
        }
    }
}

struct Loaded<T> {
    value: Arc<T>,
    expires: Option<SystemTime>,
    /// When somebody was last told that it expires.
    warned: Option<Instant>,
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
        load: impl Fn() -> Result<Material<T>, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        // The fingerprints come first: a change between the two is then seen at the next look, never lost.
        let seen = fingerprints(&files);
        let material = load()?;
        let mut loaded = Loaded {
            value: Arc::new(material.value),
            expires: material.expires,
            warned: None,
            looked: Instant::now(),
            seen,
        };
        loaded.warn_of_end(&files);
        Ok(Self {
            files,
            load: Box::new(load),
            state: Mutex::new(loaded),
        })
    }

    /// The value of now. A change that cannot be loaded is logged once, and leaves the value as it was.
    pub(super) fn current(&self) -> Arc<T> {
        self.looked().value.clone()
    }

    /// In how many seconds the first of the certificates that are shown to others expires; negative if it has.
    pub(super) fn seconds_left(&self) -> Option<f64> {
        let expires = self.looked().expires?;
        Some(match expires.duration_since(SystemTime::now()) {
            Ok(left) => left.as_secs_f64(),
            Err(over) => -over.duration().as_secs_f64(),
        })
    }

    fn looked(&self) -> MutexGuard<'_, Loaded<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK_EVERY {
            state.looked = Instant::now();
            self.look(&mut state);
            state.warn_of_end(&self.files);
        }
        state
    }

    /// Reads small files while it holds the lock, which others wait for: rare, and short beside a handshake.
    fn look(&self, state: &mut Loaded<T>) {
        let found = fingerprints(&self.files);
        if found == state.seen {
            return;
        }
        state.seen = found;
        match (self.load)() {
            Ok(material) => {
                tracing::info!(files = ?self.files, "TLS files changed; new connections use them");
                state.value = Arc::new(material.value);
                state.expires = material.expires;
                state.warned = None;
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(%error, source, "TLS files changed but cannot be used; the last good ones stay");
            }
        }
    }
}

impl<T> Loaded<T> {
    /// Says so if a certificate expires soon, once a day.
    fn warn_of_end(&mut self, files: &[PathBuf]) {
        let is_told = self
            .warned
            .is_some_and(|warned| warned.elapsed() < WARN_EVERY);
        let soon = SystemTime::now() + WARN_BEFORE;
        let Some(expires) = self.expires.filter(|end| *end < soon && !is_told) else {
            return;
        };
        self.warned = Some(Instant::now());
        match expires.duration_since(SystemTime::now()) {
            Ok(left) => {
                let days = left.as_secs() / 86_400;
                tracing::warn!(?files, "a certificate expires in {days} days");
            }
            Err(_) => tracing::warn!(?files, "a certificate has expired"),
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
