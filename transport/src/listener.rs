//! Listening sockets, with the options an operator may set, and an accept that outlives a lack of descriptors.

mod unix;

use std::{
    io,
    net::{Ipv6Addr, SocketAddr},
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::{Address, Peer, Stream};
pub use unix::SocketFile;

/// Options of a listening socket and of the connections it accepts. Those with `TCP` or a port in them mean nothing to Unix sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `TCP_NODELAY`: small writes are sent at once.
    pub no_delay: bool,
    /// `SO_REUSEADDR`: bind although old connections of the port linger.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`: several processes share the port.
    pub reuse_port: bool,
    /// `SO_KEEPALIVE` of accepted connections: a peer that is silent is asked every minute whether it is still there, and given up two minutes
    /// after it no longer is. The system's default if absent.
    pub keep_alive: Option<bool>,
    /// How many connections may wait to be accepted, 4096 if absent. The system has its own upper bound.
    pub backlog: Option<u32>,
}

const KEEP_ALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(30))
    .with_retries(4);

/// What Linux allows at most by default since 5.4.
const DEFAULT_BACKLOG: u32 = 4096;

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            no_delay: true,
            reuse_addr: true,
            reuse_port: false,
            keep_alive: None,
            backlog: None,
        }
    }
}

/// A bound, listening socket.
#[derive(Debug)]
pub struct Listener(Accepting);

#[derive(Debug)]
enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds and listens. Port 0 lets the system choose; see [`local_addr`](Self::local_addr). `::` has all addresses, those of IPv4 too,
    /// whatever the system's default is. Needs a tokio runtime.
    ///
    /// # Errors
    /// What the system says, such as an address in use or one that isn't ours.
    pub fn bind(address: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_address(options.reuse_addr)?;
        if options.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if address.ip() == Ipv6Addr::UNSPECIFIED {
            socket.set_only_v6(false)?;
        }
        socket.bind(&address.into())?;
        Self::listen(socket, options)
    }

    /// Binds to a file and listens. The file gets this mode, or what the process's umask leaves: who may write to it may connect. A socket
    /// that a dead process has left there is replaced. Needs a tokio runtime.
    ///
    /// # Errors
    /// What the system says, and where there is a file that is no such left-over.
    pub fn bind_unix(path: &Path, mode: Option<u32>, options: &SocketOptions) -> io::Result<Self> {
        Self::listen(unix::bind(path, mode)?, options)
    }

    /// Listens on a socket that another process has bound, and goes on with the connections that wait there. What can only be said
    /// before binding (`reuse_addr`, `reuse_port`) stays as it is. Needs a tokio runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn adopt(socket: OwnedFd, options: &SocketOptions) -> io::Result<Self> {
        let socket = Socket::from(socket);
        socket.set_nonblocking(true)?;
        Self::listen(socket, options)
    }

    fn listen(socket: Socket, options: &SocketOptions) -> io::Result<Self> {
        let is_unix = socket.local_addr()?.is_unix();
        // Accepted sockets inherit both on Linux and the BSDs.
        if !is_unix {
            socket.set_tcp_nodelay(options.no_delay)?;
        }
        match options.keep_alive {
            _ if is_unix => {}
            // The system's own times are hours.
            Some(true) => socket.set_tcp_keepalive(&KEEP_ALIVE)?,
            Some(false) => socket.set_keepalive(false)?,
            None => {}
        }
        let backlog = options.backlog.unwrap_or(DEFAULT_BACKLOG);
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(Self(match is_unix {
            true => Accepting::Unix(UnixListener::from_std(socket.into())?),
            false => Accepting::Tcp(TcpListener::from_std(socket.into())?),
        }))
    }

    /// The socket once more, to be handed to another process. It listens until both are closed.
    ///
    /// # Errors
    /// When there are no more descriptors.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        match &self.0 {
            Accepting::Tcp(socket) => socket.as_fd().try_clone_to_owned(),
            Accepting::Unix(socket) => socket.as_fd().try_clone_to_owned(),
        }
    }

    /// The same socket for another runtime: the one that this is called on.
    ///
    /// # Errors
    /// What the system says.
    pub fn moved(unregistered: Unregistered) -> io::Result<Self> {
        Ok(Self(match unregistered.0 {
            Bound::Tcp(socket) => Accepting::Tcp(TcpListener::from_std(socket)?),
            Bound::Unix(socket) => Accepting::Unix(UnixListener::from_std(socket)?),
        }))
    }

    /// Leaves its runtime, to be taken in by [another](Self::moved). Connections that wait in the queue stay there.
    ///
    /// # Errors
    /// What the system says.
    pub fn unregister(self) -> io::Result<Unregistered> {
        Ok(Unregistered(match self.0 {
            Accepting::Tcp(socket) => Bound::Tcp(socket.into_std()?),
            Accepting::Unix(socket) => Bound::Unix(socket.into_std()?),
        }))
    }

    /// The IP address it listens on, with the real port.
    ///
    /// # Errors
    /// What the system says; it has no reason to for a bound socket. A Unix socket has no such address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Accepting::Tcp(socket) => socket.local_addr(),
            Accepting::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Where it listens, with the real port.
    ///
    /// # Errors
    /// What the system says; it has no reason to for a bound socket. A Unix socket without a file has no address.
    pub fn address(&self) -> io::Result<Address> {
        match &self.0 {
            Accepting::Tcp(socket) => Ok(socket.local_addr()?.into()),
            Accepting::Unix(socket) => match socket.local_addr()?.as_pathname() {
                Some(path) => Ok(Address::unix(path)),
                None => Err(io::ErrorKind::Unsupported.into()),
            },
        }
    }

    /// The next connection and its peer.
    ///
    /// Never fails: a connection that died in the queue is passed over, and when descriptors or memory are short it waits, longer each time,
    /// so that a flood neither ends the server nor spins. Cancelling it loses no connection.
    pub async fn accept(&self) -> (Stream, Peer) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            match self.accept_once().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection died before it was accepted")
                }
                Err(error) => {
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn accept_once(&self) -> io::Result<(Stream, Peer)> {
        match &self.0 {
            Accepting::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                // Who came by IPv4 to `::` is known by that address.
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                Ok((Stream::Tcp(stream), Peer::Inet(peer)))
            }
            Accepting::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                Ok((Stream::Unix(Box::new(stream)), Peer::Unix))
            }
        }
    }
}

