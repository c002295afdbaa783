//! What gRPC says in headers: codes, timeouts and messages. Source: gRPC over HTTP/2.

use std::time::Duration;

use http::StatusCode;

/// OK
pub const OK: u32 = 0;
/// UNKNOWN
pub const UNKNOWN: u32 = 2;
/// DEADLINE_EXCEEDED
pub const DEADLINE_EXCEEDED: u32 = 4;
/// PERMISSION_DENIED
pub const PERMISSION_DENIED: u32 = 7;
/// UNIMPLEMENTED
pub const UNIMPLEMENTED: u32 = 12;
/// INTERNAL
pub const INTERNAL: u32 = 13;
/// UNAVAILABLE
pub const UNAVAILABLE: u32 = 14;
/// UNAUTHENTICATED
pub const UNAUTHENTICATED: u32 = 16;

/// The code of a response that has none. Source: gRPC, "HTTP to gRPC Status Code Mapping".
pub fn status_of_http(status: StatusCode) -> u32 {
    match status.as_u16() {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502 | 503 | 504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// Reads `grpc-status`: digits, and nothing else.
pub fn parse_status(value: &[u8]) -> Option<u32> {
    number(value)?.try_into().ok()
}

/// Reads `grpc-timeout`: one to eight digits and a unit.
pub fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.len() > MOST_DIGITS {
        return None;
    }
    let count = number(digits)?;
    match unit {
        b'H' => Some(Duration::from_secs(count * 3600)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Writes `grpc-timeout`, in the finest unit that has room for it and never longer than it is. What no unit has room for, more than
/// eleven thousand years, becomes the longest that can be written.
pub fn format_timeout(timeout: Duration) -> String {
    let seconds = u128::from(timeout.as_secs());
    let units = [
        (timeout.as_nanos(), 'n'),
        (timeout.as_micros(), 'u'),
        (timeout.as_millis(), 'm'),
        (seconds, 'S'),
        (seconds / 60, 'M'),
        (seconds / 3600, 'H'),
    ];
    let has_room = |(count, _): &(u128, char)| *count <= MOST;
    let (count, unit) = units.into_iter().find(has_room).unwrap_or((MOST, 'H'));
    format!("{count}{unit}")
}

/// Writes `grpc-message`: what is no printable ASCII, and `%`, is escaped. At most `limit` bytes, whole characters only.
pub fn encode_message(message: &str, limit: usize) -> String {
    let mut encoded = String::with_capacity(message.len().min(limit));
    for character in message.chars() {
        let stays = matches!(character, ' '..='~') && character != '%';
        let length = if stays { 1 } else { 3 * character.len_utf8() };
        if encoded.len() + length > limit {
            break;
        }
        if stays {
            encoded.push(character);
            continue;
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
        }
    }
    encoded
}

/// A number of digits only.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

const MOST_DIGITS: usize = 8;
const MOST: u128 = 99_999_999;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn http_statuses_stand_for_codes() {
        for (status, code) in [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (502, 14),
            (503, 14),
            (504, 14),
            (200, 2),
            (302, 2),
            (418, 2),
            (500, 2),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(status_of_http(status), code, "{status}");
        }
    }

    #[test]
    fn codes_are_digits_and_nothing_else() {
        for (text, code) in [
            ("0", Some(0)),
            ("14", Some(14)),
            ("007", Some(7)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("99999999999999999999999", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1.0", None),
            ("٣", None),
        ] {
            assert_eq!(parse_status(text.as_bytes()), code, "{text}");
        }
    }

    #[test]
    fn timeouts_are_digits_and_a_unit() {
        for (text, timeout) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("6n", Some(Duration::from_nanos(6))),
            ("0n", Some(Duration::ZERO)),
            ("00000001S", Some(Duration::from_secs(1))),
            ("99999999H", Some(Duration::from_secs(359_999_996_400))),
            ("100000000n", None),
            ("000000001S", None),
            ("S", None),
            ("1", None),
            ("", None),
            ("1s", None),
            ("1h", None),
            ("+1S", None),
            ("1 S", None),
            ("1.5S", None),
            ("1SS", None),
        ] {
            assert_eq!(parse_timeout(text.as_bytes()), timeout, "{text}");
        }
    }

    #[test]
    fn timeouts_are_written_in_the_finest_unit_that_has_room() {
        for (timeout, text) in [
            (Duration::ZERO, "0n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_999), "100000u"),
            (Duration::from_secs(1), "1000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(86_400), "86400000m"),
            (Duration::from_millis(100_000_999), "100000S"),
            (Duration::from_secs(100_000_019), "1666666M"),
            (Duration::from_secs(6_000_000_000), "1666666H"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(format_timeout(timeout), text);
        }
    }

    #[test]
    fn messages_are_escaped_and_cut_between_characters() {
        for (message, limit, encoded) in [
            ("no such name /svc/web~", 99, "no such name /svc/web~"),
            ("100%", 99, "100%25"),
            ("a\r\nb\x7f", 99, "a%0D%0Ab%7F"),
            ("é €", 99, "%C3%A9 %E2%82%AC"),
            ("abc", 2, "ab"),
            ("aé", 6, "a"),
            ("aé", 7, "a%C3%A9"),
            ("é", 0, ""),
        ] {
            assert_eq!(encode_message(message, limit), encoded);
        }
    }

    proptest! {
        #[test]
        fn a_timeout_that_was_written_is_read_and_is_hardly_shorter(seconds in 0..359_999_996_400u64, nanos in 0..1_000_000_000u32) {
            let timeout = Duration::new(seconds, nanos);
            let text = format_timeout(timeout);
            prop_assert!(text.len() <= MOST_DIGITS + 1);
            let read = parse_timeout(text.as_bytes()).expect("what was written");
            prop_assert!(read <= timeout);
            // Seven digits at least are right: the next finer unit had no room.
            prop_assert!(timeout - read <= timeout / 1_000_000, "{text}");
        }

        #[test]
        fn any_bytes_are_a_code_or_none(value in any::<Vec<u8>>()) {
            let is_number = parse_status(&value).is_some() || parse_timeout(&value).is_some();
            prop_assert!(!is_number || value.iter().any(u8::is_ascii_digit));
        }

        #[test]
        fn a_message_can_be_decoded(message in any::<String>(), limit in 0..200usize) {
            let encoded = encode_message(&message, limit);
            prop_assert!(encoded.len() <= limit);
            prop_assert!(encoded.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let mut decoded = Vec::new();
            let mut rest = encoded.as_str();
            while let Some(first) = rest.bytes().next() {
                let length = if first == b'%' { 3 } else { 1 };
                let byte = if first == b'%' { u8::from_str_radix(&rest[1..3], 16).expect("two digits") } else { first };
                decoded.push(byte);
                rest = &rest[length..];
            }
            let decoded = String::from_utf8(decoded).expect("whole characters");
            prop_assert!(message.starts_with(&decoded));
            if 9 * message.len() <= limit {
                prop_assert_eq!(decoded, message);
            }
        }
    }
}
