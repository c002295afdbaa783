//! Classes of bytes.

/// Whether a byte may stand in a token, such as a field's name. Source: RFC 9110 §5.6.2.
pub(crate) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether a byte may stand in a field's value: visible, a space, a tab, or beyond ASCII. Source: RFC 9110 §5.5.
pub(crate) const fn is_value(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || byte == b'\t'
}

/// Whether text may be a field's value. Of each piece all bytes are looked at, so that they are at once.
pub(crate) fn is_value_text(text: &[u8]) -> bool {
    fn is_fine(piece: &[u8]) -> bool {
        piece.iter().fold(true, |all, byte| all & is_value(*byte))
    }
    // The last piece may begin within the one before.
    match (
        text.first_chunk::<8>(),
        text.last_chunk::<8>(),
        text.last_chunk::<16>(),
    ) {
        (.., Some(last)) => {
            text.as_chunks::<16>().0.iter().all(|piece| is_fine(piece)) && is_fine(last)
        }
        (Some(first), Some(last), None) => is_fine(first) & is_fine(last),
        _ => text.iter().all(|byte| is_value(*byte)),
    }
}

/// Where a byte is first. In short text it is found sooner without a search that is made for long ones.
#[inline]
pub(crate) fn find(wanted: u8, text: &[u8]) -> Option<usize> {
    match text.len() {
        0..24 => text.iter().position(|byte| *byte == wanted),
        _ => memchr::memchr(wanted, text),
    }
}

/// The items of a list in a field's value, without the blanks around them, and without empty ones. Source: RFC 9110 §5.6.1.
pub(crate) fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(trimmed)
        .filter(|item| !item.is_empty())
}

/// Text without the spaces and tabs around it.
pub(crate) fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

static TOKEN: [bool; 256] = letters_digits_and(b"!#$%&'*+-.^_`|~");

/// A table of classes.
pub(crate) const fn letters_digits_and(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn text_is_a_value_if_all_its_bytes_are() {
        for length in 0..70 {
            let mut text = vec![b'a'; length];
            assert!(is_value_text(&text), "{length}");
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    text[at] = byte;
                    assert_eq!(is_value_text(&text), is_value(byte), "{byte} at {at}");
                }
                text[at] = b'a';
            }
        }
    }

    #[test]
    fn what_is_a_value_elsewhere_is_one_here() {
        for byte in 0..=u8::MAX {
            let value = HeaderValue::from_bytes(&[byte]);
            assert_eq!(value.is_ok(), is_value(byte), "{byte}");
        }
    }
}
