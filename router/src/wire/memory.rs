//! One end of a connection within this process, which is read and written like a socket.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf, duplex};

use super::socket::poll_write;

/// An end of a connection. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Borrowed for the length of a poll, by either direction.
    stream: RefCell<DuplexStream>,
    fault: Arc<Fault>,
}

/// Why the other end has closed, if that is not in order.
#[derive(Debug, Default)]
pub(crate) struct Fault(Mutex<Option<io::Error>>);

/// How many bytes are on their way at most, in each direction.
const ROOM: usize = 64 * 1024;

impl Memory {
    /// Both ends of a new connection, and where the other one says why it closes: what is read here then ends with that error.
    pub(crate) fn pair() -> (Self, DuplexStream, Arc<Fault>) {
        let (near, far) = duplex(ROOM);
        let fault = Arc::<Fault>::default();
        let near = Self {
            stream: RefCell::new(near),
            fault: Arc::clone(&fault),
        };
        (near, far, fault)
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut read = ReadBuf::new(room);
        let polled = Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, &mut read);
        match (polled, read.filled().len()) {
            (Poll::Ready(Ok(())), 0) => Poll::Ready(match self.fault.take() {
                Some(error) => Err(error),
                None => Ok(0),
            }),
            (polled, count) => polled.map_ok(|()| count),
        }
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 3],
    ) -> Poll<io::Result<usize>> {
        poll_write(Pin::new(&mut *self.stream.borrow_mut()), cx, pieces)
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)
    }
}

impl Fault {
    /// Says why the connection is about to close.
    pub(crate) fn tell(&self, error: io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<io::Error> {
        let mut fault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fault.take()
    }
}
