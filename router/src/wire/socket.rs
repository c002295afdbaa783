//! A stream socket, whoever is at its other end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, tcp, unix};
use transport::Stream;

/// A connected socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
}

impl From<Stream> for Socket {
    fn from(stream: Stream) -> Self {
        Self { stream }
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Stream::Tcp(stream).into()
    }
}

impl Socket {
    /// Both directions, to be used side by side. Costs nothing.
    pub(crate) fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        match &mut self.stream {
            Stream::Tcp(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            Stream::Unix(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
        }
    }

    /// Whether nothing came in since the last read, not even the end; as far as this worker has heard.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut unheard = Context::from_waker(Waker::noop());
        let ready = match &self.stream {
            Stream::Tcp(stream) => stream.poll_read_ready(&mut unheard),
            Stream::Unix(stream) => stream.poll_read_ready(&mut unheard),
        };
        match ready {
            Poll::Pending => true,
            // The last read may have taken all there was without finding the end of it.
            Poll::Ready(Ok(())) => {
                let read = match &self.stream {
                    Stream::Tcp(stream) => stream.try_read(&mut [0]),
                    Stream::Unix(stream) => stream.try_read(&mut [0]),
                };
                matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Poll::Ready(Err(_)) => false,
        }
    }

    /// Closes with a reset, so that what was sent cannot be taken for a whole. Unix sockets know no resets: there, a message that
    /// ends with its connection ends like a whole one.
    pub(crate) fn reset(self) {
        if let Stream::Tcp(stream) = &self.stream {
            // Fails only on a socket that is dead already.
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// What a socket receives.
#[derive(Debug)]
pub(crate) enum Reader<'a> {
    Tcp(tcp::ReadHalf<'a>),
    Unix(unix::ReadHalf<'a>),
}

impl Reader<'_> {
    /// The socket itself, if the system may pass bytes on from or to it by itself.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(half) => Some(half.as_ref()),
            Self::Unix(_) => None,
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut read = ReadBuf::new(room);
        ready!(match self {
            Self::Tcp(half) => Pin::new(half).poll_read(cx, &mut read),
            Self::Unix(half) => Pin::new(half).poll_read(cx, &mut read),
        })?;
        Poll::Ready(Ok(read.filled().len()))
    }
}

/// What a socket sends.
#[derive(Debug)]
pub(crate) enum Writer<'a> {
    Tcp(tcp::WriteHalf<'a>),
    Unix(unix::WriteHalf<'a>),
}

impl Writer<'_> {
    /// The socket itself, if the system may pass bytes on from or to it by itself.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(half) => Some(half.as_ref()),
            Self::Unix(_) => None,
        }
    }

    /// Writes some of these pieces, at least one byte.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 3],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => poll_write(Pin::new(half), cx, pieces),
            Self::Unix(half) => poll_write(Pin::new(half), cx, pieces),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(cx),
            Self::Unix(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}

fn poll_write(
    stream: Pin<&mut impl AsyncWrite>,
    cx: &mut Context<'_>,
    pieces: [&[u8]; 3],
) -> Poll<io::Result<usize>> {
    let mut filled = [IoSlice::new(&[]); 3];
    let mut count = 0;
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        filled[count] = IoSlice::new(piece);
        count += 1;
    }
    let written = match &filled[..count] {
        [] => return Poll::Ready(Ok(0)),
        [only] => ready!(stream.poll_write(cx, only)),
        several => ready!(stream.poll_write_vectored(cx, several)),
    }?;
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    Poll::Ready(Ok(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_no_larger_than_what_it_holds() {
        assert!(size_of::<Socket>() <= size_of::<TcpStream>() + 8);
    }
}
