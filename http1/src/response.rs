//! The head of an answer.

use std::mem::MaybeUninit;

use http::{Method, StatusCode, Version};

use crate::broken::Broken;
use crate::fields::Fields;
use crate::framing::{self, Coding, Length};
use crate::known::Known;
use crate::limits::{Halt, LINES, Limits, Parsed, Window};
use crate::line_fault::LineFault;
use crate::octets::{is_value, trimmed};
use crate::request::version_of;

/// The head of an answer. One that is kept is parsed into again and again without allocating.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// From 100 to 599 if it was parsed.
    pub status: StatusCode,
    /// HTTP/1.1 or HTTP/1.0.
    pub version: Version,
    /// The field lines.
    pub fields: Fields,
    reason: Vec<u8>,
    length: Length,
}

impl ResponseHead {
    /// An answer of our own, with the usual reason phrase and without fields.
    pub fn new(status: StatusCode) -> Self {
        let mut head = Self::default();
        head.reset(status);
        head
    }

    /// Makes it a new answer of our own, and keeps the room.
    pub fn reset(&mut self, status: StatusCode) {
        self.clear();
        self.status = status;
        let reason = status.canonical_reason().unwrap_or_default();
        self.reason.extend_from_slice(reason.as_bytes());
    }

    /// Reads the head of the answer `to` a request with this method, and forgets what was there before.
    ///
    /// The result is the same however often it was called with the first bytes only: what is refused then stays refused.
    /// Field lines that would contradict [`Self::length`] are taken out: framing of answers that have no body by their
    /// status, and repeated equal lengths but one.
    ///
    /// # Errors
    /// What makes the answer useless.
    pub fn parse(&mut self, bytes: &[u8], to: &Method, limits: &Limits) -> Result<Parsed, Broken> {
        self.clear();
        if bytes.first().is_some_and(|first| *first != b'H') {
            return Err(Broken::Version);
        }
        let window = limits.window(bytes);
        let mut room = [const { MaybeUninit::uninit() }; LINES];
        let room = &mut room[..limits.count.min(LINES)];
        let mut found = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let parsed = config.parse_response_with_uninit_headers(&mut found, window.bytes, room);
        match window.head_length(parsed) {
            Ok(Some(length)) => {
                self.take(&found, &window.bytes[..length])?;
                self.settle(to)?;
                Ok(Parsed::Whole(length))
            }
            Ok(None) => Ok(Parsed::Partial),
            Err(halt) => Err(broken(halt, &window)),
        }
    }

    /// Forgets everything, and keeps the room.
    pub fn clear(&mut self) {
        self.status = StatusCode::OK;
        self.version = Version::HTTP_11;
        self.fields.clear();
        self.reason.clear();
        self.length = Length::None;
    }

    /// Where the body ends. Source: RFC 9112 §6.3.
    pub fn length(&self) -> Length {
        self.length
    }

    /// Says that the body is so long, however it was delimited until now.
    pub fn set_content_length(&mut self, length: u64) {
        framing::set_content_length(&mut self.fields, length);
        self.length = Length::Exact(length);
    }

    /// The reason phrase, as it came; may be empty.
    pub fn reason(&self) -> &[u8] {
        &self.reason
    }

    /// Whether the connection may be used after this answer: neither side ends it, and the body's end is to be seen.
    /// Source: RFC 9112 §9.3.
    pub fn persists(&self) -> bool {
        self.length != Length::UntilClose && framing::persists(&self.fields, self.version)
    }

    /// What the peer changes to, for an answer 101 (Switching Protocols). Source: RFC 9110 §7.8.
    pub fn upgrade(&self) -> Option<&[u8]> {
        framing::upgrade(&self.fields, self.version)
    }

