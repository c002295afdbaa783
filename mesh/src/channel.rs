//! gRPC connections to the first of several namerds that answers.

mod noted;

use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use transport::{ClientTls, Io};

use self::noted::{Noted, Trouble};

/// How long one address may take to answer: name, TCP and TLS together. Less than a second, so that the next one is tried within one.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(900);

/// How often an idle connection is asked whether its other end is still there.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);
/// How long the other end may take to say so, before the connection and all its streams end.
pub const PING_TIMEOUT: Duration = Duration::from_secs(4);

/// Small streams on a large connection: one stalled stream must not stop the others, and many small messages that wait on
/// stalled streams must not use up what the h2 crate allows a connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// At least; twice that of a stream.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// The namerds that a router may use.
///
/// A name with several addresses counts as several namerds, in an order of this router's own, so that a fleet spreads over
/// them. Cheap to clone; clones share what they know.
#[derive(Debug, Clone)]
pub struct Namerds {
    shared: Arc<Shared>,
    stream_window_bytes: u32,
}

#[derive(Debug)]
struct Shared {
    targets: Vec<Target>,
    tls: Option<ClientTls>,
    /// Where in a name's addresses this router begins.
    offset: usize,
    last: Mutex<Last>,
}

/// Whom the last connection was to.
#[derive(Debug, Default, Clone, Copy)]
struct Last {
    target: usize,
    address: Option<SocketAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    host: String,
    port: u16,
}

/// A connection to a namerd.
#[derive(Debug, Clone)]
pub struct Connected {
    /// One connection. When it breaks, its streams end, and all further calls fail: ask for another.
    pub channel: Channel,
    /// Whom it is to.
    pub address: SocketAddr,
    /// Whom it is to, as configured: `host:port`.
    pub target: String,
    trouble: Trouble,
}

impl Connected {
    /// What broke the connection, if reading or writing it failed: more than the errors of its calls say.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.told()
    }
}

/// A list of namerds that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is empty.
    #[error("no namerd address")]
    Empty,
    /// One isn't `host:port`.
    #[error("namerd address {0:?} is not host:port")]
    Invalid(String),
}

/// No namerd answered.
#[derive(Debug, thiserror::Error)]
#[error("no namerd answers: {}", Joined(.0))]
pub struct Unanswered(pub Vec<Failure>);

/// One namerd that did not answer.
#[derive(Debug)]
pub struct Failure {
    /// Whom: as configured, `host:port`.
    pub target: String,
    /// At which address; `None` if the name has none.
    pub address: Option<SocketAddr>,
    /// Why not.
    pub source: Box<dyn Error + Send + Sync>,
}

