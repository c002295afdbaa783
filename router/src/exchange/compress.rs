//! Which answers are compressed on their way to the client.
//!
//! Source: RFC 9110 §12.5.3 and §7.7, linkerd `compressionLevel`. An answer passes as it is unless its client said what it can
//! read, nobody forbids to change it, and it is worth the work.

use http::{Method, StatusCode, Version};
use http1::{Fields, Known, Length, RequestHead, ResponseHead};

use crate::wire::{Coding, Compressor};

/// How a server's answers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compression {
    /// From 1, quick, to 9, small.
    level: u32,
    /// Whether text is all that is compressed.
    is_for_text: bool,
}

/// What is shorter is hardly made smaller, and needs no second packet anyway.
const LEAST: u64 = 1024;

/// The level where only text is compressed.
const USUAL: u32 = 6;

impl Compression {
    /// As the configuration names it: −1 for text only, 0 for nothing, else a level for everything.
    pub(crate) fn of(level: i8) -> Option<Self> {
        match u32::try_from(level) {
            Ok(0) => None,
            Ok(level) => Some(Self {
                level,
                is_for_text: false,
            }),
            Err(_) => Some(Self {
                level: USUAL,
                is_for_text: true,
            }),
        }
    }

    /// What compresses this answer, if anything does; its head says so then, but for how it is framed.
    pub(crate) fn begin(
        self,
        request: &RequestHead,
        response: &mut ResponseHead,
    ) -> Option<Box<Compressor>> {
        match request.fields.has(Known::AcceptEncoding) {
            true => self.consider(request, response),
            false => None,
        }
    }

    #[inline(never)]
    fn consider(
        self,
        request: &RequestHead,
        response: &mut ResponseHead,
    ) -> Option<Box<Compressor>> {
        if response.status == StatusCode::NOT_MODIFIED {
            confirm_weak_tag(request, &mut response.fields);
        }
        if !self.fits(request, response) {
            return None;
        }
        let coding = accepted(request.fields.all(Known::AcceptEncoding));
        let fields = &mut response.fields;
        // A cache must not hand either form to clients that did not ask for it.
        depend_on_accept_encoding(fields);
        let coding = coding?;
        let compressor = Compressor::begin(coding, self.level)?;
        fields.remove(Known::ContentLength);
        // Parts of what the endpoint has are no parts of what we make of it.
        fields.retain(|field| !field.name.eq_ignore_ascii_case(b"accept-ranges"));
        weaken_tag(fields);
        fields.push(Known::ContentEncoding, coding.name().as_bytes());
        Some(compressor)
    }

    /// Whether the answer may be compressed for somebody who can read it, and is worth it.
    fn fits(self, request: &RequestHead, response: &ResponseHead) -> bool {
        let is_long = match response.length() {
            // Whatever answers a HEAD, and 1xx, 204 and 304.
            Length::None => false,
            Length::Exact(length) => length >= LEAST,
            Length::Chunked | Length::UntilClose => true,
        };
        // Clients of HTTP/1.0 know no chunks, and what is compressed has no length that is known before.
        is_long
            && request.version == Version::HTTP_11
            && request.method != Method::TRACE
            && response.status != StatusCode::PARTIAL_CONTENT
            && !response.fields.has(Known::ContentEncoding)
            && (!self.is_for_text || is_text(&response.fields))
            && !forbids_change(&request.fields)
            && !forbids_change(&response.fields)
    }
}

/// The types that are text. Source: netty's list in finagle, linkerd `HttpConfig`.
fn is_text(fields: &Fields) -> bool {
    const TYPES: [&str; 8] = [
        "application/atom+xml",
        "application/javascript",
        "application/json",
        "application/rss+xml",
        "application/x-javascript",
        "application/xhtml+xml",
        "application/xml",
        "image/svg+xml",
    ];
    let Some(value) = fields.get(Known::ContentType) else {
        return false;
    };
    let name = value.split(|byte| *byte == b';').next().unwrap_or_default();
    let name = name.trim_ascii();
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let main = name.get(..5).unwrap_or_default();
    main.eq_ignore_ascii_case(b"text/") || TYPES.iter().any(|known| is(known))
}

