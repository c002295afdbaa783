//! What was read from one peer and not yet sent to the other.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Chunks of a body, in order. One chunk alone takes no room beside its own.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The first; empty if there is none.
    front: Bytes,
    rest: VecDeque<Bytes>,
    /// Those behind the rest that are small, in one piece: thousands of frames of a byte each shall not take an entry each.
    small: BytesMut,
    len: usize,
}

/// A chunk below this is copied to the end of the last small one.
const SMALL: usize = 1024;

/// How long small chunks may be together before they are a chunk of the rest.
const FULL: usize = 16 * 1024;

impl Queue {
    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a chunk at the end.
    pub(super) fn push(&mut self, chunk: Bytes) {
        if self.is_empty() {
            self.len = chunk.len();
            self.front = chunk;
            return;
        }
        self.len += chunk.len();
        if chunk.len() < SMALL {
            self.small.extend_from_slice(&chunk);
            if self.small.len() >= FULL {
                self.close_small();
            }
        } else {
            self.close_small();
            self.rest.push_back(chunk);
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.rest
                .push_back(std::mem::take(&mut self.small).freeze());
        }
    }

    /// Takes what comes first: at most this many bytes, in one piece; none from an empty queue.
    pub(super) fn take(&mut self, most: usize) -> Bytes {
        let taken = if self.front.len() <= most {
            let next = self.rest.pop_front();
            // With all of its room: an empty queue holds nothing.
            let next = next.unwrap_or_else(|| std::mem::take(&mut self.small).freeze());
            std::mem::replace(&mut self.front, next)
        } else {
            self.front.split_to(most)
        };
        self.len -= taken.len();
        taken
    }

    /// Puts these before everything that is there.
    pub(super) fn put_first(&mut self, chunks: Vec<Bytes>) {
        self.close_small();
        let after = std::mem::take(self);
        let behind = std::iter::once(after.front).chain(after.rest);
        for chunk in chunks.into_iter().chain(behind) {
            self.len += chunk.len();
            match self.front.is_empty() {
                true => self.front = chunk,
                false if chunk.is_empty() => {}
                false => self.rest.push_back(chunk),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(queue: &mut Queue, most: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !queue.is_empty() {
            let chunk = queue.take(most);
            assert!(!chunk.is_empty() && chunk.len() <= most, "{}", chunk.len());
            all.extend_from_slice(&chunk);
        }
        all
    }

    #[test]
    fn small_chunks_share_entries() {
        let mut queue = Queue::default();
        for _ in 0..100_000 {
            queue.push(Bytes::from_static(b"x"));
        }
        assert_eq!(queue.len(), 100_000);
        assert!(queue.rest.len() <= 100_000 / FULL, "{}", queue.rest.len());
        assert_eq!(taken(&mut queue, 5000).len(), 100_000);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            sizes in prop::collection::vec(0usize..3000, 0..40),
            most in 1usize..5000,
            first in prop::collection::vec(0usize..50, 0..4),
        ) {
            let mut next = 0u8;
            let mut chunk = |size| -> Bytes {
                (0..size).map(|_| { next = next.wrapping_add(1); next }).collect::<Vec<_>>().into()
            };
            let first: Vec<_> = first.into_iter().map(&mut chunk).collect();
            let (mut queue, mut pushed) = (Queue::default(), Vec::new());
            for chunk in sizes.into_iter().map(&mut chunk) {
                pushed.extend_from_slice(&chunk);
                queue.push(chunk);
            }
            let expected = [first.concat(), pushed].concat();
            queue.put_first(first);
            prop_assert_eq!(queue.len(), expected.len());
            prop_assert_eq!(taken(&mut queue, most), expected);
        }
    }
}