    /// Writes the head: the status line, always with HTTP/1.1, the field lines, and the empty line.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
        self.fields.write_to(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Checks what httparse does not, and takes it over.
    fn take(&mut self, found: &httparse::Response<'_, '_>, head: &[u8]) -> Result<(), Broken> {
        // Most reasons are so short that a search for many bytes at once does not pay.
        let rest = &head[STATUS_LINE..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (reason, fields) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        let Some(reason) = reason.strip_suffix(b"\r\n") else {
            return Err(LineFault::BareLineFeed.into());
        };
        self.fields.fill(fields, found.headers)?;
        let code = found.code.filter(|code| (100..600).contains(code));
        let code = code.and_then(|code| StatusCode::from_u16(code).ok());
        self.status = code.ok_or(Broken::Status)?;
        self.version = version_of(found.version.unwrap_or(1));
        // httparse hides a reason with bytes beyond ASCII.
        self.reason
            .extend_from_slice(reason.get(1..).unwrap_or_default());
        Ok(())
    }

    /// Finds where the body ends. Source: RFC 9112 §6.3.
    fn settle(&mut self, to: &Method) -> Result<(), Broken> {
        let is_tunnel = *to == Method::CONNECT && self.status.is_success();
        let status = self.status;
        if status.is_informational() || status == StatusCode::NO_CONTENT || is_tunnel {
            self.fields.remove_any(framing::LINES);
            return Ok(());
        }
        let length = self.find_length()?;
        if *to != Method::HEAD && status != StatusCode::NOT_MODIFIED {
            self.length = length;
        }
        Ok(())
    }

    fn find_length(&mut self) -> Result<Length, Broken> {
        match Coding::of(&self.fields) {
            Coding::Absent => self.stated_length(),
            _ if self.fields.has(Known::ContentLength) => Err(Broken::LengthAndCoding),
            _ if self.version == Version::HTTP_10 => Err(Broken::CodingInOldVersion),
            Coding::Chunked => Ok(Length::Chunked),
            Coding::Unknown | Coding::Bad => Err(Broken::Coding),
        }
    }

    fn stated_length(&mut self) -> Result<Length, Broken> {
        let (first, second) = {
            let mut lines = self.fields.all(Known::ContentLength);
            (lines.next(), lines.next())
        };
        let Some(value) = first else {
            return Ok(Length::UntilClose);
        };
        match framing::content_length(value) {
            Some(length) if second.is_none() && framing::is_plain_number(value) => {
                Ok(Length::Exact(length))
            }
            _ => self.repeated_length(),
        }
    }

    /// The length that a list says, several lines, or a number that begins with a zero.
    #[cold]
    fn repeated_length(&mut self) -> Result<Length, Broken> {
        let lines = self.fields.all(Known::ContentLength);
        let mut items = lines.flat_map(|line| line.split(|byte| *byte == b',').map(trimmed));
        let Some(first) = items.next() else {
            return Ok(Length::UntilClose);
        };
        let length = framing::content_length(first).ok_or(Broken::ContentLength)?;
        for item in items {
            if framing::content_length(item).ok_or(Broken::ContentLength)? != length {
                return Err(Broken::DifferentLengths);
            }
        }
        framing::set_content_length(&mut self.fields, length);
        Ok(Length::Exact(length))
    }
}

/// `HTTP/1.1 200`, in bytes.
const STATUS_LINE: usize = 12;

/// What to call it that httparse found no head, read from left to right.
#[cold]
fn broken(halt: Halt, window: &Window<'_>) -> Broken {
    match halt {
        Halt::LineTooLong => Broken::LineTooLong,
        Halt::FieldsTooLong => Broken::FieldsTooLong,
        Halt::TooManyFields => Broken::TooManyFields,
        Halt::Fault => line_fault(window.first_line()).unwrap_or_else(|| match window.fields() {
            Some(fields) => LineFault::first(&window.bytes[fields..]).into(),
            None => Broken::Status,
        }),
    }
}

/// What is wrong with a status line, which may be cut.
fn line_fault(line: &[u8]) -> Option<Broken> {
    let version = &line[..line.len().min("HTTP/1.1 ".len())];
    if !b"HTTP/1.1 ".starts_with(version) && !b"HTTP/1.0 ".starts_with(version) {
        return Some(Broken::Version);
    }
    let rest = line.get("HTTP/1.1 ".len()..)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let reason = match (digits, rest.get(digits)) {
        (0..=3, None) => return None,
        (3, Some(b' ')) => &rest[digits + 1..],
        (3, Some(b'\r' | b'\n')) => &rest[digits..],
        _ => return Some(Broken::Status),
    };
    let end = reason.iter().position(|byte| !is_value(*byte))?;
    match reason[end..] {
        [b'\r'] | [b'\r', b'\n', ..] => None,
        [b'\r', ..] => Some(LineFault::BareCarriageReturn.into()),
        [b'\n', ..] => Some(LineFault::BareLineFeed.into()),
        _ => Some(Broken::Reason),
    }
}
