//! Reading from and writing to a TCP socket.
//!
//! The system is called directly. The C library's `recv` and `send` are points where one thread may cancel another, and pay for
//! that with atomic operations on each call; nobody cancels threads here.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Reads what is there, as far as there is room for it: how many bytes, 0 at the end.
pub(super) fn poll_read(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    room: &mut [u8],
) -> Poll<io::Result<usize>> {
    let size = room.len();
    loop {
        ready!(stream.poll_read_ready(cx))?;
        let read = || Ok(recv(stream, &mut *room, RecvFlags::empty())?.0);
        if let Some(count) = try_move(stream, Interest::READABLE, size, read)? {
            return Poll::Ready(Ok(count));
        }
    }
}

/// What follows a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nobody knows yet.
    Unknown,
    /// The end of the stream, at once: the system may hold the bytes back, and send both in one packet.
    End,
}

/// Writes what the system takes of these pieces: how many bytes.
pub(super) fn poll_write(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
    next: Next,
) -> Poll<io::Result<usize>> {
    let size = pieces.iter().map(|piece| piece.len()).sum();
    let flags = match next {
        Next::Unknown => SendFlags::NOSIGNAL,
        Next::End => SendFlags::NOSIGNAL | SendFlags::MORE,
    };
    loop {
        ready!(stream.poll_write_ready(cx))?;
        let write = || match pieces {
            [only] => Ok(send(stream, only, flags)?),
            several => {
                let mut nothing_else = SendAncillaryBuffer::default();
                Ok(sendmsg(stream, several, &mut nothing_else, flags)?)
            }
        };
        if let Some(count) = try_move(stream, Interest::WRITABLE, size, write)? {
            return Poll::Ready(Ok(count));
        }
    }
}

/// Tries to move up to `size` bytes: how many it was, none if the socket was not ready after all.
///
/// Less than that means that there is nothing more to read, or no more room to write to, for now. The socket is then taken for one that
/// is not ready, so that the next time waits for the system to say otherwise, rather than to ask it in vain. 0 where the size tells
/// nothing of the kind.
pub(super) fn try_move(
    stream: &TcpStream,
    interest: Interest,
    size: usize,
    mut attempt: impl FnMut() -> io::Result<usize>,
) -> io::Result<Option<usize>> {
    let mut moved = None;
    let tried = stream.try_io(interest, || {
        let count = attempt()?;
        moved = Some(count);
        match count {
            1.. if count < size => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    });
    match (moved, tried) {
        (Some(count), _) => Ok(Some(count)),
        (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        (None, _) => Ok(None),
    }
}
