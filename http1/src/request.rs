//! The head of a request.

use std::mem::MaybeUninit;

use http::{Method, Version};

use crate::fields::Fields;
use crate::framing::{self, Coding, Length};
use crate::host;
use crate::known::Known;
use crate::limits::{Halt, LINES, Limits, Parsed, Window};
use crate::line_fault::LineFault;
use crate::octets::is_token;
use crate::refusal::Refusal;
use crate::target::{Form, Target};

/// The head of a request. One that is kept is parsed into again and again without allocating.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// Methods are case-sensitive, and any token is one. One of more than 15 bytes takes room of its own.
    pub method: Method,
    /// HTTP/1.1 or HTTP/1.0.
    pub version: Version,
    /// The field lines.
    pub fields: Fields,
    target: Target,
    length: Length,
}

impl RequestHead {
    /// Reads a head, and forgets what was there before.
    ///
    /// The result is the same however often it was called with the first bytes only: what is refused then stays refused.
    ///
    /// # Errors
    /// What the client did wrong. The method and the target hold what was read until then.
    pub fn parse(&mut self, bytes: &[u8], limits: &Limits) -> Result<Parsed, Refusal> {
        self.clear();
        let Some(start) = behind_empty_lines(bytes)? else {
            return Ok(Parsed::Partial);
        };
        let window = limits.window(&bytes[start..]);
        let mut room = [const { MaybeUninit::uninit() }; LINES];
        let room = &mut room[..limits.count.min(LINES)];
        let mut found = httparse::Request::new(&mut []);
        let parsed = found.parse_with_uninit_headers(window.bytes, room);
        match window.head_length(parsed) {
            Ok(Some(length)) => {
                self.take(&found, &window.bytes[..length])?;
                Ok(Parsed::Whole(start + length))
            }
            Ok(None) => Ok(Parsed::Partial),
            Err(halt) => Err(refusal(halt, &window)),
        }
    }

    /// Forgets everything, and keeps the room.
    pub fn clear(&mut self) {
        if self.method != Method::GET {
            self.method = Method::GET;
        }
        self.version = Version::HTTP_11;
        self.fields.clear();
        self.target.clear();
        self.length = Length::None;
    }

    /// Where the body ends. Source: RFC 9112 §6.3.
    pub fn length(&self) -> Length {
        self.length
    }

    /// The target as it came, or as it became.
    pub fn target(&self) -> &[u8] {
        self.target.text()
    }

    /// The form of the target.
    pub fn form(&self) -> Form {
        self.target.form()
    }

    /// The authority of an absolute target or of `CONNECT`, without user information.
    pub fn authority(&self) -> Option<&[u8]> {
        self.target.authority()
    }

    /// The path with its query: `/` for an absolute target without a path, `*` of `OPTIONS`, nothing of `CONNECT`.
    pub fn path_and_query(&self) -> &[u8] {
        self.target.path_and_query()
    }

    /// The path without the query.
    pub fn path(&self) -> &[u8] {
        self.target.path()
    }

    /// The query, without its `?`.
    pub fn query(&self) -> Option<&[u8]> {
        self.target.query()
    }

    /// Replaces the path and keeps the query. A missing slash is put in front, and what no path can have is
    /// percent-encoded.
    pub fn set_path(&mut self, path: &[u8]) {
        self.target.set_path(path);
    }

    /// Makes an absolute target what an origin server expects: its authority becomes the `Host`, whatever that said, and
    /// the path is the target. Others stay as they are. Source: RFC 9112 §3.2.2 and §3.2.4.
    pub fn to_origin_form(&mut self) {
        if self.form() != Form::Absolute {
            return;
        }
        let authority = self.target.authority();
        if let Some(authority) = authority
            && self.fields.get(Known::Host) != Some(authority)
        {
            self.fields.set(Known::Host, authority);
        }
        self.target.become_origin(&self.method);
    }

    /// Whether the client's connection may be used after this request. Source: RFC 9112 §9.3.
    pub fn persists(&self) -> bool {
        framing::persists(&self.fields, self.version)
    }

    /// What the client would like to speak instead. Source: RFC 9110 §7.8.
    pub fn upgrade(&self) -> Option<&[u8]> {
        framing::upgrade(&self.fields, self.version)
    }

    /// Whether the client waits for a 100 (Continue) before it sends the body. Source: RFC 9110 §10.1.1.
    pub fn expects_continue(&self) -> bool {
        self.version == Version::HTTP_11 && self.fields.all(Known::Expect).any(is_continue)
    }

    /// Says that the body is so long, however it was delimited until now.
    pub fn set_content_length(&mut self, length: u64) {
        framing::set_content_length(&mut self.fields, length);
        self.length = Length::Exact(length);
    }