/// Whether a message says that it must arrive as it was sent: in so many words, because it is a part of something, or because
/// it has a digest or a signature that would not be true any more. Source: RFC 9110 §7.7, RFC 9530, RFC 9421.
fn forbids_change(fields: &Fields) -> bool {
    const FIXED: [&str; 6] = [
        "content-digest",
        "content-md5",
        "content-range",
        "digest",
        "repr-digest",
        "signature",
    ];
    let is_fixed = |name: &[u8]| {
        let is = |fixed: &str| name.eq_ignore_ascii_case(fixed.as_bytes());
        FIXED.iter().any(|fixed| is(fixed))
    };
    let is = |name: &[u8], known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    fields.iter().any(|field| match field.name.len() {
        7 if is(field.name, "trailer") => items(field.value).any(is_fixed),
        13 if is(field.name, "cache-control") => {
            items(field.value).any(|directive| is(directive, "no-transform"))
        }
        _ => is_fixed(field.name),
    })
}

/// The coding that a client likes best; none if it likes none, or none better than the plain form.
///
/// A member that cannot be read counts for nothing. Source: RFC 9110 §12.5.3.
fn accepted<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Coding> {
    let (mut gzip, mut deflate, mut identity, mut any) = (None, None, None, None);
    for member in lines.flat_map(items) {
        let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let Some(weight) = weight(parts) else {
            continue;
        };
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let slot = match name {
            b"*" => &mut any,
            _ if is("gzip") || is("x-gzip") => &mut gzip,
            _ if is("deflate") => &mut deflate,
            _ if is("identity") => &mut identity,
            _ => continue,
        };
        *slot = Some(weight);
    }
    let gzip = gzip.or(any).unwrap_or_default();
    let deflate = deflate.or(any).unwrap_or_default();
    let (coding, best) = match gzip >= deflate {
        true => (Coding::Gzip, gzip),
        false => (Coding::Deflate, deflate),
    };
    (best > 0 && best >= identity.unwrap_or_default()).then_some(coding)
}

/// The weight of a member in thousandths, 1000 if it names none; none if it is no weight. Source: RFC 9110 §12.4.2.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a [u8]>) -> Option<u16> {
    let Some(parameter) = parameters.next() else {
        return Some(1000);
    };
    let [b'q' | b'Q', b'=', digits @ ..] = parameter else {
        return None;
    };
    let (whole, fraction) = match digits {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    for (digit, worth) in fraction.iter().zip([100, 10, 1]) {
        thousandths += match digit {
            b'0'..=b'9' => u16::from(digit - b'0') * worth,
            _ => return None,
        };
    }
    (thousandths <= 1000 && parameters.next().is_none()).then_some(thousandths)
}

fn depend_on_accept_encoding(fields: &mut Fields) {
    let says_so = fields
        .all(Known::Vary)
        .flat_map(items)
        .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding"));
    if !says_so {
        fields.push(Known::Vary, b"accept-encoding");
    }
}

/// A tag that stands for these very bytes becomes one that stands for what they mean. Source: RFC 9110 §8.8.1.
fn weaken_tag(fields: &mut Fields) {
    if let Some(tag) = fields.find("etag")
        && !tag.starts_with(b"W/")
    {
        let weak = [b"W/", tag].concat();
        fields.retain(|field| !field.name.eq_ignore_ascii_case(b"etag"));
        fields.push_named(b"etag", &weak);
    }
}

/// Whoever asks whether the weak tag that we made still holds is told so by that name: a cache would not know another one.
/// Source: RFC 9111 §4.3.4.
fn confirm_weak_tag(request: &RequestHead, fields: &mut Fields) {
    let Some(tag) = fields.find("etag") else {
        return;
    };
    let asked = |name: &[u8]| {
        let mut lines = request.fields.iter();
        lines.any(|field| {
            field.name.eq_ignore_ascii_case(b"if-none-match")
                && items(field.value).any(|asked| asked == name)
        })
    };
    if !asked(tag) && asked(&[b"W/", tag].concat()) {
        weaken_tag(fields);
    }
}

/// What is between the commas of a list.
fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests;
