//! A connection with TLS.
//!
//! What is written may stay in the library until the socket has room for it: whoever waits for something else than the socket
//! flushes first. An end that the other side did not announce (`close_notify`) is an error, because somebody may have cut the
//! connection: whatever was to end with it is not whole.

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use transport::{ClientTls, ServerTls, Stream, TlsStream, forwarded_client_cert};

use super::socket::poll_write;
use crate::headers::Shown;

/// A stream that has shaken hands.
#[derive(Debug)]
pub(crate) struct Tls {
    /// Borrowed for the length of a poll, by either direction.
    stream: RefCell<TlsStream<Stream>>,
    /// What the next hop may be told of the client's certificate, if it showed one.
    client_cert: Option<Shown>,
}

impl Tls {
    /// Shakes hands with a client.
    pub(super) async fn accept(stream: Stream, tls: &ServerTls) -> io::Result<Self> {
        let stream = tls.accept(stream).await?;
        let client_cert = forwarded_client_cert(stream.get_ref().1);
        Ok(Self {
            stream: RefCell::new(stream.into()),
            client_cert: client_cert.as_deref().map(Shown::in_full),
        })
    }

    /// Shakes hands with the server at this address, which is its name where the settings have none.
    pub(super) async fn connect(
        stream: TcpStream,
        tls: &ClientTls,
        address: IpAddr,
    ) -> io::Result<Self> {
        let stream = tls
            .connect(Stream::Tcp(stream), &address.to_string())
            .await?;
        Ok(Self {
            stream: RefCell::new(stream.into()),
            client_cert: None,
        })
    }

    pub(super) fn client_cert(&self) -> Option<&Shown> {
        self.client_cert.as_ref()
    }

    /// Whether both sides have agreed on HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.stream.borrow().get_ref().1.alpn_protocol() == Some(b"h2")
    }

    /// The socket below.
    pub(super) fn with_stream<T>(&self, look: impl FnOnce(&Stream) -> T) -> T {
        look(self.stream.borrow().get_ref().0)
    }

    /// Whether nothing came in but what the two libraries tell each other.
    pub(super) fn is_quiet(&self) -> bool {
        let mut unheard = Context::from_waker(Waker::noop());
        self.poll_read(&mut unheard, &mut [0]).is_pending()
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut read = ReadBuf::new(room);
        ready!(Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, &mut read))?;
        Poll::Ready(Ok(read.filled().len()))
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 3],
    ) -> Poll<io::Result<usize>> {
        poll_write(Pin::new(&mut *self.stream.borrow_mut()), cx, pieces)
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_flush(cx)
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