/// A listening socket on its way from one runtime to another.
#[derive(Debug)]
pub struct Unregistered(Bound);

#[derive(Debug)]
enum Bound {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// Within this time of having descriptors again, connections are accepted again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Whether an accept failed because of the connection, not of the listener or the process. Linux also hands on errors of the network
/// that were pending on the new socket (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::Interrupted
            | Kind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::net::TcpStream;

    use super::*;

    fn any_port() -> SocketAddr {
        ([127, 0, 0, 1], 0).into()
    }

    #[tokio::test]
    async fn a_port_in_use_is_refused_unless_it_is_shared() {
        let alone = Listener::bind(any_port(), &SocketOptions::default()).expect("a free port");
        let address = alone.local_addr().expect("bound");
        let second = Listener::bind(address, &SocketOptions::default()).expect_err("in use");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);

        let shared = SocketOptions {
            reuse_port: true,
            ..SocketOptions::default()
        };
        let first = Listener::bind(any_port(), &shared).expect("a free port");
        Listener::bind(first.local_addr().expect("bound"), &shared).expect("the port is shared");
    }

    #[tokio::test]
    async fn both_families_reach_the_wildcard() {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        // A machine may have no IPv6 at all.
        let Ok(listener) = Listener::bind(any, &SocketOptions::default()) else {
            return;
        };
        let port = listener.local_addr().expect("bound").port();
        for ip in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
        ] {
            let client = TcpStream::connect((ip, port)).await.expect("listening");
            let (_stream, peer) = listener.accept().await;
            assert_eq!(peer.inet(), client.local_addr().ok());
        }
    }

    #[tokio::test]
    async fn accepted_connections_have_the_options() {
        let options = SocketOptions {
            keep_alive: Some(true),
            no_delay: true,
            ..SocketOptions::default()
        };
        let listener = Listener::bind(any_port(), &options).expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("bound"))
            .await
            .expect("listening");
        let (stream, peer) = listener.accept().await;
        assert_eq!(peer.inet(), client.local_addr().ok());
        let Stream::Tcp(stream) = stream else {
            panic!("it came by TCP");
        };
        assert!(stream.nodelay().expect("open"));
        let socket = socket2::SockRef::from(&stream);
        assert!(socket.keepalive().expect("open"));
        assert_eq!(
            socket.tcp_keepalive_time().expect("open"),
            Duration::from_secs(60)
        );
    }
}
