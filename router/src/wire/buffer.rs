//! Room for bytes, lent out by each worker to its own tasks.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// What one read usually brings: a head with a body of 16 KiB fits.
pub(super) const SMALL: usize = 32 * 1024;

/// For bodies that come faster than that. The system gives such room its pages only when they are touched.
pub(super) const LARGE: usize = 512 * 1024;

/// What stays free in front of what is read, for a head that is made for it. Most are shorter.
const FRONT: usize = 512;

/// For times when too much is held already.
const SPARE: usize = 4 * 1024;

/// How many bytes a worker may hold before it does without large room, and before it takes as little as it can.
const MANY: usize = 12 * 1024 * 1024;
const TOO_MANY: usize = 24 * 1024 * 1024;

/// How much of each kind a worker keeps for its next reads.
const KEPT_SMALL: usize = 64;
const KEPT_LARGE: usize = 8;

/// Texts that grew beyond this are not kept.
const LONGEST_KEPT_TEXT: usize = 64 * 1024;
/// Most heads are shorter, even with a little data behind them.
const USUAL_TEXT: usize = 2048;
const KEPT_TEXTS: usize = 256;
/// Bodies that were kept for another try.
const KEPT_BODIES: usize = 32;

/// What a worker has to lend.
#[derive(Default)]
struct Free {
    small: Vec<Box<[u8]>>,
    large: Vec<Box<[u8]>>,
    texts: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    /// How many bytes are lent.
    lent: usize,
}

thread_local! {
    static FREE: RefCell<Free> = RefCell::default();
}

impl Free {
    /// Where room of this size is kept, and how much of it.
    fn shelf(&mut self, size: usize) -> Option<(&mut Vec<Box<[u8]>>, usize)> {
        match size {
            SMALL => Some((&mut self.small, KEPT_SMALL)),
            LARGE => Some((&mut self.large, KEPT_LARGE)),
            _ => None,
        }
    }
}

/// How many bytes this worker holds for messages on their way.
pub(crate) fn lent_bytes() -> usize {
    FREE.with_borrow(|free| free.lent)
}

/// Some bytes that were read, and room for more.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// An empty one with this much room.
    pub(super) fn take(size: usize) -> Self {
        let kept = FREE.with_borrow_mut(|free| {
            free.lent += size;
            free.shelf(size).and_then(|(shelf, _)| shelf.pop())
        });
        Self {
            bytes: kept.unwrap_or_else(|| vec![0; size].into_boxed_slice()),
            start: 0,
            end: 0,
        }
    }

    /// An empty one for the next read: large if the last ones were and not too much is held.
    pub(super) fn for_read(is_fast: bool) -> Self {
        let size = match lent_bytes() {
            0..MANY if is_fast => LARGE,
            0..TOO_MANY => SMALL,
            _ => SPARE,
        };
        let mut buffer = Self::take(size);
        (buffer.start, buffer.end) = (FRONT, FRONT);
        buffer
    }

    /// Just as large as these bytes, or as large as `room`.
    pub(super) fn holding(bytes: &[u8], room: usize) -> Self {
        let mut buffer = Self::take(room.max(bytes.len()));
        buffer.bytes[..bytes.len()].copy_from_slice(bytes);
        buffer.end = bytes.len();
        buffer
    }

    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Where more can be read to.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// So many bytes were read to the room.
    pub(super) fn add(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Puts these bytes in front of what is filled; false if there is no room.
    pub(super) fn put_in_front(&mut self, bytes: &[u8]) -> bool {
        let Some(start) = self.start.checked_sub(bytes.len()) else {
            return false;
        };
        self.bytes[start..self.start].copy_from_slice(bytes);
        self.start = start;
        true
    }

    /// So many bytes were used.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Moves what is filled to the front, if that gains enough.
    pub(super) fn compact(&mut self) {
        if self.start > 0 && self.start >= self.size() / 8 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // A thread that ends has no shelf any more.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            // What came from another worker was counted there.
            free.lent = free.lent.saturating_sub(bytes.len());
            if let Some((shelf, most)) = free.shelf(bytes.len())
                && shelf.len() < most
            {
                shelf.push(bytes);
            }
        });
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Buffer({} of {} bytes)",
            self.filled().len(),
            self.bytes.len()
        )
    }
}

/// Bytes that are put together to be written, such as a head.
#[derive(Debug)]
pub(crate) struct Text {
    bytes: Vec<u8>,
    purpose: Purpose,
}

/// What a text is for, and so which shelf it goes back to: bodies are longer than heads, and fewer.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Head,
    Body,
}

impl Text {
    /// An empty one.
    pub(crate) fn take() -> Self {
        let kept = FREE.with_borrow_mut(|free| free.texts.pop());
        Self {
            bytes: kept.unwrap_or_else(|| Vec::with_capacity(USUAL_TEXT)),
            purpose: Purpose::Head,
        }
    }

    /// An empty one, for a body of this length, as far as that is known.
    pub(super) fn for_body(length: usize) -> Self {
        let mut bytes = FREE
            .with_borrow_mut(|free| free.bodies.pop())
            .unwrap_or_default();
        bytes.reserve(length);
        Self {
            bytes,
            purpose: Purpose::Body,
        }
    }
}

impl Deref for Text {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Text {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        let mut text = std::mem::take(&mut self.bytes);
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            let (shelf, most) = match self.purpose {
                Purpose::Head => (&mut free.texts, KEPT_TEXTS),
                Purpose::Body => (&mut free.bodies, KEPT_BODIES),
            };
            if shelf.len() < most && text.capacity() <= LONGEST_KEPT_TEXT {
                text.clear();
                shelf.push(text);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_lent_again() {
        let first = Buffer::take(SMALL);
        let place = first.bytes.as_ptr();
        drop(first);
        let second = Buffer::take(SMALL);
        assert_eq!(second.bytes.as_ptr(), place);
        assert!(second.filled().is_empty());
    }

    #[test]
    fn what_was_used_makes_room() {
        let mut buffer = Buffer::holding(b"head body", 16);
        buffer.consume(5);
        assert_eq!(buffer.filled(), b"body");
        assert!(!buffer.put_in_front(b"header"));
        assert!(buffer.put_in_front(b"HEAD "));
        assert_eq!(buffer.filled(), b"HEAD body");
        buffer.consume(5);
        assert_eq!(buffer.room().len(), 7);
        buffer.compact();
        assert_eq!((buffer.filled(), buffer.size()), (&b"body"[..], 16));
        assert_eq!(buffer.room().len(), 12);
    }
}
