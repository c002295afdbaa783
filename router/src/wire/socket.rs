//! A stream socket, whoever is at its other end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// A connected socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self { stream }
    }
}

impl Socket {
    /// Both directions, to be used side by side. Costs nothing.
    pub(crate) fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        let (reader, writer) = self.stream.split();
        (Reader(reader), Writer(writer))
    }

    /// Whether nothing came in since the last read, not even the end; as far as this worker has heard.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut unheard = Context::from_waker(Waker::noop());
        match self.stream.poll_read_ready(&mut unheard) {
            Poll::Pending => true,
            // The last read may have taken all there was without finding the end of it.
            Poll::Ready(Ok(())) => matches!(
                self.stream.try_read(&mut [0]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock
            ),
            Poll::Ready(Err(_)) => false,
        }
    }

    /// Closes with a reset, so that what was sent cannot be taken for a whole.
    pub(crate) fn reset(self) {
        // Fails only on a socket that is dead already.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// What a socket receives.
#[derive(Debug)]
pub(crate) struct Reader<'a>(ReadHalf<'a>);

impl Reader<'_> {
    /// The socket itself.
    pub(super) fn stream(&self) -> &TcpStream {
        self.0.as_ref()
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut read = ReadBuf::new(room);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut read))?;
        Poll::Ready(Ok(read.filled().len()))
    }
}

/// What a socket sends.
#[derive(Debug)]
pub(crate) struct Writer<'a>(WriteHalf<'a>);

impl Writer<'_> {
    /// The socket itself.
    pub(super) fn stream(&self) -> &TcpStream {
        self.0.as_ref()
    }

    /// Writes some of these pieces, at least one byte.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 3],
    ) -> Poll<io::Result<usize>> {
        let mut filled = [IoSlice::new(&[]); 3];
        let mut count = 0;
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            filled[count] = IoSlice::new(piece);
            count += 1;
        }
        let stream = Pin::new(&mut self.0);
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

    /// Says that nothing more will be sent.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
