//! Bodies: where their data is among the bytes of a connection, and how they are written.

mod chunk;
mod chunked;
mod trailers;

use std::ops::Range;

pub use chunk::{chunk_line, write_chunk_end};
pub use trailers::may_be_trailer;

use crate::fields::Fields;
use crate::framing::Length;
use crate::line_fault::LineFault;
use chunked::Chunked;

/// Finds the data of one body in the bytes of a connection, as they come.
#[derive(Clone, Debug)]
pub struct Decoder {
    body: Body,
    chunked: Chunked,
}

/// How far the body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// So many bytes are still to come.
    Exact(u64),
    Chunked,
    UntilClose,
    Done,
}

/// What was found in some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Where the data is now.
    pub data: Range<usize>,
    /// How many bytes were looked at. What follows belongs to the next message.
    pub consumed: usize,
    /// Whether this was the end of the body.
    pub is_done: bool,
}

/// Why a body cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// The connection was closed before. Source: RFC 9112 §8.
    #[error("the body ended early")]
    EndedEarly,
    /// Not 1 to 16 hexadecimal digits below 2⁶³. Source: RFC 9112 §7.1.
    #[error("a chunk has no proper size")]
    Size,
    /// Not `;name`, `;name=value` or `;name="value"`. White space is refused. Source: RFC 9112 §7.1.1.
    #[error("a chunk has an extension that is none")]
    Extension,
    /// Longer than any use. Source: RFC 9112 §7.1.1.
    #[error("the extensions of chunks are too long")]
    ExtensionTooLong,
    /// The line of a chunk's size, or its data, does not end with CR LF. Source: RFC 9112 §7.1.
    #[error("a chunk does not end where it should")]
    ChunkEnd,
    /// Source: RFC 9112 §7.1.2.
    #[error("in the trailers, {0}")]
    Trailer(LineFault),
    /// More than 8 KiB or 64 lines. Source: RFC 9112 §7.1.2.
    #[error("the trailers are too long")]
    TrailersTooLong,
}

impl Decoder {
    /// For a body of this length.
    pub fn new(length: Length) -> Self {
        let mut decoder = Self {
            body: Body::Done,
            chunked: Chunked::default(),
        };
        decoder.reset(length);
        decoder
    }

    /// Begins another body, and keeps the room for trailers.
    pub fn reset(&mut self, length: Length) {
        self.chunked.reset();
        self.body = match length {
            Length::None | Length::Exact(0) => Body::Done,
            Length::Exact(length) => Body::Exact(length),
            Length::Chunked => Body::Chunked,
            Length::UntilClose => Body::UntilClose,
        };
    }

    /// Whether the whole body was seen.
    pub fn is_done(&self) -> bool {
        self.body == Body::Done
    }

    /// Looks at what was read. The data of all chunks is moved together, so that it lies in one piece in `bytes[data]`.
    ///
    /// All bytes are consumed unless the body ends among them, so that a caller has none to keep but the data.
    ///
    /// # Errors
    /// The peer sent what is no body. Nothing more can be read from the connection.
    pub fn decode(&mut self, bytes: &mut [u8]) -> Result<Decoded, BadBody> {
        let available = bytes.len();
        let consumed = match &mut self.body {
            Body::Exact(remaining) => {
                let length =
                    usize::try_from(*remaining).map_or(available, |left| left.min(available));
                *remaining -= length as u64;
                if *remaining == 0 {
                    self.body = Body::Done;
                }
                length
            }
            Body::Chunked => {
                let decoded = self.chunked.decode(bytes)?;
                if decoded.is_done {
                    self.body = Body::Done;
                }
                return Ok(decoded);
            }
            Body::UntilClose => available,
            Body::Done => 0,
        };
        Ok(Decoded {
            data: 0..consumed,
            consumed,
            is_done: self.is_done(),
        })
    }

    /// Whether the connection may end here: the body is whole, or it goes until then.
    ///
    /// # Errors
    /// [`BadBody::EndedEarly`] otherwise.
    pub fn at_close(&self) -> Result<(), BadBody> {
        match self.body {
            Body::UntilClose | Body::Done => Ok(()),
            Body::Exact(_) | Body::Chunked => Err(BadBody::EndedEarly),
        }
    }

    /// The trailers of a chunked body that has been read, if it had any. Those that no trailer may be are left out.
    pub fn trailers(&self) -> Option<&Fields> {
        let trailers = self.chunked.trailers();
        (self.is_done() && !trailers.is_empty()).then_some(trailers)
    }

    /// So many of the bytes still to come of a body that said its length have passed without being looked at.
    pub fn pass(&mut self, count: u64) {
        if let Body::Exact(remaining) = &mut self.body {
            *remaining = remaining.saturating_sub(count);
            if *remaining == 0 {
                self.body = Body::Done;
            }
        }
    }

    /// How many bytes are still to come, of a body that said its length.
    pub fn remaining(&self) -> Option<u64> {
        match self.body {
            Body::Exact(remaining) => Some(remaining),
            Body::Done => Some(0),
            Body::Chunked | Body::UntilClose => None,
        }
    }
}
