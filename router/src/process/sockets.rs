//! The listening sockets of a process: taken over or bound, and kept for the next process.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use transport::{Inherited, Listener};

use crate::build::{self, StartError};

/// A second descriptor of every listening socket, with the address that it was configured with. A socket listens until it is
/// [closed](Self::close) here, too.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug)]
struct Kept {
    configured: SocketAddr,
    bound: SocketAddr,
    socket: OwnedFd,
}

impl Sockets {
    /// A listener on this address, and the address that it really has: an inherited socket, else a new one.
    ///
    /// # Errors
    /// [`StartError::Listen`]; `what` is for whom it is.
    pub(super) fn listen(
        &self,
        address: SocketAddr,
        options: &config::SocketOptions,
        what: &str,
        inherited: &mut Inherited,
    ) -> Result<(Listener, SocketAddr), StartError> {
        let options = build::socket_options(options);
        let listener = match inherited.take(address) {
            Some(socket) => Listener::adopt(socket, &options),
            None => Listener::bind(address, &options),
        };
        let listening = listener.and_then(|listener| {
            let bound = listener.local_addr()?;
            self.lock().push(Kept {
                configured: address,
                bound,
                socket: listener.duplicate()?,
            });
            Ok((listener, bound))
        });
        listening.map_err(|source| StartError::Listen {
            address,
            what: what.to_owned(),
            source,
        })
    }

    /// All of them, for another process.
    ///
    /// # Errors
    /// When there are no more descriptors.
    pub(super) fn copies(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        let copy = |kept: &Kept| Ok((kept.configured.to_string(), kept.socket.try_clone()?));
        self.lock().iter().map(copy).collect()
    }

    /// This one ends with its listener.
    pub(super) fn forget(&self, bound: SocketAddr) {
        self.lock().retain(|kept| kept.bound != bound);
    }

    /// Nobody else will have them.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
