//! Bytes that pass from socket to socket within the system, without being copied to this program and back.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::tcp::try_move;

/// A pipe between two sockets. It takes references to what came in, not the bytes themselves.
#[derive(Debug)]
pub(super) struct Pipe {
    from: OwnedFd,
    to: OwnedFd,
    /// How many bytes are in it.
    held: usize,
}

/// How much it takes at once, in bytes: the most that the system gives to anybody.
const ROOM: usize = 1024 * 1024;

/// How many empty ones a worker keeps.
const KEPT: usize = 16;

thread_local! {
    static FREE: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

impl Pipe {
    /// An empty one; none if the system has no more to give.
    pub(super) fn take() -> Option<Self> {
        FREE.with_borrow_mut(Vec::pop).or_else(Self::open)
    }

    fn open() -> Option<Self> {
        let (from, to) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // Whoever may have no more than the usual room has to do with that.
        let _ = fcntl_setpipe_size(&to, ROOM);
        Some(Self { from, to, held: 0 })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes in what has arrived, at most so many bytes: how many it was, 0 at the end. To be asked of an empty pipe only: a full one
    /// would look like a source that has nothing.
    ///
    /// # Errors
    /// The source's.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        source: &TcpStream,
        most: u64,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(self.is_empty(), "a pipe is filled when it is empty");
        let most = usize::try_from(most).unwrap_or(ROOM).min(ROOM);
        let count = loop {
            ready!(source.poll_read_ready(cx))?;
            let moved = || Ok(splice(source, None, &self.to, None, most, FLAGS)?);
            if let Some(count) = try_move(source, Interest::READABLE, 0, moved)? {
                break count;
            }
        };
        self.held = count;
        Poll::Ready(Ok(count))
    }

    /// Hands out some of what it holds: how many bytes.
    ///
    /// # Errors
    /// The sink's.
    pub(super) fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        sink: &TcpStream,
    ) -> Poll<io::Result<usize>> {
        let count = loop {
            ready!(sink.poll_write_ready(cx))?;
            let moved = || Ok(splice(&self.from, None, sink, None, self.held, FLAGS)?);
            if let Some(count) = try_move(sink, Interest::WRITABLE, 0, moved)? {
                break count;
            }
        };
        self.held -= count.min(self.held);
        Poll::Ready(Ok(count))
    }

    /// Keeps it for the next message. What holds something still is closed, and its bytes are gone.
    pub(super) fn put_back(self) {
        if self.is_empty() {
            // A thread that ends keeps nothing any more.
            let _ = FREE.try_with(|free| {
                let mut free = free.borrow_mut();
                if free.len() < KEPT {
                    free.push(self);
                }
            });
        }
    }
}

const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);
