//! `host` and `host:port`. Source: RFC 3986 §3.2.2 and §3.2.3.

use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::octets::letters_digits_and;

/// Whether text is `host` or `host:port`, with a host that is not empty; the port may be.
pub(crate) fn is_host(text: &[u8]) -> bool {
    // Most are a name without anything special.
    match text.iter().position(|byte| !is_name_byte(*byte)) {
        None => !text.is_empty(),
        Some(end) if end > 0 && text[end] == b':' => is_port(&text[end + 1..]),
        Some(_) => is_other_host(text),
    }
}

fn is_other_host(text: &[u8]) -> bool {
    split(text).is_some_and(|(host, port)| is_name(host) && port.is_none_or(is_port))
}

/// Whether text is `host:port`, with a port that is not empty.
pub(crate) fn is_host_with_port(text: &[u8]) -> bool {
    let has_port = |port: &[u8]| !port.is_empty() && is_port(port);
    split(text).is_some_and(|(host, port)| is_name(host) && port.is_some_and(has_port))
}

/// Whether text may stand before the `@` of an authority.
pub(crate) fn is_user_info(text: &[u8]) -> bool {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return true,
            [b':' | b',', rest @ ..] => rest,
            [b'%', high, low, rest @ ..] if is_hex(*high) && is_hex(*low) => rest,
            [byte, rest @ ..] if is_name_byte(*byte) => rest,
            _ => return false,
        };
    }
}

fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let is_literal = text.first() == Some(&b'[');
    let host_end = match is_literal {
        true => text.iter().position(|byte| *byte == b']')? + 1,
        false => memchr::memchr(b':', text).unwrap_or(text.len()),
    };
    match text.split_at(host_end) {
        (host, []) => Some((host, None)),
        (host, [b':', port @ ..]) => Some((host, Some(port))),
        _ => None,
    }
}

/// A registered name, an IPv4 address, or an IPv6 address in brackets. Addresses of versions to come, which nobody has, and
/// zones are none; neither is a comma in a name, which is what joined lines would have.
fn is_name(host: &[u8]) -> bool {
    if let [b'[', address @ .., b']'] = host {
        let address = std::str::from_utf8(address).unwrap_or_default();
        return Ipv6Addr::from_str(address).is_ok();
    }
    !host.is_empty() && (host.iter().all(|byte| is_name_byte(*byte)) || is_encoded_name(host))
}

/// The slower way: a name with `%` in it.
fn is_encoded_name(host: &[u8]) -> bool {
    !host.iter().any(|byte| matches!(byte, b':' | b',')) && is_user_info(host)
}

fn is_name_byte(byte: u8) -> bool {
    NAME[usize::from(byte)]
}

/// What needs no encoding in a name, but for the comma. Source: RFC 3986 §2.2 and §2.3.
static NAME: [bool; 256] = letters_digits_and(b"-._~!$&'()*+;=");

fn is_port(port: &[u8]) -> bool {
    let number = |sum: u32, byte: &u8| sum * 10 + u32::from(byte - b'0');
    port.len() <= 5
        && port.iter().all(u8::is_ascii_digit)
        && u16::try_from(port.iter().fold(0, number)).is_ok()
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}
