//! The subject of a certificate as text. The TLS library verifies certificates and keeps their names to itself; this reads the one field,
//! of certificates that it has parsed already, and answers `None` to whatever is not shaped as RFC 5280 §4.1 says.

use std::fmt::Write;

use super::der::{OBJECT, SEQUENCE, SET, element, fields, tagged};

/// The subject as RFC 4514 writes it, most specific part first: `CN=web,OU=edge,O=Example`.
pub(super) fn shown(certificate: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    for (kind, tag, value) in attributes(certificate)? {
        parts.push(format!("{}={}", label(kind)?, escaped(&text(tag, value))));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// The last common name of the subject, which is the most specific one.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let attributes = attributes(certificate)?.into_iter().rev();
    let (_, tag, value) = attributes
        .into_iter()
        .find(|(kind, _, _)| *kind == COMMON_NAME)?;
    Some(text(tag, value))
}

const COMMON_NAME: &[u8] = &[0x55, 4, 3];

/// Object identifier, tag of the value, value.
type Attribute<'a> = (&'a [u8], u8, &'a [u8]);

/// The subject's attributes in order. Parts with several attributes are laid flat.
fn attributes(certificate: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let mut fields = fields(certificate)?;
    // Serial number, signature algorithm, issuer and validity stand before the subject.
    for _ in 0..4 {
        (_, _, fields) = element(fields)?;
    }
    let (mut names, _) = tagged(SEQUENCE, fields)?;
    let mut found = Vec::new();
    while !names.is_empty() {
        let (mut part, rest) = tagged(SET, names)?;
        names = rest;
        while !part.is_empty() {
            let (attribute, rest) = tagged(SEQUENCE, part)?;
            part = rest;
            let (kind, value) = tagged(OBJECT, attribute)?;
            let (tag, value, _) = element(value)?;
            found.push((kind, tag, value));
        }
    }
    Some(found)
}

/// The short name of RFC 4514 §3, or the dotted identifier.
fn label(kind: &[u8]) -> Option<String> {
    let short = match kind {
        COMMON_NAME => "CN",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "STREET",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        _ => return dotted(kind),
    };
    Some(short.to_owned())
}

fn dotted(kind: &[u8]) -> Option<String> {
    let mut numbers = Vec::new();
    let mut number = 0_u64;
    for byte in kind {
        number = number
            .checked_mul(128)?
            .checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            numbers.push(std::mem::take(&mut number));
        }
    }
    let (first, rest) = numbers.split_first()?;
    let top = (*first / 40).min(2);
    let mut shown = format!("{top}.{}", first - top * 40);
    for number in rest {
        let _ = write!(shown, ".{number}");
    }
    Some(shown)
}

/// A string type's value as text; other types as their bytes in hexadecimal.
fn text(tag: u8, value: &[u8]) -> String {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const IA5: u8 = 0x16;
    const BMP: u8 = 0x1e;
    match tag {
        UTF8 | PRINTABLE | IA5 => String::from_utf8_lossy(value).into_owned(),
        TELETEX => value.iter().map(|byte| char::from(*byte)).collect(),
        BMP => {
            let units: Vec<u16> = value
                .as_chunks::<2>()
                .0
                .iter()
                .map(|unit| u16::from_be_bytes(*unit))
                .collect();
            String::from_utf16_lossy(&units)
        }
        _ => value.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// RFC 4514 §2.4.
fn escaped(value: &str) -> String {
    let mut shown = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, char) in value.chars().enumerate() {
        match char {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => shown.extend(['\\', char]),
            ' ' if index == 0 || index == last => shown.push_str("\\ "),
            '#' if index == 0 => shown.push_str("\\#"),
            char if char.is_control() => {
                for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(shown, "\\{byte:02X}");
                }
            }
            char => shown.push(char),
        }
    }
    shown
}
