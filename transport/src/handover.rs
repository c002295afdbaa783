//! Listening sockets that outlive a process: from one run of the program to the next, and from systemd.
//!
//! The running process starts the program again ([`Successor`]), with one end of a socket pair as its standard input, and passes
//! its listening sockets over that pair. Both then hold the same sockets and so the same queues: a connection that waits in one is
//! accepted by either, and none is refused when the older process lets go. The new process says over the pair when it serves, or why
//! it cannot; it is believed to have failed when it ends without a word.

mod successor;

use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use listenfd::ListenFd;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::{Address, SocketFile};
pub use successor::{NotReady, Successor};

/// Says that the standard input is the pair, by the number of the process that made it: whoever inherits the variable from further
/// above is not meant.
const HANDOVER: &str = "SWITCHYARD_HANDOVER";

/// Every socket goes with a record of this length: the address that it was configured with, and zeros. A record without a socket is the
/// last one.
const RECORD: usize = 256;

/// What the new process says, before it closes the pair: this, or why it isn't.
const READY: &str = "ready";

/// A listening socket that goes from one process to another.
#[derive(Debug)]
pub struct HandedOver {
    /// The socket.
    pub socket: OwnedFd,
    /// Whether the file of a Unix socket is systemd's: it stays, whoever ends.
    pub is_lent: bool,
}

impl HandedOver {
    /// What it is called on its way.
    fn name(&self, configured: &Address) -> String {
        match self.is_lent {
            true => format!("{LENT}{configured}"),
            false => configured.to_string(),
        }
    }
}

/// Begins the names of sockets that are lent.
const LENT: &str = "lent ";

/// The listening sockets that this process was started with.
#[derive(Debug, Default)]
pub struct Inherited {
    /// With the addresses that they were configured with.
    sockets: Vec<(String, OwnedFd)>,
    /// From systemd, by the addresses that they are bound to.
    activated: Vec<(Address, OwnedFd)>,
    predecessor: Option<UnixStream>,
}

impl Inherited {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Those that an older run of the program passes on, and those of systemd's socket activation (`LISTEN_FDS`).
    ///
    /// To be called once, before there are threads: it changes the environment.
    ///
    /// # Errors
    /// When the older run cannot be heard.
    pub fn from_env() -> io::Result<Self> {
        let activated = activated();
        let Some(pair) = pair()? else {
            return Ok(Self {
                activated,
                ..Self::default()
            });
        };
        let mut sockets = Vec::new();
        while let Some(socket) = receive(&pair)? {
            sockets.push(socket);
        }
        Ok(Self {
            sockets,
            activated,
            predecessor: Some(pair),
        })
    }

    /// Takes the socket that listens, or is to listen, on this address. The configured address decides, also where its port is 0 and the
    /// system chose one.
    pub fn take(&mut self, address: &Address) -> Option<HandedOver> {
        let name = address.to_string();
        let plain = |known: &str| known.strip_prefix(LENT).unwrap_or(known) == name;
        if let Some(index) = self.sockets.iter().position(|(known, _)| plain(known)) {
            let (known, socket) = self.sockets.swap_remove(index);
            let is_lent = known.starts_with(LENT);
            return Some(HandedOver { socket, is_lent });
        }
        let mut activated = self.activated.iter();
        let index = activated.position(|(bound, _)| bound == address)?;
        Some(HandedOver {
            socket: self.activated.swap_remove(index).1,
            is_lent: true,
        })
    }

    /// The older run, to be told how this one does. What nobody took is closed.
    pub fn predecessor(self) -> Option<Predecessor> {
        for (address, _) in &self.activated {
            tracing::warn!(%address, "nothing is configured for a socket that systemd opened");
        }
        let paths = self.sockets.iter();
        let paths = paths.filter_map(|(name, _)| name.strip_prefix("unix:"));
        let left = paths.filter_map(|path| SocketFile::at(path.as_ref()).ok());
        Some(Predecessor {
            left: left.collect(),
            pair: self.predecessor?,
        })
    }
}

/// The process that this one comes after. If it hears nothing before this value is dropped, it goes on as it was.
#[derive(Debug)]
pub struct Predecessor {
    pair: UnixStream,
    /// The files of Unix sockets that nobody will listen on.
    left: Vec<SocketFile>,
}

impl Predecessor {
    /// This process serves: the older one may end. Nothing is to be done about one that has gone already.
    pub fn tell_ready(mut self) {
        self.left.drain(..).for_each(SocketFile::remove);
        self.tell(READY);
    }

    /// This process ends, for this reason.
    pub fn tell_failure(self, reason: &str) {
        self.tell(reason);
    }

    fn tell(mut self, word: &str) {
        let _ = self.pair.write_all(word.as_bytes());
        // The standard input is the same socket, and stays.
        let _ = self.pair.shutdown(Shutdown::Both);
    }
}

/// The pair's end in the new process: its standard input.
fn pair() -> io::Result<Option<UnixStream>> {
    let maker = std::env::var(HANDOVER)
        .ok()
        .and_then(|maker| maker.parse::<u32>().ok());
    if maker != Some(std::os::unix::process::parent_id()) {
        return Ok(None);
    }
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(Some(input.into()))
}

