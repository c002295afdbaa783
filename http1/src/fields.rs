//! The field lines of one message.

use std::fmt;

use crate::known::{Known, KnownSet};
use crate::line_fault::LineFault;
use crate::octets::{is_token, is_value, is_value_text};

/// One field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// As it came: a token in any case.
    pub name: &'a [u8],
    /// Without white space around it.
    pub value: &'a [u8],
    /// What the name is to us.
    pub known: Known,
}

/// The field lines of one message in order, with room of their own, which is kept from message to message.
///
/// What is pushed is checked: a byte that a value cannot have becomes `?`, one that a name cannot have becomes `_`. So
/// nobody can end a line from within, whatever a value was made of.
#[derive(Clone, Default)]
pub struct Fields {
    /// What the lines point into; also what was removed, and white space that nobody needs.
    bytes: Vec<u8>,
    lines: Vec<Line>,
    present: KnownSet,
    /// Whether the bytes are more than the lines as they are written: something was removed, or a line is not plain.
    has_gaps: bool,
}

/// Where a field line is, in bytes from the start.
#[derive(Clone, Copy, Debug)]
struct Line {
    name: u32,
    name_end: u32,
    value: u32,
    value_end: u32,
    known: Known,
    /// From its name to two bytes behind its value it reads `name: value\r\n`, and can be written as it is.
    is_plain: bool,
}

impl Fields {
    /// Whether there is a line with this name.
    #[inline]
    pub fn has(&self, known: Known) -> bool {
        self.present.contains(known)
    }

    /// Whether there is a line with one of these names.
    #[inline]
    pub fn has_any(&self, names: KnownSet) -> bool {
        self.present.meets(names)
    }

