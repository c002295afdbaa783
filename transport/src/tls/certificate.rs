//! What else of a certificate others want to know: until when it is valid, and who it names.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};

use super::der::{
    BOOLEAN, GENERALIZED_TIME, OBJECT, OCTETS, SEQUENCE, UTC_TIME, element, fields, tagged,
};
use super::subject;

/// When it expires.
pub(super) fn expires(certificate: &[u8]) -> Option<SystemTime> {
    let mut fields = fields(certificate)?;
    // Serial number, signature algorithm and issuer stand before the validity.
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (validity, _) = tagged(SEQUENCE, fields)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    time(tag, text)
}

/// A time in UTC, to the second: `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ` (RFC 5280 §4.1.2.5).
fn time(tag: u8, text: &[u8]) -> Option<SystemTime> {
    let text = text.strip_suffix(b"Z")?;
    let (year, rest) = text.split_at_checked(match tag {
        UTC_TIME => 2,
        GENERALIZED_TIME => 4,
        _ => return None,
    })?;
    let year = match (tag, number(year)?) {
        (UTC_TIME, year) if year >= 50 => year + 1900,
        (UTC_TIME, year) => year + 2000,
        (_, year) => year,
    };
    let (pairs, rest) = rest.as_chunks::<2>();
    let [month, day, hour, minute, second] = pairs else {
        return None;
    };
    let [month, day] = [number(month)?, number(day)?];
    let [hour, minute, second] = [number(hour)?, number(minute)?, number(second)?];
    let days = days_since_1970(year, month, day).filter(|_| rest.is_empty())?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

/// In the Gregorian calendar; none for what is no day, or before 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = BEFORE_MONTH.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    // Leap days up to the end of a year.
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = leap_days(year) > leap_days(year.checked_sub(1)?);
    let leap_day = u64::from(is_leap && month > 2);
    let years = year.checked_sub(1970)?;
    let days = years * 365 + leap_days(year - 1) - leap_days(1969);
    Some(days + before + leap_day + day.checked_sub(1)?)
}

/// What `x-forwarded-client-cert` says of a client's certificate.
///
/// Source: linkerd `ForwardClientCertFilter`. A value with a character that would end it is in quotes, which the reference forgets.
pub(super) fn forwarded(certificate: &[u8]) -> Option<String> {
    let mut value = "Hash=".to_owned();
    for byte in digest(&SHA256, certificate).as_ref() {
        let _ = write!(value, "{byte:02X}");
    }
    let (mut uris, mut names) = (String::new(), String::new());
    for (tag, name) in alternative_names(certificate) {
        match tag {
            URI => push(&mut uris, "SAN", name),
            DNS_NAME => push(&mut names, "DNS", name),
            _ => {}
        }
    }
    value += &uris;
    value += &names;
    let subject = subject::shown(certificate)?;
    if !subject.is_empty() {
        // Whatever would end the quotes has a backslash before it (RFC 2253 §2.4).
        let _ = write!(value, ";Subject=\"{subject}\"");
    }
    Some(value)
}

fn push(list: &mut String, key: &str, value: &[u8]) {
    // Both are ASCII (RFC 5280 §4.2.1.6), and nothing else may stand in a header.
    let is_sound = |byte: &u8| (b' '..0x7f).contains(byte);
    let Some(value) = std::str::from_utf8(value)
        .ok()
        .filter(|value| value.bytes().all(|byte| is_sound(&byte)))
    else {
        return;
    };
    let _ = match value.contains([';', ',', '"', '=', ' ', '\\']) {
        true => write!(list, ";{key}=\"{}\"", escaped(value)),
        false => write!(list, ";{key}={value}"),
    };
}

/// For between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
const EXTENSIONS: u8 = 0xa3;
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 29, 17];

/// The subject's alternative names in order, each with its tag (RFC 5280 §4.2.1.6).
fn alternative_names(certificate: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut names = list_of_names(certificate).unwrap_or_default();
    while let Some((tag, name, rest)) = element(names) {
        found.push((tag, name));
        names = rest;
    }
    found
}

fn list_of_names(certificate: &[u8]) -> Option<&[u8]> {
    let mut fields = fields(certificate)?;
    let extensions = loop {
        let (tag, content, rest) = element(fields)?;
        if tag == EXTENSIONS {
            break content;
        }
        fields = rest;
    };
    let (mut extensions, _) = tagged(SEQUENCE, extensions)?;
    loop {
        let (extension, rest) = tagged(SEQUENCE, extensions)?;
        let (kind, value) = tagged(OBJECT, extension)?;
        if kind == ALTERNATIVE_NAMES {
            // Whether it is critical may stand in between.
            let value = tagged(BOOLEAN, value).map_or(value, |(_, rest)| rest);
            let (value, _) = tagged(OCTETS, value)?;
            return Some(tagged(SEQUENCE, value)?.0);
        }
        extensions = rest;
    }
}

#[cfg(test)]
mod tests;
