//! The chunked coding, read strictly. Source: RFC 9112 §7.1.

use super::trailers::Trailers;
use super::{BadBody, Decoded};
use crate::fields::Fields;
use crate::octets::{is_token, is_value};

/// How long the extensions of one chunk may be, in bytes. They are dropped.
const EXTENSIONS_MAX: u32 = 1024;
/// How many more bytes of extensions a body may have than of data. Nobody needs so many, but each costs us work.
const EXCESS_MAX: u64 = 16 * 1024;

/// A chunked body as it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunked {
    next: Next,
    /// The size of the chunk, or what is still to come of its data.
    size: u64,
    /// Bytes of extensions of this chunk.
    extensions: u32,
    /// Bytes of extensions that no data has paid for.
    excess: u64,
    trailers: Trailers,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// The chunk's size, of which there are so many digits.
    #[default]
    FirstDigit,
    Digit(u8),
    ExtensionName,
    /// A name that has begun.
    ExtensionNameRest,
    ExtensionValue,
    ExtensionToken,
    ExtensionQuoted,
    /// Behind a backslash within quotes.
    ExtensionEscaped,
    ExtensionQuotedEnd,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailers,
}

impl Chunked {
    pub(super) fn reset(&mut self) {
        self.next = Next::FirstDigit;
        self.size = 0;
        self.extensions = 0;
        self.excess = 0;
        self.trailers.clear();
    }

    pub(super) fn trailers(&self) -> &Fields {
        self.trailers.fields()
    }

    pub(super) fn decode(&mut self, bytes: &mut [u8]) -> Result<Decoded, BadBody> {
        let mut data = 0..0;
        let mut at = 0;
        let mut is_done = false;
        while at < bytes.len() && !is_done {
            if self.next == Next::Data {
                let piece = at..at + self.take(bytes.len() - at);
                at = piece.end;
                if data.is_empty() {
                    data = piece;
                } else {
                    let end = data.end + piece.len();
                    bytes.copy_within(piece, data.end);
                    data.end = end;
                }
            } else {
                is_done = self.read(bytes[at])?;
                at += 1;
            }
        }
        Ok(Decoded {
            data,
            consumed: at,
            is_done,
        })
    }

    /// Counts what there is of a chunk's data.
    fn take(&mut self, available: usize) -> usize {
        let length = usize::try_from(self.size).map_or(available, |size| size.min(available));
        self.size -= length as u64;
        self.excess = self.excess.saturating_sub(length as u64);
        if self.size == 0 {
            self.next = Next::DataReturn;
        }
        length
    }

    /// Reads a byte that is no data; true if it was the last of the body.
    fn read(&mut self, byte: u8) -> Result<bool, BadBody> {
        self.next = match (self.next, byte) {
            (Next::FirstDigit, _) => self.add_digit(byte, 1)?,
            (Next::Digit(_), b'\r') => Next::SizeLineFeed,
            (Next::Digit(_), b';') => self.extend(Next::ExtensionName)?,
            (Next::Digit(count), _) => self.add_digit(byte, count + 1)?,
            (Next::SizeLineFeed, b'\n') => self.begin_data(),
            (Next::DataReturn, b'\r') => Next::DataLineFeed,
            (Next::DataLineFeed, b'\n') => Next::FirstDigit,
            (Next::SizeLineFeed | Next::DataReturn | Next::DataLineFeed, _) => {
                return Err(BadBody::ChunkEnd);
            }
            (Next::Trailers, _) => return self.trailers.push(byte),
            (Next::Data, _) => Next::Data,
            (extension, _) => self.read_extension(extension, byte)?,
        };
        Ok(false)
    }

    fn add_digit(&mut self, byte: u8, count: u8) -> Result<Next, BadBody> {
        let digit = char::from(byte).to_digit(16).ok_or(match byte {
            b'\n' => BadBody::ChunkEnd,
            _ => BadBody::Size,
        })?;
        if count > 16 || self.size > i64::MAX as u64 >> 4 {
            return Err(BadBody::Size);
        }
        self.size = self.size << 4 | u64::from(digit);
        Ok(Next::Digit(count))
    }

    fn begin_data(&mut self) -> Next {
        self.extensions = 0;
        match self.size {
            0 => Next::Trailers,
            _ => Next::Data,
        }
    }

    /// Source: RFC 9112 §7.1.1.
    fn read_extension(&mut self, now: Next, byte: u8) -> Result<Next, BadBody> {
        let next = match (now, byte) {
            (Next::ExtensionName | Next::ExtensionNameRest, byte) if is_token(byte) => {
                Next::ExtensionNameRest
            }
            (Next::ExtensionNameRest, b'=') => Next::ExtensionValue,
            (Next::ExtensionValue, b'"') => Next::ExtensionQuoted,
            (Next::ExtensionValue | Next::ExtensionToken, byte) if is_token(byte) => {
                Next::ExtensionToken
            }
            (Next::ExtensionQuoted, b'"') => Next::ExtensionQuotedEnd,
            (Next::ExtensionQuoted, b'\\') => Next::ExtensionEscaped,
            (Next::ExtensionQuoted | Next::ExtensionEscaped, byte) if is_value(byte) => {
                Next::ExtensionQuoted
            }
            (
                Next::ExtensionNameRest | Next::ExtensionToken | Next::ExtensionQuotedEnd,
                b';' | b'\r',
            ) => match byte {
                b';' => Next::ExtensionName,
                _ => return Ok(Next::SizeLineFeed),
            },
            (_, b'\n') => return Err(BadBody::ChunkEnd),
            _ => return Err(BadBody::Extension),
        };
        self.extend(next)
    }

    /// Counts a byte of an extension.
    fn extend(&mut self, next: Next) -> Result<Next, BadBody> {
        self.extensions += 1;
        self.excess += 1;
        if self.extensions > EXTENSIONS_MAX || self.excess > EXCESS_MAX {
            return Err(BadBody::ExtensionTooLong);
        }
        Ok(next)
    }
}
