//! What is wrong with a line: httparse says that something is, and only a person who debugs a peer needs to know what.

use crate::octets::{is_token, is_value};

/// What is wrong with a line of a head or of a trailer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Only CR LF ends a line. Source: RFC 9112 §2.2, which would allow to accept it.
    #[error("a line ends with a line feed alone")]
    BareLineFeed,
    /// Source: RFC 9112 §2.2.
    #[error("a carriage return stands alone")]
    BareCarriageReturn,
    /// A line that goes on with white space on the next one, or white space before the first field line. Source: RFC 9112
    /// §2.2 and §5.2.
    #[error("a line begins with white space")]
    Folded,
    /// Source: RFC 9112 §5.1.
    #[error("white space stands between a field's name and its colon")]
    SpaceBeforeColon,
    /// Empty, without a colon, or with a byte that no token has. Source: RFC 9110 §5.1.
    #[error("a field line has no proper name")]
    Name,
    /// A control character. Source: RFC 9110 §5.5.
    #[error("a field's value holds a control character")]
    Value,
}

impl LineFault {
    /// The first fault of field lines, read from left to right; a fault must be there, though its line may not be whole.
    pub(crate) fn first(mut lines: &[u8]) -> Self {
        loop {
            match Self::of_line(lines) {
                Ok(rest) if !rest.is_empty() => lines = rest,
                Ok(_) => return Self::Name,
                Err(fault) => return fault,
            }
        }
    }

    /// What follows behind a line without faults.
    fn of_line(lines: &[u8]) -> Result<&[u8], Self> {
        let colon = lines
            .iter()
            .position(|byte| !is_token(*byte))
            .unwrap_or(lines.len());
        let value = match lines[colon..] {
            [b'\r', b'\n', ..] if colon == 0 => return Ok(&[]),
            [b' ' | b'\t', ..] if colon == 0 => return Err(Self::Folded),
            [b' ' | b'\t', ..] => return Err(Self::SpaceBeforeColon),
            [b'\n', ..] => return Err(Self::BareLineFeed),
            [b'\r', ..] if colon == 0 => return Err(Self::BareCarriageReturn),
            [b':', ref value @ ..] if colon > 0 => value,
            _ => return Err(Self::Name),
        };
        let end = value
            .iter()
            .position(|byte| !is_value(*byte))
            .unwrap_or(value.len());
        match value[end..] {
            [b'\r', b'\n', ref rest @ ..] => Ok(rest),
            [b'\n', ..] => Err(Self::BareLineFeed),
            [b'\r', _, ..] => Err(Self::BareCarriageReturn),
            [] | [b'\r'] => Ok(&[]),
            _ => Err(Self::Value),
        }
    }
}
