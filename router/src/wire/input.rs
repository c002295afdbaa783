//! What a socket sent and nobody has used yet.

use std::io;
use std::task::{Context, Poll, ready};

use super::Reader;
use super::buffer::{Buffer, LARGE, SMALL};

/// The bytes of one direction of a socket that were read and not used. Holds no room while there are none.
#[derive(Debug, Default)]
pub(crate) struct Input {
    buffer: Option<Buffer>,
    /// Whether the last read found more than a small buffer holds.
    is_fast: bool,
    has_ended: bool,
    /// Whether the last read found nothing: whoever reads again was woken for something.
    is_awaited: bool,
}

impl Input {
    pub(crate) fn filled(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], Buffer::filled)
    }

    pub(crate) fn filled_mut(&mut self) -> &mut [u8] {
        self.buffer.as_mut().map_or(&mut [], Buffer::filled_mut)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled().is_empty()
    }

    /// Whether the other side has said that it sends nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// So many bytes were used.
    pub(crate) fn consume(&mut self, count: usize) {
        if let Some(buffer) = &mut self.buffer {
            buffer.consume(count);
            if buffer.filled().is_empty() {
                self.buffer = None;
            }
        }
    }

    /// Puts these bytes in front of what is there; false if there is no room.
    pub(super) fn put_in_front(&mut self, bytes: &[u8]) -> bool {
        let buffer = self.buffer.as_mut();
        buffer.is_some_and(|buffer| buffer.put_in_front(bytes))
    }

    /// Takes all of it, with its room.
    pub(super) fn take_filled(&mut self) -> Option<Buffer> {
        self.buffer.take()
    }

    /// Puts these bytes behind what is there, as if they had been read.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let mut buffer = match self.buffer.take() {
                Some(buffer) => with_room(buffer),
                None => Buffer::take(bytes.len()),
            };
            let count = bytes.len().min(buffer.room().len());
            let (now, later) = bytes.split_at(count);
            buffer.room()[..count].copy_from_slice(now);
            buffer.add(count);
            bytes = later;
            self.buffer = Some(buffer);
        }
    }

    /// Reads once, behind what is there: how many bytes came, 0 at the end.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Reader<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.has_ended {
            return Poll::Ready(Ok(0));
        }
        if self.buffer.is_none() && !self.is_awaited {
            // Most often nothing is there yet, and no room is needed to find that out.
            self.is_awaited = true;
            ready!(source.poll_ready(cx))?;
        }
        let mut buffer = match self.buffer.take() {
            Some(buffer) => with_room(buffer),
            None => Buffer::for_read(self.is_fast),
        };
        let polled = source.poll_read(cx, buffer.room());
        self.is_awaited = polled.is_pending();
        if let Poll::Ready(Ok(count)) = polled {
            self.is_fast = count == buffer.room().len() || count > SMALL;
            self.has_ended = count == 0;
            buffer.add(count);
        }
        if !buffer.filled().is_empty() {
            self.buffer = Some(buffer);
        }
        polled
    }

    /// The same for something that is not expected.
    pub(crate) fn poll_surprise(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Reader<'_>,
    ) -> Poll<io::Result<usize>> {
        let polled = self.poll_fill(cx, source);
        self.is_awaited = false;
        polled
    }

    /// Gives back the room that few bytes do not need, before a wait that may be long.
    pub(crate) fn park(&mut self) {
        if let Some(buffer) = &self.buffer
            && buffer.size() >= SMALL
            && buffer.filled().len() <= FEW
        {
            let filled = buffer.filled();
            let parked = Buffer::holding(filled, (filled.len() + 64).next_power_of_two());
            self.buffer = Some(parked);
        }
    }

    /// Reads and forgets, at most so many bytes: true when the other side has ended or sent as many.
    pub(crate) fn poll_discard(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Reader<'_>,
        left: &mut usize,
    ) -> Poll<()> {
        loop {
            let count = self.filled().len();
            self.consume(count);
            *left = left.saturating_sub(count);
            if *left == 0 {
                return Poll::Ready(());
            }
            match ready!(self.poll_fill(cx, source)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

/// What is worth moving to a small place.
const FEW: usize = 4096;

/// The same bytes with some room behind them.
fn with_room(mut buffer: Buffer) -> Buffer {
    if !buffer.room().is_empty() {
        return buffer;
    }
    buffer.compact();
    if !buffer.room().is_empty() {
        return buffer;
    }
    let larger = match buffer.size() {
        size if size < SMALL => SMALL,
        size if size < LARGE => LARGE,
        size => size * 2,
    };
    Buffer::holding(buffer.filled(), larger)
}
