//! The text of a file, and where things are in it.

use std::fmt;
use std::ops::Range;

/// A file's name and text.
pub(crate) struct Source {
    pub(crate) origin: String,
    pub(crate) text: String,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", self.origin)
    }
}

impl Source {
    pub(crate) fn new(origin: &str, text: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub(crate) fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.floor(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }

    /// The character at a line and column, both from 1; the end of the text where there is no such place.
    pub(crate) fn character(&self, line: u64, column: u64) -> Range<usize> {
        let index =
            |from_one: u64| usize::try_from(from_one.saturating_sub(1)).unwrap_or(usize::MAX);
        let line_start = match index(line) {
            0 => 0,
            n => self
                .text
                .match_indices('\n')
                .nth(n - 1)
                .map_or(self.text.len(), |(newline, _)| newline + 1),
        };
        let rest = &self.text[line_start..];
        let (offset, character) = rest
            .char_indices()
            .nth(index(column))
            .unwrap_or((rest.len(), '\n'));
        let start = line_start + offset;
        start..(start + character.len_utf8()).min(self.text.len())
    }

    /// The part of `span` that a caret can mark: on its first line, without trailing space, and inside the text.
    pub(crate) fn on_one_line(&self, span: Range<usize>) -> Range<usize> {
        let start = self.floor(span.start);
        let end = self.floor(span.end.max(start));
        let first_line = self.text[start..end].split('\n').next().unwrap_or_default();
        start..start + first_line.trim_end().len()
    }

    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}