impl Namerds {
    /// The namerds at these addresses, each `host:port`, in order of preference. With TLS settings, all connections have TLS; the settings
    /// should offer `h2` by ALPN.
    ///
    /// # Errors
    /// If there is no address, or one is not `host:port`.
    pub fn new<S: AsRef<str>>(
        addresses: impl IntoIterator<Item = S>,
        tls: Option<ClientTls>,
    ) -> Result<Self, AddressError> {
        let targets = addresses.into_iter();
        let targets: Vec<Target> = targets
            .map(|address| Target::parse(address.as_ref()))
            .collect::<Result<_, _>>()?;
        if targets.is_empty() {
            return Err(AddressError::Empty);
        }
        let shared = Shared {
            targets,
            tls,
            offset: fastrand::usize(..),
            last: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            stream_window_bytes: STREAM_WINDOW_BYTES,
        })
    }

    /// The same with another HTTP/2 window for each stream: how much a namerd may send ahead of what was read. 256 KiB
    /// by default. A large one is for streams that are always read.
    #[must_use]
    pub fn with_stream_window(self, bytes: u32) -> Self {
        Self {
            stream_window_bytes: bytes,
            ..self
        }
    }

    /// Connects to the first namerd that answers. The search begins behind the namerd of the last connection: whoever asks
    /// again does so because that one no longer serves it.
    ///
    /// # Errors
    /// If none answers, each within [`ATTEMPT_TIMEOUT`].
    pub async fn connect(&self) -> Result<Connected, Unanswered> {
        let last = *self.last();
        let mut failures = Vec::new();
        // The target of the last connection comes first, with the addresses behind that one, and again at the end, with the others.
        let rounds = self.shared.targets.len() + usize::from(last.address.is_some());
        for round in 0..rounds {
            if let Some(connected) = self.round(last, round, &mut failures).await {
                return Ok(connected);
            }
        }
        Err(Unanswered(failures))
    }

    async fn round(
        &self,
        last: Last,
        round: usize,
        failures: &mut Vec<Failure>,
    ) -> Option<Connected> {
        let targets = &self.shared.targets;
        let index = (last.target + round) % targets.len();
        let target = &targets[index];
        let addresses = match target.resolve(self.shared.offset).await {
            Ok(addresses) => addresses,
            Err(source) => {
                failures.push(target.failure(None, source));
                return None;
            }
        };
        let known = addresses.iter().position(|a| Some(*a) == last.address);
        let (before, behind) = addresses.split_at(known.map_or(0, |at| at + 1));
        let due = match round {
            0 => behind,
            _ if round == targets.len() => before,
            _ => &addresses,
        };
        for &address in due {
            let trouble = Trouble::default();
            match self.open(target, address, trouble.clone()).await {
                Ok(channel) => {
                    *self.last() = Last {
                        target: index,
                        address: Some(address),
                    };
                    let target = target.to_string();
                    return Some(Connected {
                        channel,
                        address,
                        target,
                        trouble,
                    });
                }
                Err(source) => failures.push(target.failure(Some(address), source)),
            }
        }
        None
    }

    async fn open(
        &self,
        target: &Target,
        address: SocketAddr,
        trouble: Trouble,
    ) -> Result<Channel, BoxError> {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        // What stands in `:scheme` and `:authority`; the connection is ours to make.
        let origin = format!("{scheme}://{target}").parse()?;
        let connection_window = self.stream_window_bytes.saturating_mul(2);
        // The most that HTTP/2 allows. Source: RFC 9113 §6.9.1.
        let connection_window = connection_window.clamp(CONNECTION_WINDOW_BYTES, (1 << 31) - 1);
        let endpoint = Endpoint::from_static("http://namerd")
            .origin(origin)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(self.stream_window_bytes)
            .initial_connection_window_size(connection_window);
        let opening = async {
            let io = self.dial(&target.host, address).await?;
            let once = Once(Some(TokioIo::new(Noted::new(io, trouble))));
            Ok(endpoint.connect_with_connector(once).await?)
        };
        timeout(ATTEMPT_TIMEOUT, opening)
            .await
            .unwrap_or_else(|_| Err(no_answer().into()))
    }

    async fn dial(&self, host: &str, address: SocketAddr) -> io::Result<Io> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        match &self.shared.tls {
            None => Ok(Io::Tcp(stream)),
            Some(tls) => Ok(Io::Tls(Box::new(tls.connect(stream, host).await?))),
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        let last = self.shared.last.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

fn no_answer() -> io::Error {
    let text = format!("no answer within {} ms", ATTEMPT_TIMEOUT.as_millis());
    io::Error::new(io::ErrorKind::TimedOut, text)
}

impl Target {
    fn parse(address: &str) -> Result<Self, AddressError> {
        let invalid = || AddressError::Invalid(address.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        // An IPv6 address without brackets would swallow its port.
        if host.is_empty() || (bare.is_none() && host.contains([':', '/', '@', ' '])) {
            return Err(invalid());
        }
        Ok(Self {
            host: bare.unwrap_or(host).to_owned(),
            port: port.parse().map_err(|_| invalid())?,
        })
    }

    /// All addresses, beginning at `offset`.
    async fn resolve(&self, offset: usize) -> Result<Vec<SocketAddr>, BoxError> {
        let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
        let found = timeout(ATTEMPT_TIMEOUT, lookup).await;
        let mut addresses: Vec<SocketAddr> = found.map_err(|_| no_answer())??.collect();
        if addresses.is_empty() {
            return Err("the name has no address".into());
        }
        // Resolvers shuffle: only an order of its own tells this router which address comes next.
        addresses.sort_unstable();
        addresses.dedup();
        let first = offset % addresses.len();
        addresses.rotate_left(first);
        Ok(addresses)
    }

    fn failure(&self, address: Option<SocketAddr>, source: BoxError) -> Failure {
        Failure {
            target: self.to_string(),
            address,
            source,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Gives away one connection, and has no other: a channel that reconnects by itself would do so unseen.
struct Once(Option<TokioIo<Noted<Io>>>);

impl tower::Service<http::Uri> for Once {
    type Response = TokioIo<Noted<Io>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let broken = || io::Error::new(io::ErrorKind::NotConnected, "the connection is broken");
        ready(self.0.take().ok_or_else(broken))
    }
}

impl fmt::Display for Failure {
    /// Shows the causes too: of several failures no single one can be the source of an error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.target)?;
        if let Some(address) = self.address
            && address.to_string() != self.target
        {
            write!(f, " ({address})")?;
        }
        write!(f, ": {}", self.source)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

struct Joined<'a>(&'a [Failure]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