    /// The number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All lines in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.lines.iter().map(|line| line.field(&self.bytes))
    }

    /// The value of the first line with this name.
    #[inline]
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        if !self.has(known) {
            return None;
        }
        self.all(known).next()
    }

    /// The values of all lines with this name.
    #[inline]
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> + Clone {
        let lines = match self.has(known) {
            true => &self.lines[..],
            false => &[],
        };
        let lines = lines.iter().filter(move |line| line.known == known);
        lines.map(|line| line.value_in(&self.bytes))
    }

    /// The value of the first line with this name, in any case, known or not.
    pub fn find(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.iter();
        let found = fields.find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(found.value)
    }

    /// Adds a line at the end. `known` is one of those that have a name.
    pub fn push(&mut self, known: Known, value: &[u8]) {
        self.push_with(known, |bytes| bytes.extend_from_slice(value));
    }

    /// Adds a line at the end, under any name.
    pub fn push_named(&mut self, name: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        if !name.iter().all(|byte| is_token(*byte)) {
            replace(&mut self.bytes[start..], is_token, b'_');
        }
        let name_end = self.bytes.len();
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value);
        self.check_value(name_end);
        self.end(Known::of(name), start, name_end);
    }

    /// Adds a line at the end, whose value is what `write` appends to the bytes. It must not touch what is there.
    #[inline]
    pub fn push_with(&mut self, known: Known, write: impl FnOnce(&mut Vec<u8>)) {
        let (start, name_end) = self.begin(known);
        write(&mut self.bytes);
        self.check_value(name_end);
        self.end(known, start, name_end);
    }

    /// Replaces all lines with this name by one, at the end.
    pub fn set(&mut self, known: Known, value: &[u8]) {
        self.remove(known);
        self.push(known, value);
    }

    /// Removes all lines with this name; true if there was one.
    #[inline]
    pub fn remove(&mut self, known: Known) -> bool {
        let was_there = self.has(known);
        self.remove_any(KnownSet::of(&[known]));
        was_there
    }

    /// Removes all lines with one of these names.
    #[inline]
    pub fn remove_any(&mut self, names: KnownSet) {
        if self.has_any(names) {
            self.take_out(names);
        }
    }

    fn take_out(&mut self, names: KnownSet) {
        self.lines.retain(|line| !names.contains(line.known));
        self.present.subtract(names);
        self.has_gaps = true;
    }

    /// Removes the lines for which `keep` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) {
        let Self {
            bytes,
            lines,
            present,
            has_gaps,
        } = self;
        *present = KnownSet::default();
        lines.retain(|line| {
            let is_kept = keep(line.field(bytes));
            match is_kept {
                true => present.insert(line.known),
                false => *has_gaps = true,
            }
            is_kept
        });
    }

    /// Removes all lines, and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
        self.present = KnownSet::default();
        self.has_gaps = false;
    }

    /// Writes `name: value\r\n` for each line, with names as they came or were pushed, and no empty line at the end.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self.has_gaps {
            true => self.write_lines(out),
            false => out.extend_from_slice(&self.bytes),
        }
    }

    fn write_lines(&self, out: &mut Vec<u8>) {
        // Lines that stand one behind the other are copied in one go.
        let mut run = 0..0;
        for line in &self.lines {
            let (start, end) = (line.name as usize, line.value_end as usize + 2);
            if line.is_plain && run.end == start {
                run.end = end;
                continue;
            }
            out.extend_from_slice(&self.bytes[run]);
            run = if line.is_plain { start..end } else { 0..0 };
            if !line.is_plain {
                let field = line.field(&self.bytes);
                write_line(field.name, field.value, out);
            }
        }
        out.extend_from_slice(&self.bytes[run]);
    }

    /// Takes over what httparse has found in `section`, the bytes of all lines with the empty one behind them.
    ///
    /// # Errors
    /// A line ends with a line feed alone, which httparse accepts.
    pub(crate) fn fill(
        &mut self,
        section: &[u8],
        found: &[httparse::Header<'_>],
    ) -> Result<(), LineFault> {
        debug_assert!(self.bytes.is_empty(), "what was there before is forgotten");
        let end: &[u8] = match found {
            [] => b"\r\n",
            _ => b"\r\n\r\n",
        };
        if !section.ends_with(end) {
            return Err(LineFault::BareLineFeed);
        }
        // Without the empty line, so that the next one can follow.
        let lines = &section[..section.len() - "\r\n".len()];
        self.bytes.extend_from_slice(lines);
        check_length(section.len());
        let start = section.as_ptr() as usize;
        let (mut is_whole, mut has_gaps, mut is_ended) = (true, false, true);
        self.lines.extend(found.iter().map(|header| {
            let name = header.name.as_ptr() as usize - start;
            let name_end = name + header.name.len();
            // Nothing but a line's end stands between a name and what is before it.
            is_whole &= is_ended || lines[..name].ends_with(b"\r\n");
            // httparse places an empty value anywhere.
            let value = match header.value {
                [] => name_end + 1,
                value => value.as_ptr() as usize - start,
            };
            let value_end = value + header.value.len();
            is_ended = value == name_end + 2
                && section[name_end + 1] == b' '
                && section[value_end..].starts_with(b"\r\n");
            has_gaps |= !is_ended;
            let places = [name, name_end, value, value_end];
            Line::new(Known::Other, places, is_ended)
        }));
        self.has_gaps = has_gaps;
        // By themselves, so that either loop needs no more than there are registers.
        for (line, header) in self.lines.iter_mut().zip(found) {
            line.known = Known::of(header.name.as_bytes());
            self.present.insert(line.known);
        }
        match is_whole {
            true => Ok(()),
            false => Err(LineFault::BareLineFeed),
        }
    }

    /// Where the lines are kept: moves when more room is needed.
    #[cfg(test)]
    pub(crate) fn room(&self) -> (*const u8, usize, usize) {
        let bytes = &self.bytes;
        (bytes.as_ptr(), bytes.capacity(), self.lines.capacity())
    }

    /// Begins a line, and says where its name begins and ends.
    #[inline(always)]
    fn begin(&mut self, known: Known) -> (usize, usize) {
        debug_assert!(!known.name().is_empty(), "{known:?} is no name");
        let start = self.bytes.len();
        let (text, length) = known.start();
        // A copy of a length that never changes takes a few instructions only.
        self.bytes.extend_from_slice(text);
        self.bytes.truncate(start + length);
        (start, start + length - ": ".len())
    }

    /// Replaces what the value behind a name cannot have.
    #[inline(always)]
    fn check_value(&mut self, name_end: usize) {
        let value = &mut self.bytes[name_end + ": ".len()..];
        if !is_value_text(value) {
            replace(value, is_value, b'?');
        }
    }

    /// Ends a line whose name and value are there.
    #[inline(always)]
    fn end(&mut self, known: Known, start: usize, name_end: usize) {
        let value = name_end + ": ".len();
        let value_end = self.bytes.len();
        check_length(value_end);
        self.bytes.extend_from_slice(b"\r\n");
        self.present.insert(known);
        let places = [start, name_end, value, value_end];
        self.lines.push(Line::new(known, places, true));
    }
}

impl Line {
    /// Whose name and value begin and end at these places, in order. None is beyond 4 GiB.
    #[inline]
    fn new(known: Known, places: [usize; 4], is_plain: bool) -> Self {
        let [name, name_end, value, value_end] = places.map(|place| place as u32);
        Self {
            name,
            name_end,
            value,
            value_end,
            known,
            is_plain,
        }
    }

    #[inline]
    fn value_in(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.value as usize..self.value_end as usize]
    }

    fn field(self, bytes: &[u8]) -> Field<'_> {
        Field {
            name: &bytes[self.name as usize..self.name_end as usize],
            value: self.value_in(bytes),
            known: self.known,
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        let lines = self.iter().map(|line| (text(line.name), text(line.value)));
        f.debug_map().entries(lines).finish()
    }
}

fn write_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cold]
fn replace(text: &mut [u8], is_fine: impl Fn(u8) -> bool, by: u8) {
    for byte in text {
        if !is_fine(*byte) {
            *byte = by;
        }
    }
}

/// The places of lines have 32 bits.
#[inline]
fn check_length(length: usize) {
    assert!(
        u32::try_from(length).is_ok(),
        "the fields of a message are shorter than 4 GiB"
    );
}
