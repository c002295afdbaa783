//! A stream socket, whoever is at its other end.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, unix};
use transport::{ClientTls, ServerTls, Stream};

use super::memory::Memory;
use super::tcp::{self, Next};
use super::tls::Tls;
use crate::headers::Shown;

/// A connected socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) enum Socket {
    /// The bytes as they are.
    Plain(Stream),
    /// Boxed, so that others do not keep room for it.
    Tls(Box<Tls>),
    /// To somebody within this process.
    Memory(Box<Memory>),
}

impl From<Memory> for Socket {
    fn from(memory: Memory) -> Self {
        Self::Memory(Box::new(memory))
    }
}

impl From<Stream> for Socket {
    fn from(stream: Stream) -> Self {
        Self::Plain(stream)
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Stream::Tcp(stream).into()
    }
}

impl Socket {
    /// Shakes hands with a client. Cancelling it closes the connection.
    ///
    /// # Errors
    /// As [`ServerTls::accept`].
    pub(crate) async fn accept(self, tls: &ServerTls) -> io::Result<Self> {
        match self {
            Self::Plain(stream) => Ok(Self::Tls(Box::new(Tls::accept(stream, tls).await?))),
            Self::Tls(_) | Self::Memory(_) => Ok(self),
        }
    }

    /// Shakes hands with the server at this address. Cancelling it closes the connection.
    ///
    /// # Errors
    /// As [`ClientTls::connect`].
    pub(crate) async fn connect(
        stream: TcpStream,
        tls: &ClientTls,
        address: IpAddr,
    ) -> io::Result<Self> {
        let tls = Tls::connect(stream, tls, address).await?;
        Ok(Self::Tls(Box::new(tls)))
    }

    /// Both directions, to be used side by side. Costs nothing.
    pub(crate) fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        match self {
            Self::Plain(Stream::Tcp(stream)) => (Reader::Tcp(stream), Writer::Tcp(stream)),
            Self::Plain(Stream::Unix(stream)) => {
                let (reader, writer) = stream.split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
            Self::Tls(tls) => (Reader::Tls(tls), Writer::Tls(tls)),
            Self::Memory(memory) => (Reader::Memory(memory), Writer::Memory(memory)),
        }
    }

    /// Whether nothing came in since the last read, not even the end; as far as this worker has heard.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut unheard = Context::from_waker(Waker::noop());
        let ready = match self {
            Self::Plain(Stream::Tcp(stream)) => stream.poll_read_ready(&mut unheard),
            Self::Plain(Stream::Unix(stream)) => stream.poll_read_ready(&mut unheard),
            Self::Tls(tls) => return tls.is_quiet(),
            // It is used once.
            Self::Memory(_) => return false,
        };
        match ready {
            Poll::Pending => true,
            // The last read may have taken all there was without finding the end of it.
            Poll::Ready(Ok(())) => {
                let read = match self {
                    Self::Plain(Stream::Tcp(stream)) => stream.try_read(&mut [0]),
                    Self::Plain(Stream::Unix(stream)) => stream.try_read(&mut [0]),
                    Self::Tls(_) | Self::Memory(_) => return false,
                };
                matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Poll::Ready(Err(_)) => false,
        }
    }

    /// What the next hop may be told of the certificate that the client has shown, if it has.
    pub(crate) fn client_cert(&self) -> Option<&Shown> {
        match self {
            Self::Plain(_) | Self::Memory(_) => None,
            Self::Tls(tls) => tls.client_cert(),
        }
    }

