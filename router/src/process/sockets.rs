//! The listening sockets of a process: taken over or bound, and kept for the next process.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use transport::{Address, HandedOver, Inherited, Listener, SocketFile};

use crate::build::{self, StartError};

/// A second descriptor of every listening socket, with the address that it was configured with. A socket listens until it is
/// [closed](Self::close) here, too.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug)]
struct Kept {
    configured: Address,
    bound: Address,
    socket: OwnedFd,
    file: Option<SocketFile>,
    origin: Origin,
}

/// Whose socket it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Nobody's.
    Bound,
    /// That of the process before this one.
    HandedOver,
    /// Systemd's, and so is the file.
    Lent,
}

/// What a part of the process wants to listen on.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) address: Address,
    /// The permissions of a Unix socket's file.
    pub(super) mode: Option<u32>,
    pub(super) options: &'a config::SocketOptions,
    /// Who it is.
    pub(super) what: &'a str,
}

impl Sockets {
    /// A listener, and the address that it really has: an inherited socket, else a new one.
    ///
    /// # Errors
    /// [`StartError::Listen`]
    pub(super) fn listen(
        &self,
        wanted: Wanted<'_>,
        inherited: &mut Inherited,
    ) -> Result<(Listener, Address), StartError> {
        let listening = self.listen_on(&wanted, inherited.take(&wanted.address));
        listening.map_err(|source| StartError::Listen {
            address: wanted.address,
            what: wanted.what.to_owned(),
            source,
        })
    }

    fn listen_on(
        &self,
        wanted: &Wanted<'_>,
        given: Option<HandedOver>,
    ) -> io::Result<(Listener, Address)> {
        let options = build::socket_options(wanted.options);
        let origin = match &given {
            None => Origin::Bound,
            Some(given) if given.is_lent => Origin::Lent,
            Some(_) => Origin::HandedOver,
        };
        let listener = match (given, &wanted.address) {
            (Some(given), _) => Listener::adopt(given.socket, &options),
            (None, Address::Inet(address)) => Listener::bind(*address, &options),
            (None, Address::Unix(path)) => Listener::bind_unix(path, wanted.mode, &options),
        }?;
        let bound = listener.address()?;
        self.lock().push(Kept {
            configured: wanted.address.clone(),
            bound: bound.clone(),
            socket: listener.duplicate()?,
            file: match &wanted.address {
                // One that is gone already needs nobody to remove it.
                Address::Unix(path) => SocketFile::at(path).ok(),
                Address::Inet(_) => None,
            },
            origin,
        });
        Ok((listener, bound))
    }

    /// All of them, for another process.
    ///
    /// # Errors
    /// When there are no more descriptors.
    pub(super) fn copies(&self) -> io::Result<Vec<(Address, HandedOver)>> {
        let copy = |kept: &Kept| {
            let handed_over = HandedOver {
                socket: kept.socket.try_clone()?,
                is_lent: kept.origin == Origin::Lent,
            };
            Ok((kept.configured.clone(), handed_over))
        };
        self.lock().iter().map(copy).collect()
    }

    /// This one ends with its listener.
    pub(super) fn forget(&self, bound: &Address) {
        self.leave(bound, |origin| origin != Origin::Lent);
    }

    /// This one is not wanted after all: it is left as it was found.
    pub(super) fn undo(&self, bound: &Address) {
        self.leave(bound, |origin| origin == Origin::Bound);
    }

    fn leave(&self, bound: &Address, is_file_removed: impl Fn(Origin) -> bool) {
        let mut kept = self.lock();
        for left in kept.extract_if(.., |kept| kept.bound == *bound) {
            if let Some(file) = left.file.filter(|_| is_file_removed(left.origin)) {
                file.remove();
            }
        }
    }

    /// Another process has them.
    pub(super) fn hand_over(&self) {
        self.lock().clear();
    }

    /// Nobody else will have them.
    pub(super) fn close(&self) {
        for kept in self.lock().drain(..) {
            // Before the socket closes: until then nobody can take the file for left behind.
            if let Some(file) = kept.file.filter(|_| kept.origin != Origin::Lent) {
                file.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
