//! `io.l5d.fs`: a dtab that is a file.

use std::io;
use std::path::{Path, PathBuf};

use dtab::Dtab;
use live::{Live, Publisher, Reads};

use crate::Table;
use crate::watch::Watcher;

/// Follows a file with a dtab. The revision counts the states in which the file was read and its rules differed.
///
/// Pending until there is a file; from then on a file that is gone or can't be parsed keeps the last good dtab.
pub(crate) fn table(file: &Path) -> Live<Table> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    live::spawn("dtab file", move |out| follow(file, out))
}

async fn follow(file: PathBuf, mut out: Publisher<Table>) {
    let watcher = Watcher::default();
    let mut reads = Reads::default();
    let mut told = String::new();
    loop {
        let mut next = Reads::default();
        match read(&watcher, &file, &mut next) {
            Ok(dtab) => {
                told.clear();
                publish(dtab, &mut out);
            }
            Err(trouble) => {
                let keeps = out.now().value().is_some();
                if told != trouble.detail {
                    let file = file.display();
                    let then = if keeps {
                        "keeping the last good dtab"
                    } else {
                        "waiting for it"
                    };
                    tracing::warn!("cannot read dtab {file}, {then}: {}", trouble.detail);
                    told.clone_from(&trouble.detail);
                }
                if keeps || !trouble.is_missing {
                    out.fail(trouble.reason);
                }
            }
        }
        drop(std::mem::replace(&mut reads, next));
        reads.changed().await;
    }
}

fn publish(dtab: Dtab, out: &mut Publisher<Table>) {
    let now = out.now();
    let revision = match now.value() {
        Some(table) if table.dtab == dtab => table.revision,
        Some(table) => table.revision + 1,
        None => 1,
    };
    out.set(Table { revision, dtab });
}

/// Why there is no dtab.
struct Trouble {
    is_missing: bool,
    /// In one line.
    reason: String,
    /// With the place in the file, where there is one.
    detail: String,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        let reason = error.to_string();
        Self {
            is_missing: error.kind() == io::ErrorKind::NotFound,
            detail: reason.clone(),
            reason,
        }
    }
}

fn read(watcher: &Watcher, file: &Path, reads: &mut Reads) -> Result<Dtab, Trouble> {
    let found = watcher.find(Path::new("/"), file, reads)?;
    let found = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))?;
    let text = std::fs::read_to_string(&found.path)?;
    Dtab::parse(&text).map_err(|error| {
        let (line, column) = error.line_column(&text);
        let place = format!("{}:{line}:{column}", file.display());
        Trouble {
            is_missing: false,
            reason: format!("{place}: {error}"),
            detail: format!("\n{}", error.render(&text, &file.display().to_string())),
        }
    })
}

#[cfg(test)]
mod tests;
