//! Connections of the control side: name, TCP, TLS, one timeout over all three.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::client::TlsStream;

use crate::ClientTls;

/// Opens connections: plain ones, or with TLS if it was given some. Cheap to clone.
///
/// It is a tower `Service<Uri>` for hyper-util's legacy client and for tonic's `Endpoint::connect_with_connector`. Whether there is TLS
/// is the connector's to say, not the URI's: tonic wants its URI to begin with `http:` when the connector brings the TLS.
#[derive(Clone, Debug)]
pub struct Connector {
    tls: Option<ClientTls>,
    timeout: Duration,
}

/// Why a connection was not opened. Each names the host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host's name has no answer.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The host's name has an answer without addresses.
    #[error("{host} has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// No address of the host took the connection; this is the last one tried.
    #[error("cannot connect to {host} at {address}")]
    Connect {
        /// The name.
        host: String,
        /// The address tried last.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("TLS handshake with {host} failed")]
    Tls {
        /// The name.
        host: String,
        /// A [`rustls::Error`] is inside where it says why.
        source: io::Error,
    },
    /// It took too long.
    #[error("no connection to {host} within {} ms", after.as_millis())]
    Timeout {
        /// The name.
        host: String,
        /// The connector's timeout.
        after: Duration,
    },
    /// A URI without a host.
    #[error("{uri} names no host")]
    NoHost {
        /// The URI.
        uri: Uri,
    },
    /// An `https:` URI, and no TLS settings.
    #[error("{uri} asks for TLS, which is not configured")]
    NoTls {
        /// The URI.
        uri: Uri,
    },
}

impl Connector {
    /// A connector with this timeout for name, connection and handshake together.
    #[must_use]
    pub fn new(tls: Option<ClientTls>, timeout: Duration) -> Self {
        Self { tls, timeout }
    }

    /// Connects to the first address of the host that answers. Without a common name in the TLS settings, the host must be the server's name.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self, host: &str, port: u16) -> Result<Io, ConnectError> {
        let connected = tokio::time::timeout(self.timeout, self.connect_untimed(host, port)).await;
        connected.unwrap_or_else(|_| {
            Err(ConnectError::Timeout {
                host: host.to_owned(),
                after: self.timeout,
            })
        })
    }

    async fn connect_untimed(&self, host: &str, port: u16) -> Result<Io, ConnectError> {
        let deadline = Instant::now() + self.timeout;
        let stream = first_to_answer(host, port, deadline).await?;
        // Fails only on a connection that is dead already, and its first read will say so.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => Ok(Io::Tcp(stream)),
            Some(tls) => match tls.connect(stream, host).await {
                Ok(stream) => Ok(Io::Tls(Box::new(stream))),
                Err(source) => Err(ConnectError::Tls {
                    host: host.to_owned(),
                    source,
                }),
            },
        }
    }

    async fn connect_uri(self, uri: Uri) -> Result<TokioIo<Io>, ConnectError> {
        let https = uri.scheme_str() == Some("https");
        if https && self.tls.is_none() {
            return Err(ConnectError::NoTls { uri });
        }
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let Some(host) = uri.host() else {
            return Err(ConnectError::NoHost { uri });
        };
        // An IPv6 address stands in brackets in a URI, and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(TokioIo::new(self.connect(host, port).await?))
    }
}

async fn first_to_answer(
    host: &str,
    port: u16,
    deadline: Instant,
) -> Result<TcpStream, ConnectError> {
    let resolved = tokio::net::lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = match resolved {
        Ok(addresses) => addresses.collect(),
        Err(source) => {
            return Err(ConnectError::Resolve {
                host: host.to_owned(),
                source,
            });
        }
    };
    let mut last = ConnectError::NoAddress {
        host: host.to_owned(),
    };
    for (index, &address) in addresses.iter().enumerate() {
        // An address that swallows packets gets its share of the time, not all of it.
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        let source = match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => source,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        last = ConnectError::Connect {
            host: host.to_owned(),
            address,
            source,
        };
    }
    Err(last)
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Io>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.clone().connect_uri(uri).boxed()
    }
}

/// A connection from a [`Connector`].
pub enum Io {
    /// Plain.
    Tcp(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    /// Whether both sides agreed on HTTP/2 by ALPN.
    #[must_use]
    pub fn is_h2(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl Connection for Io {
    fn connected(&self) -> Connected {
        let connected = self.tcp().connected();
        if self.is_h2() {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if matches!(self, Self::Tls(_)) {
            "Tls"
        } else {
            "Tcp"
        };
        f.debug_tuple(kind)
            .field(&self.tcp().peer_addr().ok())
            .finish()
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests;
