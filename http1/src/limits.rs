//! How long a head may be.

use memchr::memchr;

/// How many lines there is room for, whatever the limits say: they are parsed on the stack.
pub(crate) const LINES: usize = 128;

/// How long a head may be, in bytes and lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The request line or status line, in bytes without its end.
    pub line: usize,
    /// All field lines together, in bytes, with their ends.
    pub fields: usize,
    /// The number of field lines. 128 at most, whatever it says.
    pub count: usize,
}

impl Default for Limits {
    /// 8 KiB each, and 100 lines.
    fn default() -> Self {
        Self {
            line: 8 * 1024,
            fields: 8 * 1024,
            count: 100,
        }
    }
}

/// What became of the bytes that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// They end before the head does.
    Partial,
    /// A whole head: how many bytes it took, empty lines before it included.
    Whole(usize),
}

/// The bytes of a head that may be looked at.
pub(crate) struct Window<'a> {
    pub(crate) bytes: &'a [u8],
    /// There was more: a head that does not end within the window is too long.
    pub(crate) is_cut: bool,
}

impl Limits {
    /// Cuts off what would be too much. Nothing behind that is looked at, so that a fault there cannot hide the one that
    /// a shorter look would have found.
    pub(crate) fn window<'a>(&self, bytes: &'a [u8]) -> Window<'a> {
        const END: usize = 2;
        // Field lines keep their places in 32 bits.
        let line = self.line.min(1 << 24) + END;
        let fields = self.fields.min(1 << 30) + END;
        // So few are within both limits, wherever the first line ends.
        if bytes.len() < line.min(fields) {
            let is_cut = false;
            return Window { bytes, is_cut };
        }
        let first = &bytes[..bytes.len().min(line)];
        let most = memchr(b'\n', first).map_or(line, |at| at + 1 + fields);
        Window {
            bytes: &bytes[..bytes.len().min(most)],
            is_cut: bytes.len() >= most,
        }
    }
}

/// Why httparse found no head in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    LineTooLong,
    FieldsTooLong,
    TooManyFields,
    /// Something else than its length.
    Fault,
}

impl Window<'_> {
    /// How long the head is; none while its end is not to be seen.
    pub(crate) fn head_length(
        &self,
        parsed: httparse::Result<usize>,
    ) -> Result<Option<usize>, Halt> {
        match parsed {
            Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
            Ok(httparse::Status::Partial) if !self.is_cut => Ok(None),
            Ok(httparse::Status::Partial) if self.fields().is_none() => Err(Halt::LineTooLong),
            Ok(httparse::Status::Partial) => Err(Halt::FieldsTooLong),
            Err(httparse::Error::TooManyHeaders) => Err(Halt::TooManyFields),
            Err(_) => Err(Halt::Fault),
        }
    }

    /// Where the field lines begin, once the first line is there.
    pub(crate) fn fields(&self) -> Option<usize> {
        Some(memchr(b'\n', self.bytes)? + 1)
    }

    /// The first line with its end, or what there is of it.
    pub(crate) fn first_line(&self) -> &[u8] {
        self.fields().map_or(self.bytes, |end| &self.bytes[..end])
    }
}
