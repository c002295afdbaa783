//! Listening sockets that outlive a process: from one run of the program to the next, and from systemd.
//!
//! The running process starts the program again ([`Successor`]), with one end of a socket pair as its standard input, and passes
//! its listening sockets over that pair. Both then hold the same sockets and so the same queues: a connection that waits in one is
//! accepted by either, and none is refused when the older process lets go. The new process says over the pair when it serves, or why
//! it cannot; it is believed to have failed when it ends without a word.

mod successor;

use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

pub use successor::{NotReady, Successor};

/// Says that the standard input is the pair, by the number of the process that made it: whoever inherits the variable from further
/// above is not meant.
const HANDOVER: &str = "SWITCHYARD_HANDOVER";

/// Every socket goes with a record of this length: the address that it was configured with, and zeros. A record without a socket is the
/// last one.
const RECORD: usize = 256;

/// What the new process says, before it closes the pair: this, or why it isn't.
const READY: &str = "ready";

/// The listening sockets that this process was started with.
#[derive(Debug, Default)]
pub struct Inherited {
    /// With the addresses that they were configured with.
    sockets: Vec<(String, OwnedFd)>,
    /// From systemd, by the addresses that they are bound to.
    activated: Vec<TcpListener>,
    predecessor: Option<Predecessor>,
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
            predecessor: Some(Predecessor(pair)),
        })
    }

    /// Takes the socket that listens, or is to listen, on this address. The configured address decides, also where its port is 0 and the
    /// system chose one.
    pub fn take(&mut self, address: SocketAddr) -> Option<OwnedFd> {
        let name = address.to_string();
        if let Some(index) = self.sockets.iter().position(|(known, _)| *known == name) {
            return Some(self.sockets.swap_remove(index).1);
        }
        let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|bound| bound == address);
        let index = self.activated.iter().position(is_it)?;
        Some(self.activated.swap_remove(index).into())
    }

    /// The older run, to be told how this one does. What nobody took is closed.
    pub fn predecessor(self) -> Option<Predecessor> {
        for socket in &self.activated {
            tracing::warn!(address = ?socket.local_addr().ok(), "nothing is configured for a socket that systemd opened");
        }
        self.predecessor
    }
}

/// The process that this one comes after. If it hears nothing before this value is dropped, it goes on as it was.
#[derive(Debug)]
pub struct Predecessor(UnixStream);

impl Predecessor {
    /// This process serves: the older one may end. Nothing is to be done about one that has gone already.
    pub fn tell_ready(self) {
        self.tell(READY);
    }

    /// This process ends, for this reason.
    pub fn tell_failure(self, reason: &str) {
        self.tell(reason);
    }

    fn tell(mut self, word: &str) {
        let _ = self.0.write_all(word.as_bytes());
        // The standard input is the same socket, and stays.
        let _ = self.0.shutdown(Shutdown::Both);
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

fn activated() -> Vec<TcpListener> {
    let own = std::process::id().to_string();
    if std::env::var("LISTEN_PID").ok() != Some(own) {
        return Vec::new();
    }
    let mut given = listenfd::ListenFd::from_env();
    let taken = (0..given.len()).filter_map(|index| {
        let taken = given.take_tcp_listener(index);
        taken
            .inspect_err(|error| eprintln!("a socket of systemd cannot be used: {error}"))
            .ok()
            .flatten()
    });
    taken.collect()
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
            let socket = inherited.take(address.parse().expect("an address"))?;
            TcpListener::from(socket).local_addr().ok()
        };
        assert_eq!(take("[::1]:4140"), listeners[1].local_addr().ok());
        assert_eq!(take("127.0.0.1:0"), listeners[0].local_addr().ok());
        assert_eq!(take("127.0.0.1:0"), None);
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
