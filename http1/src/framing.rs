//! Where a body ends, as the field lines say. Source: RFC 9112 §6.

use crate::fields::Fields;
use crate::known::{Known, KnownSet};
use crate::octets::{items, trimmed};

/// Where a body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// There is no body.
    #[default]
    None,
    /// After so many bytes. Zero if a `Content-Length` says so.
    Exact(u64),
    /// With its last chunk.
    Chunked,
    /// With the connection. Answers only.
    UntilClose,
}

/// What the `Transfer-Encoding` lines say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Absent,
    Chunked,
    /// Codings that there are, but that we do not know, below a proper `chunked`.
    Unknown,
    /// Anything else: it is not clear where the body ends.
    Bad,
}

impl Coding {
    #[inline]
    pub(crate) fn of(fields: &Fields) -> Self {
        if !fields.has(Known::TransferEncoding) {
            return Self::Absent;
        }
        let mut lines = fields.all(Known::TransferEncoding);
        match (lines.next(), lines.next()) {
            (Some(line), None) => Self::of_line(line),
            _ => Self::Bad,
        }
    }

    fn of_line(line: &[u8]) -> Self {
        const CODINGS: [&[u8]; 5] = [b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"];
        if is_chunked(line) {
            return Self::Chunked;
        }
        let mut names = line.rsplit(|byte| *byte == b',').map(trimmed);
        let is_known = |name: &[u8]| CODINGS.iter().any(|known| name.eq_ignore_ascii_case(known));
        if names.next().is_some_and(is_chunked) && names.all(is_known) {
            Self::Unknown
        } else {
            Self::Bad
        }
    }
}

fn is_chunked(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"chunked")
}

/// The number that a `Content-Length` states: digits only, and no more than anybody's signed 64 bits hold.
pub(crate) fn content_length(value: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let add = |sum: u64, byte| sum.checked_mul(10)?.checked_add(digit(byte)?);
    let length = value.iter().try_fold(0, add)?;
    (!value.is_empty() && i64::try_from(length).is_ok()).then_some(length)
}

/// Whether nobody could take the number for an octal one.
pub(crate) fn is_plain_number(value: &[u8]) -> bool {
    value.len() == 1 || !value.starts_with(b"0")
}

/// What tells where a body ends.
pub(crate) const LINES: KnownSet = KnownSet::of(&[Known::ContentLength, Known::TransferEncoding]);

/// Makes the lines say that the body is so long.
pub(crate) fn set_content_length(fields: &mut Fields, length: u64) {
    fields.remove_any(LINES);
    let digits = |bytes: &mut Vec<u8>| push_number(length, bytes);
    fields.push_with(Known::ContentLength, digits);
}

fn push_number(number: u64, bytes: &mut Vec<u8>) {
    if number > 9 {
        push_number(number / 10, bytes);
    }
    bytes.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
}

/// Whether a `Connection` line holds this option. Source: RFC 9110 §7.6.1.
#[inline]
pub(crate) fn has_option(fields: &Fields, option: &[u8]) -> bool {
    fields.has(Known::Connection)
        && fields
            .all(Known::Connection)
            .flat_map(items)
            .any(|item| item.eq_ignore_ascii_case(option))
}

/// Whether the connection may be used after this message, as far as its own fields say. Source: RFC 9112 §9.3.
pub(crate) fn persists(fields: &Fields, version: http::Version) -> bool {
    !has_option(fields, b"close")
        && (version == http::Version::HTTP_11 || has_option(fields, b"keep-alive"))
}

/// The `Upgrade` line, if `Connection` names it and the version knows it. Source: RFC 9110 §7.8.
pub(crate) fn upgrade(fields: &Fields, version: http::Version) -> Option<&[u8]> {
    let value = fields.get(Known::Upgrade)?;
    (version == http::Version::HTTP_11 && has_option(fields, b"upgrade")).then_some(value)
}

/// The methods that have no body, and whose body would be read by some.
pub(crate) fn forbids_content(method: &http::Method) -> bool {
    *method == http::Method::CONNECT || *method == http::Method::TRACE
}
