//! The file that a snapshot is in.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path as FilePath, PathBuf};

use super::form::Form;
use super::{Snapshot, SnapshotPlace};

/// Nobody needs a larger one; more is a mistake.
const BYTES_MAX: u64 = 256 << 20;

/// The longest name of a file that all file systems take, less what is put around it.
const NAME_BYTES_MAX: usize = 200;

/// A snapshot's file.
#[derive(Clone, Debug)]
pub(super) struct File {
    folder: PathBuf,
    name: String,
    namespace: String,
}

/// Why a snapshot can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// What the system says.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What is in it is no snapshot.
    #[error("it is no snapshot: {0}")]
    Corrupt(#[from] serde_json::Error),
    /// It belongs to another namespace or another version.
    #[error("it is {0}")]
    Foreign(String),
    /// It is too large.
    #[error("it has {0} bytes")]
    TooLarge(u64),
    /// Others could put routes into it.
    #[error("others may write to it")]
    Open,
}

impl File {
    /// The file in the first folder that can be written.
    pub(super) fn find(place: &SnapshotPlace) -> Option<Self> {
        for folder in &place.folders {
            match prepare(folder) {
                Ok(()) => {
                    return Some(Self {
                        folder: folder.clone(),
                        name: place.name.clone(),
                        namespace: place.namespace.clone(),
                    });
                }
                Err(error) => {
                    tracing::debug!("cannot keep state in {}: {error}", folder.display());
                }
            }
        }
        if !place.folders.is_empty() {
            tracing::warn!(
                folders = ?place.folders,
                "no folder to keep state in: names will not be known at the next start before namerd answers"
            );
        }
        None
    }

    /// What was written down; nothing when there is nothing, or nothing that can be understood.
    pub(super) fn read_or_warn(&self) -> Snapshot {
        match self.read() {
            Ok(snapshot) => snapshot,
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                Snapshot::default()
            }
            Err(error) => {
                let path = self.path();
                tracing::warn!("cannot use the snapshot {}: {error}", path.display());
                Snapshot::default()
            }
        }
    }

    fn read(&self) -> Result<Snapshot, FileError> {
        let path = self.path();
        let bytes = fs::metadata(&path)?.len();
        if bytes > BYTES_MAX {
            return Err(FileError::TooLarge(bytes));
        }
        let form: Form = serde_json::from_slice(&fs::read(&path)?)?;
        form.into_snapshot(&self.namespace)
            .map_err(FileError::Foreign)
    }

    pub(super) fn write_or_warn(&self, snapshot: Snapshot) {
        if let Err(error) = self.write(snapshot) {
            let path = self.path();
            tracing::warn!("cannot write the snapshot {}: {error}", path.display());
        }
    }

    /// Writes beside, then renames: whatever happens meanwhile, the file is whole.
    fn write(&self, snapshot: Snapshot) -> Result<(), FileError> {
        let form = Form::new(snapshot, &self.namespace);
        let beside = self.folder.join(format!(".{}.new", self.name));
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        let mut writer = BufWriter::new(file);
        serde_json::to_writer(&mut writer, &form)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        fs::rename(&beside, self.path())?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

/// Makes the folder if need be, and tries whether it can be written.
fn prepare(folder: &FilePath) -> Result<(), FileError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // The folder may stand in one where everybody makes folders.
    let owner = fs::metadata(folder)?;
    let own = fs::metadata("/proc/self").map_or_else(|_| owner.uid(), |own| own.uid());
    if owner.mode() & 0o002 != 0 || ![own, 0].contains(&owner.uid()) {
        return Err(FileError::Open);
    }
    let probe = folder.join(format!(".{}.probe", std::process::id()));
    fs::write(&probe, "")?;
    fs::remove_file(&probe)?;
    Ok(())
}

/// `<router>.<namespace>.json`, with `~` and two hexadecimal digits for each byte that could mean something to a file
/// system, and for each dot of the router's label.
pub(super) fn name(router: &str, namespace: &str) -> String {
    let mut name = String::new();
    push_safe(&mut name, router, |byte| byte == b'-' || byte == b'_');
    name.push('.');
    push_safe(&mut name, namespace, |byte| b"-_.".contains(&byte));
    if name.len() > NAME_BYTES_MAX {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        // All of it is ASCII.
        name.truncate(NAME_BYTES_MAX);
        name.push_str(&format!("-{:016x}", hasher.finish()));
    }
    name.push_str(".json");
    name
}

fn push_safe(name: &mut String, text: &str, is_safe: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || is_safe(byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("~{byte:02x}"));
        }
    }
}
