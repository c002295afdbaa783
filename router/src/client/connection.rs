//! A connection to an endpoint.
//!
//! While a request uses it, the request's own task reads and writes it; while it is idle nobody does. What happened meanwhile
//! is seen on the next use, before anything is written.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http1::{BadBody, Broken};
use socket2::SockRef;
use telemetry::Gauge;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use transport::{ClientTls, is_certificate_refusal, tls_reason};

use super::{NoRoom, Rules, Tls};
use crate::stats::Counted;
use crate::wire::{Input, Socket};

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// What the endpoint sent and nobody has used yet; nothing while it is idle.
    pub(crate) input: Input,
    pub(crate) opened: Instant,
    /// When it was last put back.
    pub(crate) returned: Instant,
    /// None if it leads no further than to somebody within this process.
    _counted: Option<Counted>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Refused(#[from] io::Error),
    #[error("not connected within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("{0}")]
    NoRoom(NoRoom),
    #[error("it took no connection a moment ago, and is not tried yet again (failFast)")]
    FailedFast,
    #[error("no TLS: {}", tls_reason(.0))]
    Insecure(io::Error),
}

impl ConnectError {
    /// Whether somebody took too long.
    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::Refused(_) | Self::NoRoom(_) | Self::FailedFast => false,
            Self::Insecure(error) => error.kind() == io::ErrorKind::TimedOut,
        }
    }

    /// The same for others who have waited for the same connection.
    pub(crate) fn again(&self) -> Self {
        let same = |error: &io::Error| match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        };
        match self {
            Self::Refused(error) => Self::Refused(same(error)),
            Self::TimedOut(within) => Self::TimedOut(*within),
            Self::NoRoom(no_room) => Self::NoRoom(*no_room),
            Self::FailedFast => Self::FailedFast,
            Self::Insecure(error) => {
                Self::Insecure(io::Error::new(error.kind(), tls_reason(error)))
            }
        }
    }

    /// Whether this process, or the system, has as many files open as it may.
    pub(crate) fn is_lack_of_descriptors(&self) -> bool {
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        let Self::Refused(error) = self else {
            return false;
        };
        matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
    }
}

/// Why a request that was sent got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interrupted {
    #[error("{}", tls_reason(.0))]
    Io(io::Error),
    /// It has looked at our certificate only, not at the request.
    #[error("{}", tls_reason(.0))]
    NotTrusted(io::Error),
    #[error("it was closed")]
    Closed,
    #[error("{0}")]
    Malformed(#[from] Broken),
    #[error("{0}")]
    Body(#[from] BadBody),
    /// Its stream, or all that it shares the connection with.
    #[error("{0}")]
    Stream(h2::Error),
    #[error("it switched to another protocol, which was not asked for")]
    Switched,
    #[error("it has too much to say before its answer")]
    TooMuch,
    #[error("it took longer than {} ms", .0.as_millis())]
    TimedOut(Duration),
}

impl From<io::Error> for Interrupted {
    fn from(error: io::Error) -> Self {
        match is_certificate_refusal(&error) {
            true => Self::NotTrusted(error),
            false => Self::Io(error),
        }
    }
}

impl Connection {
    /// Opens a socket. `connections` counts the connection while it is open.
    pub(crate) async fn open(
        address: SocketAddr,
        rules: &Rules,
        connections: Gauge,
    ) -> Result<Self, ConnectError> {
        let socket = open_socket(address, rules).await?;
        let mut connection = Self::within(socket);
        connection._counted = Some(Counted::new(connections));
        Ok(connection)
    }

    /// Around a socket that somebody else counts, or nobody.
    pub(crate) fn within(socket: Socket) -> Self {
        let now = Instant::now();
        Self {
            socket,
            input: Input::default(),
            opened: now,
            returned: now,
            _counted: None,
        }
    }

    /// Whether the other side keeps the idle connection open, as far as this side has heard. Bytes that nobody asked for make
    /// it useless, too: they would be taken for the next answer.
    pub(crate) fn is_open(&self) -> bool {
        self.input.is_empty() && !self.input.has_ended() && self.socket.is_quiet()
    }
}

/// Connects within the time that the rules allow, and shakes hands within the same time once more.
pub(crate) async fn open_socket(
    address: SocketAddr,
    rules: &Rules,
) -> Result<Socket, ConnectError> {
    let settings = &rules.settings;
    let within = settings.connect_timeout;
    let connecting = timeout(within, TcpStream::connect(address)).await;
    let stream = connecting.map_err(|_| ConnectError::TimedOut(within))??;
    // Fails only on a socket that is dead already, which the first write tells as well.
    let _ = stream.set_nodelay(settings.socket_options.no_delay);
    if let Some(keep_alive) = settings.socket_options.keep_alive {
        let _ = SockRef::from(&stream).set_keepalive(keep_alive);
    }
    match &rules.tls {
        Tls::Off => Ok(stream.into()),
        Tls::On(tls) => secure(stream, tls, address, within).await,
        Tls::Unusable(reason) => {
            let error = io::Error::other(reason.to_string());
            Err(ConnectError::Insecure(error))
        }
    }
}

/// Says goodbye: whoever has asked for TLS wants to know that nobody has cut the connection.
impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.say_goodbye();
    }
}

async fn secure(
    stream: TcpStream,
    tls: &ClientTls,
    address: SocketAddr,
    within: Duration,
) -> Result<Socket, ConnectError> {
    let shaken = timeout(within, Socket::connect(stream, tls, address.ip())).await;
    let shaken = shaken.unwrap_or_else(|_| {
        let reason = format!("it did not shake hands within {} ms", within.as_millis());
        Err(io::Error::new(io::ErrorKind::TimedOut, reason))
    });
    shaken.map_err(ConnectError::Insecure)
}