    /// Writes the head for the next hop: the request line, always with HTTP/1.1 and without the authority of an absolute
    /// target, the field lines, and the empty line.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let target = match self.form() {
            Form::Authority => self.target(),
            _ => self.path_and_query(),
        };
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(target);
        out.extend_from_slice(b" HTTP/1.1\r\n");
        self.fields.write_to(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Checks what httparse does not, and takes it over.
    fn take(&mut self, found: &httparse::Request<'_, '_>, head: &[u8]) -> Result<(), Refusal> {
        let (Some(method), Some(target), Some(version)) = (found.method, found.path, found.version)
        else {
            return Err(Refusal::RequestLine);
        };
        // The request line ends behind the version; httparse accepts a line feed alone there.
        let line = method.len() + target.len() + " HTTP/1.1 \r\n".len();
        if !head[..line].ends_with(b"\r\n") {
            return Err(LineFault::BareLineFeed.into());
        }
        self.fields.fill(&head[line..], found.headers)?;
        // To compare is quicker than to move.
        if self.method != *method {
            self.method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::Method)?;
        }
        self.version = version_of(version);
        self.target.fill(target.as_bytes(), &self.method)?;
        self.check_host()?;
        self.length = self.find_length()?;
        Ok(())
    }

    /// Source: RFC 9112 §3.2.
    fn check_host(&self) -> Result<(), Refusal> {
        let mut hosts = self.fields.all(Known::Host);
        match (hosts.next(), hosts.next()) {
            (None, _) if self.version == Version::HTTP_10 => Ok(()),
            (None, _) => Err(Refusal::NoHost),
            (_, Some(_)) => Err(Refusal::ManyHosts),
            // What a target without an authority is sent with.
            (Some([]), None) => Ok(()),
            (Some(host), None) if host::is_host(host) => Ok(()),
            _ => Err(Refusal::Host),
        }
    }

    /// Source: RFC 9112 §6.3.
    fn find_length(&self) -> Result<Length, Refusal> {
        let length = match Coding::of(&self.fields) {
            Coding::Absent => self.stated_length()?,
            _ if self.fields.has(Known::ContentLength) => return Err(Refusal::LengthAndCoding),
            _ if self.version == Version::HTTP_10 => return Err(Refusal::CodingInOldVersion),
            Coding::Chunked => Length::Chunked,
            Coding::Unknown => return Err(Refusal::UnknownCoding),
            Coding::Bad => return Err(Refusal::Coding),
        };
        let has_content = !matches!(length, Length::None | Length::Exact(0));
        if has_content && framing::forbids_content(&self.method) {
            return Err(Refusal::Content);
        }
        Ok(length)
    }

    fn stated_length(&self) -> Result<Length, Refusal> {
        let mut lines = self.fields.all(Known::ContentLength);
        let value = match (lines.next(), lines.next()) {
            (None, _) => return Ok(Length::None),
            (Some(value), None) => value,
            _ => return Err(Refusal::ManyLengths),
        };
        match framing::content_length(value) {
            Some(length) if framing::is_plain_number(value) => Ok(Length::Exact(length)),
            _ => Err(Refusal::ContentLength),
        }
    }
}

/// How many empty lines a client may send before its request: some send one after a body.
const EMPTY_LINES: usize = 4;

/// Where the request line begins; none while that is not to be seen. Source: RFC 9112 §2.2.
fn behind_empty_lines(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    let mut start = 0;
    loop {
        match bytes[start..] {
            [b'\r', b'\n', ..] if start == EMPTY_LINES * 2 => return Err(Refusal::EmptyLines),
            [b'\r', b'\n', ..] => start += 2,
            [] | [b'\r'] => return Ok(None),
            [b'\r', ..] => return Err(LineFault::BareCarriageReturn.into()),
            [b'\n', ..] => return Err(LineFault::BareLineFeed.into()),
            _ => return Ok(Some(start)),
        }
    }
}

/// What to call it that httparse found no head, read from left to right.
#[cold]
fn refusal(halt: Halt, window: &Window<'_>) -> Refusal {
    match halt {
        Halt::LineTooLong if window.bytes.iter().all(|byte| is_token(*byte)) => {
            Refusal::MethodTooLong
        }
        Halt::LineTooLong => Refusal::LineTooLong,
        Halt::FieldsTooLong => Refusal::FieldsTooLong,
        Halt::TooManyFields => Refusal::TooManyFields,
        Halt::Fault => line_fault(window.first_line()).unwrap_or_else(|| match window.fields() {
            Some(fields) => LineFault::first(&window.bytes[fields..]).into(),
            None => Refusal::RequestLine,
        }),
    }
}

