//! A socket that goes on listening when nothing can be said any more.
//!
//! An endpoint that takes its leave says which streams it has looked at, and closes. What was on its way to it by then makes its system
//! refuse what comes next: whoever writes hears of that before it has read the endpoint's last words, which say that the others may go
//! elsewhere.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket, and whether the other side hears nothing any more. What is written then is lost, which reading tells in the end.
#[derive(Debug)]
pub(super) struct Listening<S> {
    socket: S,
    is_unheard: bool,
}

impl<S> Listening<S> {
    pub(super) fn new(socket: S) -> Self {
        Self {
            socket,
            is_unheard: false,
        }
    }

    /// What came of saying something; whatever it was is lost if the other side has closed.
    fn said<T>(&mut self, said: Poll<io::Result<T>>, lost: T) -> Poll<io::Result<T>> {
        match said {
            Poll::Ready(Err(error)) if has_closed(&error) => {
                self.is_unheard = true;
                Poll::Ready(Ok(lost))
            }
            said => said,
        }
    }
}

fn has_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected)
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, room)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listening<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_unheard {
            return Poll::Ready(Ok(bytes.len()));
        }
        let said = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.said(said, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = pieces.iter().map(|piece| piece.len()).sum();
        if self.is_unheard {
            return Poll::Ready(Ok(all));
        }
        let said = Pin::new(&mut self.socket).poll_write_vectored(cx, pieces);
        self.said(said, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_unheard {
            return Poll::Ready(Ok(()));
        }
        let said = Pin::new(&mut self.socket).poll_flush(cx);
        self.said(said, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_unheard {
            return Poll::Ready(Ok(()));
        }
        let said = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.said(said, ())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A connection whose other side has said something and closed, without having read what was sent.
    async fn left() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut here = TcpStream::connect(address).await.expect("it listens");
        let (mut there, _) = listener.accept().await.expect("it was connected");
        here.write_all(b"unread").await.expect("there is room");
        there.readable().await.expect("it comes");
        there.write_all(b"last words").await.expect("there is room");
        drop(there);
        here
    }

    #[tokio::test]
    async fn last_words_are_heard_though_nothing_can_be_said() {
        let mut here = left().await;
        let said = here.write(b"more").await;
        assert!(said.is_err(), "an endpoint that closes like this refuses");
        let mut listening = Listening::new(left().await);
        for _ in 0..3 {
            listening.write_all(b"more").await.expect("it is lost");
        }
        let mut heard = [0; 10];
        let read = listening.read_exact(&mut heard).await;
        read.expect("it is there to be read");
        assert_eq!(&heard, b"last words");
        // The end, or that the connection was reset: the one who reads is told.
        assert!(matches!(listening.read(&mut heard).await, Ok(0) | Err(_)));
    }
}
