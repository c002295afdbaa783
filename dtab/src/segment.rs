//! One element of a path.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// A path element: one or more bytes, by convention UTF-8. A clone shares the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment(Arc<[u8]>);

/// An empty path element was asked for; paths cannot represent one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a path segment cannot be empty")]
pub struct EmptySegment;

impl Segment {
    /// A segment of these bytes.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, EmptySegment> {
        match bytes.as_ref() {
            [] => Err(EmptySegment),
            bytes => Ok(Self(bytes.into())),
        }
    }

    /// The bytes themselves, not escaped.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Length in bytes; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a segment is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whether a byte stands for itself in the text of a path.
/// Source: finagle `Path.isShowable`, exactly 69 characters; `%` is one, there is no percent-decoding.
pub(crate) const fn is_showable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.' | b'#' | b'$' | b'%' | b'-')
}

/// The shown form: verbatim if every byte is showable, else every byte as `\xNN`.
impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if text.bytes().all(is_showable) => f.write_str(text),
            _ => self
                .0
                .iter()
                .try_for_each(|byte| write!(f, "\\x{byte:02x}")),
        }
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl AsRef<[u8]> for Segment {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Segment {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<str> for Segment {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Segment {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unshowable_byte_escapes_the_whole_segment() {
        let shown = |bytes: &[u8]| Segment::new(bytes).expect("not empty").to_string();
        assert_eq!(shown(b"a b"), r"\x61\x20\x62");
        assert_eq!(shown(b"\xff"), r"\xff");
        assert_eq!(shown(b"_:.#$%-09azAZ"), "_:.#$%-09azAZ");
    }

    #[test]
    fn there_are_69_showable_bytes() {
        assert_eq!((0..=255).filter(|byte| is_showable(*byte)).count(), 69);
    }

    #[test]
    fn an_empty_segment_is_refused() {
        assert_eq!(Segment::new(""), Err(EmptySegment));
    }
}
