//! What breaks a connection, kept for whoever wonders why its calls fail.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The first error that a connection met. The HTTP/2 client says of many that the call was canceled, and no more: that
/// namerd refused our certificate, say, would be lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<OnceLock<String>>);

impl Trouble {
    pub(super) fn told(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    fn note<T>(&self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &done {
            self.0.get_or_init(|| error.to_string());
        }
        done
    }
}

/// A connection that notes its trouble.
#[derive(Debug)]
pub(super) struct Noted<T> {
    io: T,
    trouble: Trouble,
}

impl<T> Noted<T> {
    pub(super) fn new(io: T, trouble: Trouble) -> Self {
        Self { io, trouble }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Noted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.io).poll_read(cx, buffer);
        self.trouble.note(done)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.trouble.note(done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.trouble.note(done)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.io).poll_flush(cx);
        self.trouble.note(done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Gives one error after the other.
    struct Failing(Vec<&'static str>);

    impl AsyncRead for Failing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let next = self.0.pop();
            Poll::Ready(next.map_or(Ok(()), |text| Err(io::Error::other(text))))
        }
    }

    #[tokio::test]
    async fn the_first_error_is_kept_and_passed_on() {
        let trouble = Trouble::default();
        let mut noted = Noted::new(Failing(vec!["second", "first"]), trouble.clone());
        assert_eq!(trouble.told(), None);
        for text in ["first", "second"] {
            let error = noted.read_u8().await.unwrap_err();
            assert_eq!(error.to_string(), text);
            assert_eq!(trouble.told(), Some("first"));
        }
    }
}