/// What is wrong with a request line, which may be cut.
fn line_fault(line: &[u8]) -> Option<Refusal> {
    let method_end = line.iter().position(|byte| !is_token(*byte))?;
    match line[method_end..] {
        [b' ', ..] if method_end > 0 => {}
        [b' ', ..] => return Some(Refusal::RequestLine),
        _ => return Some(of_byte(&line[method_end..], Refusal::Method)),
    }
    let target = &line[method_end + 1..];
    let target_end = target.iter().position(|byte| !byte.is_ascii_graphic())?;
    match target[target_end..] {
        [b' ', ..] if target_end > 0 => {}
        [b' ', ..] => return Some(Refusal::RequestLine),
        _ => return Some(of_byte(&target[target_end..], Refusal::Target)),
    }
    version_fault(&target[target_end + 1..])
}

/// A line's end in the middle of the line, or the fault that a byte is otherwise.
fn of_byte(rest: &[u8], otherwise: Refusal) -> Refusal {
    match rest {
        [b'\n', ..] => LineFault::BareLineFeed.into(),
        [b'\r', ..] => Refusal::RequestLine,
        _ => otherwise,
    }
}

/// What is wrong with a version and the line's end behind it, which may be cut.
fn version_fault(text: &[u8]) -> Option<Refusal> {
    match text {
        [b'H', b'T', b'T', b'P', b'/', rest @ ..] => match rest {
            [b'1', b'.', b'0' | b'1', rest @ ..] => match rest {
                [] | [b'\r'] | [b'\r', b'\n', ..] => None,
                [b'\n', ..] => Some(LineFault::BareLineFeed.into()),
                [b'\r', ..] => Some(LineFault::BareCarriageReturn.into()),
                _ => Some(Refusal::Version),
            },
            [b'1', b'.', b'2'..=b'9', ..] => Some(Refusal::UnsupportedVersion),
            [b'0' | b'2'..=b'9', ..] => Some(Refusal::UnsupportedVersion),
            [] | [b'1'] | [b'1', b'.'] => None,
            _ => Some(Refusal::Version),
        },
        short if b"HTTP/".starts_with(short) => None,
        _ => Some(Refusal::Version),
    }
}

fn is_continue(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

pub(crate) fn version_of(minor: u8) -> Version {
    match minor {
        0 => Version::HTTP_10,
        _ => Version::HTTP_11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Decoder;
    use crate::response::ResponseHead;

    const TEXT: &[u8] =
        b"POST http://a/b?c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nVia: x\r\n\r\n";

    #[test]
    fn a_head_that_is_warm_stays_where_it_is() {
        let mut head = RequestHead::default();
        let mut out = Vec::new();
        let mut pass = || {
            let parsed = head.parse(TEXT, &Limits::default());
            assert_eq!(parsed, Ok(Parsed::Whole(TEXT.len())));
            head.set_path(b"/d/e");
            head.to_origin_form();
            head.fields.set(Known::Via, b"x, y");
            head.fields.push_named(b"X-Own", b"z");
            out.clear();
            head.write_to(&mut out);
            (head.target.room(), head.fields.room(), out.as_ptr())
        };
        let first = pass();
        for _ in 0..100 {
            assert_eq!(pass(), first);
        }
    }

    #[test]
    fn an_answer_that_is_warm_stays_where_it_is() {
        let mut head = ResponseHead::default();
        let mut pass = |text: &[u8]| {
            let parsed = head.parse(text, &Method::GET, &Limits::default());
            assert_eq!(parsed, Ok(Parsed::Whole(text.len())));
            head.fields.push(Known::Via, b"1.1 a");
            (head.reason().as_ptr(), head.fields.room())
        };
        let long =
            pass(b"HTTP/1.1 200 Something longer\r\nContent-Length: 5, 5\r\nA: b\r\nC: d\r\n\r\n");
        for _ in 0..100 {
            assert_eq!(
                pass(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n"),
                long
            );
        }
    }

    #[test]
    fn a_decoder_that_is_warm_stays_where_it_is() {
        let mut decoder = Decoder::new(Length::Chunked);
        let mut pass = || {
            decoder.reset(Length::Chunked);
            let mut bytes = *b"5\r\nhello\r\n0\r\nA: b\r\n\r\n";
            assert!(
                decoder
                    .decode(&mut bytes)
                    .is_ok_and(|decoded| decoded.is_done)
            );
            decoder.trailers().map(Fields::room)
        };
        let first = pass();
        assert!(first.is_some());
        for _ in 0..100 {
            assert_eq!(pass(), first);
        }
    }
}