fn activated() -> Vec<(Address, OwnedFd)> {
    let own = std::process::id().to_string();
    if std::env::var("LISTEN_PID").ok() != Some(own) {
        return Vec::new();
    }
    let mut given = ListenFd::from_env();
    let taken = (0..given.len()).filter_map(|index| {
        let taken = take_activated(&mut given, index);
        taken
            .inspect_err(|error| eprintln!("a socket of systemd cannot be used: {error}"))
            .ok()
            .flatten()
    });
    taken.collect()
}

/// A socket of systemd's, and where it listens. One that is taken for what it is not stays where it is.
fn take_activated(given: &mut ListenFd, index: usize) -> io::Result<Option<(Address, OwnedFd)>> {
    if let Ok(Some(socket)) = given.take_tcp_listener(index) {
        return Ok(Some((socket.local_addr()?.into(), socket.into())));
    }
    let Some(socket) = given.take_unix_listener(index)? else {
        return Ok(None);
    };
    let address = socket.local_addr()?;
    let path = address.as_pathname().map(Address::unix);
    Ok(path.map(|path| (path, socket.into())))
}

/// Passes a socket on; `None` ends the list.
fn pass(pair: &UnixStream, socket: Option<(&str, BorrowedFd<'_>)>) -> io::Result<()> {
    let (name, socket) = socket.map_or(("", None), |(name, socket)| (name, Some([socket])));
    let mut record = name.as_bytes().to_vec();
    if record.len() > RECORD {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    record.resize(RECORD, 0);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(socket) = &socket {
        control.push(SendAncillaryMessage::ScmRights(socket));
    }
    let records = [IoSlice::new(&record)];
    match sendmsg(pair, &records, &mut control, SendFlags::NOSIGNAL)? {
        RECORD => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// The next socket that is passed on.
fn receive(pair: &UnixStream) -> io::Result<Option<(String, OwnedFd)>> {
    let mut record = [0; RECORD];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        pair,
        &mut [IoSliceMut::new(&mut record)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL,
    )?;
    if received.bytes < RECORD {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let name = String::from_utf8_lossy(&record);
    let name = name.trim_end_matches('\0').to_owned();
    let mut sockets = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    Ok(sockets.next().map(|socket| (name, socket)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_arrive_with_their_names_and_are_the_same_sockets() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
        for (name, listener) in ["127.0.0.1:0", "[::1]:4140"].iter().zip(&listeners) {
            pass(&ours, Some((name, listener.as_fd()))).expect("it is read");
        }
        pass(&ours, None).expect("it is read");
        let mut sockets = Vec::new();
        while let Some(socket) = receive(&theirs).expect("whole records") {
            sockets.push(socket);
        }
        let mut inherited = Inherited {
            sockets,
            ..Inherited::default()
        };
        let mut take = |address: &str| {
            let address = Address::Inet(address.parse().expect("an address"));
            let taken = inherited.take(&address)?;
            assert!(!taken.is_lent);
            TcpListener::from(taken.socket).local_addr().ok()
        };
        assert_eq!(take("[::1]:4140"), listeners[1].local_addr().ok());
        assert_eq!(take("127.0.0.1:0"), listeners[0].local_addr().ok());
        assert_eq!(take("127.0.0.1:0"), None);
    }

    #[test]
    fn files_of_unix_sockets_stay_whose_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let paths = ["kept", "lent", "left"].map(|name| folder.path().join(name));
        let listeners = paths
            .each_ref()
            .map(|path| UnixListener::bind(path).expect("a new file"));
        for (path, listener) in paths.iter().zip(&listeners) {
            let handed_over = HandedOver {
                socket: listener.try_clone().expect("open").into(),
                is_lent: path.ends_with("lent"),
            };
            let name = handed_over.name(&Address::unix(path));
            pass(&ours, Some((&name, handed_over.socket.as_fd()))).expect("it is read");
        }
        pass(&ours, None).expect("it is read");
        let mut inherited = Inherited::default();
        while let Some(socket) = receive(&theirs).expect("whole records") {
            inherited.sockets.push(socket);
        }
        inherited.predecessor = Some(theirs);
        for (path, is_lent) in [(&paths[0], false), (&paths[1], true)] {
            let taken = inherited.take(&Address::unix(path)).expect("it came");
            assert_eq!(taken.is_lent, is_lent, "{}", path.display());
            let bound = UnixListener::from(taken.socket).local_addr();
            assert_eq!(bound.expect("bound").as_pathname(), Some(&**path));
        }
        let predecessor = inherited.predecessor().expect("there is one");
        predecessor.tell_ready();
        let there: Vec<_> = paths.iter().map(|path| path.exists()).collect();
        assert_eq!(there, [true, true, false]);
    }

    #[test]
    fn a_list_that_breaks_off_is_no_list() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        pass(&ours, Some(("127.0.0.1:0", listener.as_fd()))).expect("it is read");
        drop(ours);
        assert!(receive(&theirs).expect("one came").is_some());
        receive(&theirs).expect_err("there is no end of the list");
    }
}
