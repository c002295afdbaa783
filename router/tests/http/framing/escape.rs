//! Bytes as a case writes them.

use super::message;

/// The text that these escapes stand for, a character for each byte.
pub(super) fn readable(text: &str) -> String {
    message::text(&unescape(text))
}

/// The bytes that these escapes stand for.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (unit, after) = match first {
            '\\' => escape(&rest[1..]),
            '{' => repeat(&rest[1..]),
            _ => (vec![ascii(first)], &rest[1..]),
        };
        bytes.extend(unit);
        rest = after;
    }
    bytes
}

fn ascii(character: char) -> u8 {
    assert!(character.is_ascii(), "write {character:?} as its bytes");
    character as u8
}

/// One escape after its backslash, and what follows it.
fn escape(text: &str) -> (Vec<u8>, &str) {
    let (kind, rest) = text.split_at(1);
    match kind {
        "r" => (vec![b'\r'], rest),
        "n" => (vec![b'\n'], rest),
        "t" => (vec![b'\t'], rest),
        "0" => (vec![0], rest),
        "x" => {
            let (digits, rest) = rest.split_at(2);
            let byte = u8::from_str_radix(digits, 16).expect("two hex digits");
            (vec![byte], rest)
        }
        other => (other.as_bytes().to_vec(), rest),
    }
}

/// A repetition after its brace, and what follows it.
fn repeat(text: &str) -> (Vec<u8>, &str) {
    let (inner, rest) = text.split_once('}').expect("a closing brace");
    let (unit, count) = inner.rsplit_once('*').expect("what, and how often");
    (unescape(unit).repeat(count.parse().expect("a count")), rest)
}
