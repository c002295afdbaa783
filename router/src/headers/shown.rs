//! Texts that many messages carry.

use http::HeaderValue;

/// A text as a field's value, made once for many messages. HTTP/1.1 copies its bytes into the room of a head, HTTP/2 shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown(HeaderValue);

impl Shown {
    /// What a field cannot carry becomes `?`, and so does what is not ASCII.
    pub(crate) fn new(text: &str) -> Self {
        let shown = text.chars().map(|c| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii_graphic() || byte == b' ' => byte,
            _ => b'?',
        });
        Self(value_of(&shown.collect::<Vec<_>>()))
    }

    /// Only what a field cannot carry becomes `?`.
    pub(crate) fn in_full(text: &str) -> Self {
        Self(value_of(text.as_bytes()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The same for HTTP/2, which is cheap to clone.
    pub(crate) fn value(&self) -> &HeaderValue {
        &self.0
    }
}

/// A value for HTTP/2; a byte that none can have becomes `?`, as in the fields of HTTP/1.1.
pub(crate) fn value_of(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap_or_else(|_| {
        let fine = bytes.iter().map(|byte| match *byte {
            b'\t' | b' '..=b'~' | 0x80.. => *byte,
            _ => b'?',
        });
        // None is left that it could complain of.
        HeaderValue::try_from(fine.collect::<Vec<_>>())
            .unwrap_or_else(|_| HeaderValue::from_static("?"))
    })
}
