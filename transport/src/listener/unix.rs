//! The files of Unix sockets: made with the socket, left behind by dead processes, removed at an orderly end.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// A socket that is bound to this file. One that a dead process has left there is replaced.
pub(super) fn bind(path: &Path, mode: Option<u32>) -> io::Result<Socket> {
    let socket = unbound()?;
    let address = SockAddr::unix(path)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            make_room(path, &address)?;
            socket.bind(&address)?;
        }
        bound => bound?,
    }
    if let Some(mode) = mode {
        // Nobody can connect yet: it does not listen.
        set_mode(path, mode).inspect_err(|_| drop(fs::remove_file(path)))?;
    }
    Ok(socket)
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Removes the file if it is a socket that nobody listens on any more.
fn make_room(path: &Path, address: &SockAddr) -> io::Result<()> {
    use io::ErrorKind as Kind;
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        let message = "there is a file already, and it is no socket";
        return Err(io::Error::new(Kind::AlreadyExists, message));
    }
    // It does not block: where the queue is full somebody is there as well.
    match unbound()?.connect(address) {
        Err(error) if error.kind() == Kind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        Err(error) if error.kind() != Kind::WouldBlock => Err(error),
        Ok(()) | Err(_) => {
            let message = "another process listens on it";
            Err(io::Error::new(Kind::AddrInUse, message))
        }
    }
}

fn unbound() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The file of a listening Unix socket, to be removed by whoever listened last.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// The file that is there now.
    ///
    /// # Errors
    /// What the system says, such as that there is none.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(&fs::symlink_metadata(path)?),
        })
    }

    /// Removes it, unless somebody has put another one in its place.
    pub fn remove(self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| identity(&found) == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "cannot remove a socket's file");
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests;
