//! A body that has passed, kept in case that it has to be sent again.

use std::ops::Range;

use super::buffer::Buffer;
use super::{Input, Text};

/// Less than that is copied, and its room is free for others.
const LITTLE: usize = 8 * 1024;

/// The data of a body that has passed, as long as there is not too much of it.
#[derive(Debug)]
pub(super) struct Kept {
    data: Data,
    limit: usize,
}

#[derive(Debug)]
enum Data {
    Nothing,
    /// It came with one read, and lies in the input still: nobody copies it for what hardly ever happens.
    Ahead,
    /// The same when it was sent: the room that it was read into.
    Read(Buffer),
    Copied(Text),
    TooMuch,
}

impl Kept {
    /// Of a body of this length, if that is known, at most `limit` bytes.
    pub(super) fn new(length: Option<u64>, limit: usize) -> Self {
        let is_too_much = length.is_some_and(|length| length > limit as u64);
        let data = match is_too_much {
            true => Data::TooMuch,
            false => Data::Nothing,
        };
        Self { data, limit }
    }

    /// Whether all that has passed is here.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self.data, Data::TooMuch)
    }

    /// What is here, once it has passed.
    pub(super) fn data(&self) -> &[u8] {
        match &self.data {
            Data::Nothing | Data::Ahead | Data::TooMuch => &[],
            Data::Read(buffer) => buffer.filled(),
            Data::Copied(text) => text,
        }
    }

    /// More data of the body lies in this part of the input. `is_last` if it is the last.
    pub(super) fn add(&mut self, input: &[u8], part: Range<usize>, is_last: bool) {
        match &self.data {
            Data::TooMuch => return,
            Data::Nothing if is_last && part == (0..input.len()) && self.is_lent(part.len()) => {
                return self.data = Data::Ahead;
            }
            Data::Nothing | Data::Ahead | Data::Read(_) => {
                let mut text = Text::for_body(part.len());
                text.extend_from_slice(self.data());
                self.data = Data::Copied(text);
            }
            Data::Copied(_) => {}
        }
        self.copy(&input[part]);
    }

    /// Whether so many bytes are kept in the room that they were read into, which is larger.
    fn is_lent(&self, length: usize) -> bool {
        (LITTLE..=self.limit).contains(&length)
    }

    fn copy(&mut self, more: &[u8]) {
        if let Data::Copied(text) = &mut self.data {
            match text.len() + more.len() <= self.limit {
                true => text.extend_from_slice(more),
                false => self.data = Data::TooMuch,
            }
        }
    }

    /// Takes what lies in the input, if it does; else it is still to be consumed.
    pub(super) fn take_over(&mut self, input: &mut Input) -> bool {
        let is_ahead = matches!(self.data, Data::Ahead);
        if is_ahead {
            self.data = input.take_filled().map_or(Data::Nothing, Data::Read);
        }
        is_ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: &[u8]) -> Input {
        let mut input = Input::default();
        input.push(bytes);
        input
    }

    #[test]
    fn a_body_that_came_with_one_read_is_not_copied() {
        let body = vec![b'x'; LITTLE];
        let mut input = input(&body);
        let mut kept = Kept::new(Some(body.len() as u64), 64 * 1024);
        kept.add(input.filled(), 0..body.len(), true);
        let place = input.filled().as_ptr();
        assert!(kept.take_over(&mut input));
        assert!(input.is_empty());
        assert_eq!((kept.data().as_ptr(), kept.data()), (place, &body[..]));
        assert!(kept.is_whole());
    }

    #[test]
    fn a_body_in_pieces_is_kept_whole() {
        let mut kept = Kept::new(None, 12);
        for (piece, is_last) in [("(head)", false), ("(tail)", true)] {
            let mut input = input(piece.as_bytes());
            kept.add(input.filled(), 1..5, is_last);
            assert!(!kept.take_over(&mut input));
            assert_eq!(input.filled(), piece.as_bytes());
        }
        assert_eq!(kept.data(), b"headtail");
        kept.add(b"more!", 0..5, true);
        assert!(!kept.is_whole());
        assert_eq!(kept.data(), b"");
    }

    #[test]
    fn what_another_request_follows_is_copied() {
        let bytes = vec![b'x'; LITTLE + 1];
        let mut input = input(&bytes);
        let mut kept = Kept::new(Some(LITTLE as u64), 64 * 1024);
        kept.add(input.filled(), 0..LITTLE, true);
        assert!(!kept.take_over(&mut input));
        assert_eq!(kept.data().len(), LITTLE);
    }

    #[test]
    fn what_is_longer_than_the_limit_is_not_kept() {
        assert!(!Kept::new(Some(13), 12).is_whole());
        let bytes = vec![b'x'; LITTLE];
        let mut kept = Kept::new(None, LITTLE - 1);
        kept.add(&bytes, 0..LITTLE, true);
        assert!(!kept.is_whole());
    }
}