    /// Whether HTTP/2 may be spoken: with TLS both sides have to agree on it. Source: RFC 9113 §3.2.
    pub(crate) fn may_speak_http2(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Memory(_) => true,
            Self::Tls(tls) => tls.is_http2(),
        }
    }

    /// Whether the other side has to be told of the end before the connection closes, because else it takes it for an accident.
    pub(crate) fn says_goodbye(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Tells the other side of the end, if that can be done at once.
    pub(crate) fn say_goodbye(&mut self) {
        if self.says_goodbye() {
            let mut unheard = Context::from_waker(Waker::noop());
            let _ = self.split().1.poll_shutdown(&mut unheard);
        }
    }

    /// Says that nothing more will be sent, where that needs no waiting, and sends what was held back for it. To close the socket would
    /// not do: whoever still sends has a reset then, and may not see what was held back.
    pub(crate) fn end(&self) {
        if let Self::Plain(Stream::Tcp(stream)) = self {
            // Fails only on a socket that is dead already.
            let _ = shutdown(stream);
        }
    }

    /// Closes with a reset, so that what was sent cannot be taken for a whole. Unix sockets know no resets: there, a plain message
    /// that ends with its connection ends like a whole one.
    pub(crate) fn reset(self) {
        match &self {
            Self::Plain(stream) => reset(stream),
            Self::Tls(tls) => tls.with_stream(reset),
            Self::Memory(_) => {}
        }
    }
}

/// As a whole, for those who read and write by themselves.
impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(Stream::Tcp(stream)) => Pin::new(stream).poll_read(cx, room),
            Self::Plain(Stream::Unix(stream)) => Pin::new(stream).poll_read(cx, room),
            Self::Tls(tls) => {
                let read = ready!(tls.poll_read(cx, room.initialize_unfilled()))?;
                room.advance(read);
                Poll::Ready(Ok(()))
            }
            Self::Memory(memory) => {
                let read = ready!(memory.poll_read(cx, room.initialize_unfilled()))?;
                room.advance(read);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().split().1.poll_write(cx, [bytes, &[], &[]])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(Stream::Tcp(stream)) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Plain(Stream::Unix(stream)) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Tls(tls) => {
                let mut some = [&[][..]; 3];
                for (some, piece) in some.iter_mut().zip(pieces) {
                    *some = piece;
                }
                tls.poll_write(cx, some)
            }
            Self::Memory(memory) => {
                let first = pieces.iter().find(|piece| !piece.is_empty());
                memory.poll_write(cx, [first.map_or(&[], |piece| &**piece), &[], &[]])
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().split().1.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().split().1.poll_shutdown(cx)
    }
}

/// Has the stream reset when it is closed.
fn reset(stream: &Stream) {
    if let Stream::Tcp(stream) = stream {
        // Fails only on a socket that is dead already.
        let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    }
}

/// Says that nothing more will be sent. Fine where the other side has closed already: what it has sent can be read still.
fn shutdown(stream: &TcpStream) -> io::Result<()> {
    match SockRef::from(stream).shutdown(Shutdown::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        said => said,
    }
}

/// What a socket receives.
#[derive(Debug)]
pub(crate) enum Reader<'a> {
    Tcp(&'a TcpStream),
    Unix(unix::ReadHalf<'a>),
    Tls(&'a Tls),
    Memory(&'a Memory),
}

impl Reader<'_> {
    /// The socket itself, if the system may pass bytes on from or to it by itself.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Unix(_) | Self::Tls(_) | Self::Memory(_) => None,
        }
    }

    /// Ready when there may be something to read, as far as that can be told without reading.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(half) => half.as_ref().poll_read_ready(cx),
            Self::Tls(_) | Self::Memory(_) => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => tcp::poll_read(stream, cx, room),
            Self::Unix(half) => {
                let mut read = ReadBuf::new(room);
                ready!(Pin::new(half).poll_read(cx, &mut read))?;
                Poll::Ready(Ok(read.filled().len()))
            }
            Self::Tls(tls) => tls.poll_read(cx, room),
            Self::Memory(memory) => memory.poll_read(cx, room),
        }
    }
}

