//! An accepted connection, whatever it came by.

use std::io::{self, IoSlice};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket. Boxed, so that the other kind needs no room to be told apart.
    Unix(Box<UnixStream>),
}

/// A connected socket on its way from one runtime to another.
#[derive(Debug)]
pub enum UnregisteredStream {
    /// Over TCP.
    Tcp(std::net::TcpStream),
    /// Over a Unix socket.
    Unix(StdUnixStream),
}

impl Stream {
    /// The same connection for another runtime: the one that this is called on.
    ///
    /// # Errors
    /// What the system says.
    pub fn moved(unregistered: UnregisteredStream) -> io::Result<Self> {
        Ok(match unregistered {
            UnregisteredStream::Tcp(stream) => Self::Tcp(TcpStream::from_std(stream)?),
            UnregisteredStream::Unix(stream) => Self::Unix(Box::new(UnixStream::from_std(stream)?)),
        })
    }

    /// Leaves its runtime, to be taken in by [another](Self::moved).
    ///
    /// # Errors
    /// What the system says.
    pub fn unregister(self) -> io::Result<UnregisteredStream> {
        Ok(match self {
            Self::Tcp(stream) => UnregisteredStream::Tcp(stream.into_std()?),
            Self::Unix(stream) => UnregisteredStream::Unix(stream.into_std()?),
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(&mut **stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_as_large_as_one_over_tcp() {
        assert_eq!(size_of::<Stream>(), size_of::<TcpStream>());
    }
}
