//! The program that runs, and how it is started again.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use transport::{Address, HandedOver, NotReady, Successor};

/// The program with its arguments, as it was called.
///
/// Where it was called by a path or through `PATH`, that path is kept, and not the file that it led to: the file may be replaced, and
/// the path may lead to another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
}

/// How long the next run of the program may take to serve.
const READY_WITHIN: Duration = Duration::from_secs(30);

impl Program {
    /// This process's program. To be asked at the start, before anything is replaced.
    ///
    /// # Errors
    /// When it was called by no path, and the system does not know either.
    pub fn this() -> io::Result<Self> {
        let mut words = std::env::args_os();
        let called = words.next().map(PathBuf::from).unwrap_or_default();
        let path = match find(&called, std::env::var_os("PATH")) {
            Some(path) => std::path::absolute(path)?,
            None => std::env::current_exe()?,
        };
        Ok(Self {
            path,
            args: words.collect(),
        })
    }

    /// Starts it again with these sockets, and waits until it serves: its process's number. Cancelling this ends it.
    ///
    /// # Errors
    /// [`NotReady`]. It has ended then.
    pub(super) async fn succeed(
        &self,
        sockets: Vec<(Address, HandedOver)>,
    ) -> Result<u32, NotReady> {
        let mut command = Command::new(&self.path);
        command.args(&self.args);
        let start = move || Successor::start(&mut command, &sockets);
        let successor = tokio::task::spawn_blocking(start)
            .await
            .map_err(io::Error::other)??;
        tracing::info!("{successor} is to take over");
        successor.ready(READY_WITHIN).await
    }
}

/// The file that a shell starts for this word.
fn find(called: &Path, path: Option<OsString>) -> Option<PathBuf> {
    if called.components().count() > 1 || called.is_absolute() {
        return called.is_file().then(|| called.to_owned());
    }
    let mut folders = path.iter().flat_map(std::env::split_paths);
    folders
        .by_ref()
        .map(|folder| folder.join(called))
        .find(|file| !called.as_os_str().is_empty() && file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_a_shell_finds_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("router");
        std::fs::write(&file, "").expect("a file");
        let path = std::env::join_paths([Path::new("/nowhere"), dir.path()]).expect("a path");
        for (called, expected) in [
            (Path::new("router"), Some(&file)),
            (&*file, Some(&file)),
            (Path::new("./router"), None),
            (Path::new("other"), None),
            (Path::new(""), None),
        ] {
            let found = find(called, Some(path.clone()));
            assert_eq!(found.as_ref(), expected, "{}", called.display());
        }
    }
}