/// What a socket sends.
#[derive(Debug)]
pub(crate) enum Writer<'a> {
    Tcp(&'a TcpStream),
    Unix(unix::WriteHalf<'a>),
    Tls(&'a Tls),
    Memory(&'a Memory),
}

impl Writer<'_> {
    /// The socket itself, if the system may pass bytes on from or to it by itself.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Unix(_) | Self::Tls(_) | Self::Memory(_) => None,
        }
    }

    /// Writes some of these pieces, at least one byte. They may be held back until the writer is [flushed](Self::poll_flush).
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 3],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_before(Next::Unknown, cx, pieces)
    }

    /// The same, with a word on what comes next. What goes before the end may be held back until the socket has
    /// [ended](Socket::end), even if it is flushed.
    pub(super) fn poll_write_before(
        &mut self,
        next: Next,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 3],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => {
                poll_gathered(pieces, |pieces| tcp::poll_write(stream, cx, pieces, next))
            }
            Self::Unix(half) => poll_write(Pin::new(half), cx, pieces),
            Self::Tls(tls) => tls.poll_write(cx, pieces),
            Self::Memory(memory) => memory.poll_write(cx, pieces),
        }
    }

    /// Hands all that was written to the system. Only TLS holds anything back.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) | Self::Unix(_) | Self::Memory(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => tls.poll_flush(cx),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Poll::Ready(shutdown(stream)),
            Self::Unix(half) => Pin::new(half).poll_shutdown(cx),
            Self::Tls(tls) => tls.poll_shutdown(cx),
            Self::Memory(memory) => memory.poll_shutdown(cx),
        }
    }
}

pub(super) fn poll_write(
    mut stream: Pin<&mut impl AsyncWrite>,
    cx: &mut Context<'_>,
    pieces: [&[u8]; 3],
) -> Poll<io::Result<usize>> {
    poll_gathered(pieces, |pieces| match pieces {
        [only] => stream.as_mut().poll_write(cx, only),
        several => stream.as_mut().poll_write_vectored(cx, several),
    })
}

/// Has those of the pieces written that are not empty; if there is one, some of it has to be.
fn poll_gathered(
    pieces: [&[u8]; 3],
    write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<usize>> {
    let mut filled = [IoSlice::new(&[]); 3];
    let mut count = 0;
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        filled[count] = IoSlice::new(piece);
        count += 1;
    }
    if count == 0 {
        return Poll::Ready(Ok(0));
    }
    match ready!(write(&filled[..count]))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(Ok(written)),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn a_socket_is_as_large_as_one_over_tcp() {
        assert_eq!(size_of::<Socket>(), size_of::<TcpStream>());
    }

    /// Two ends of a connection.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let far = TcpStream::connect(address).await.expect("it listens");
        let (near, _) = listener.accept().await.expect("a connection");
        (near, far)
    }

    #[tokio::test]
    async fn the_end_can_be_said_to_who_has_gone() {
        let (mut near, mut far) = pair().await;
        far.write_all(b"words").await.expect("it is open");
        near.write_all(b"unread").await.expect("it is open");
        far.readable().await.expect("it is open");
        drop(far);
        near.ready(Interest::ERROR).await.expect("it is told");

        let mut near = Socket::from(near);
        let ended = poll_fn(|cx| near.split().1.poll_shutdown(cx)).await;
        assert!(ended.is_ok(), "{ended:?}");
        let mut read = Vec::new();
        near.read_buf(&mut read)
            .await
            .expect("what was said before");
        assert_eq!(read, b"words");
    }

    #[tokio::test]
    async fn last_words_go_with_the_end_and_arrive_whatever_is_unread() {
        let (near, mut far) = pair().await;
        let mut near = Socket::from(near);
        far.write_all(b"unread").await.expect("it is open");

        let words = [&b"last"[..], b" ", b"words"];
        let written = poll_fn(|cx| near.split().1.poll_write_before(Next::End, cx, words));
        assert_eq!(written.await.expect("written"), 10);
        let mut read = Vec::new();
        let early = timeout(Duration::from_millis(50), far.read_buf(&mut read)).await;
        assert!(early.is_err(), "held back for the end: {read:?}");

        near.end();
        drop(near);
        far.read_buf(&mut read).await.expect("not reset before");
        assert_eq!(read, b"last words");
    }
}
