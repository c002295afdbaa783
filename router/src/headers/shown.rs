//! Texts that many messages carry.

use http::HeaderValue;

/// A text as a field's value, made once for many messages. HTTP/1.1 copies its bytes into the room of a head, HTTP/2 shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Shown {
    /// How much of `near` is the text; 0 if it is longer than that.
    length: u8,
    /// A text that is not long is here once more: who has the place has read it.
    near: [u8; NEAR],
    value: HeaderValue,
}

/// Most names are shorter.
const NEAR: usize = 47;

impl Shown {
    /// What a field cannot carry becomes `?`, and so does what is not ASCII.
    pub(crate) fn new(text: &str) -> Self {
        let shown = text.chars().map(|c| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii_graphic() || byte == b' ' => byte,
            _ => b'?',
        });
        Self::of(value_of(&shown.collect::<Vec<_>>()))
    }

    /// Only what a field cannot carry becomes `?`.
    pub(crate) fn in_full(text: &str) -> Self {
        Self::of(value_of(text.as_bytes()))
    }

    fn of(value: HeaderValue) -> Self {
        let text = value.as_bytes();
        let mut near = [0; NEAR];
        let length = match near.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                text.len() as u8
            }
            None => 0,
        };
        Self {
            length,
            near,
            value,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self.length {
            0 => self.value.as_bytes(),
            length => &self.near[..usize::from(length)],
        }
    }

    /// The same for HTTP/2, which is cheap to clone.
    pub(crate) fn value(&self) -> &HeaderValue {
        &self.value
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
