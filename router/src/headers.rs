//! What a proxy does to headers: it takes off what was meant for this hop only, reads what was meant for it, and signs.
//!
//! A [`Survey`] looks at all headers once, so that a plain request pays for one pass and for no lookup that finds nothing.

mod context;
mod deadline;
mod overrides;
mod trace;
mod via;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

pub(crate) use context::{clear_context, is_context};
pub(crate) use deadline::merge_deadlines;
pub(crate) use overrides::{Overrides, hand_on};
pub(crate) use trace::Trace;
pub(crate) use via::{append_via, call_depth};

/// The text of an error that a router made.
pub(crate) const L5D_ERR: HeaderName = HeaderName::from_static("l5d-err");
/// `true`: the request was surely not delivered and may be sent again.
pub(crate) const L5D_RETRYABLE: HeaderName = HeaderName::from_static("l5d-retryable");
/// `1.0` or `0.0`: what the service's classifier made of the response.
pub(crate) const L5D_SUCCESS_CLASS: HeaderName = HeaderName::from_static("l5d-success-class");
/// The logical name.
pub(crate) const L5D_DST_SERVICE: HeaderName = HeaderName::from_static("l5d-dst-service");
/// The bound id.
pub(crate) const L5D_DST_CLIENT: HeaderName = HeaderName::from_static("l5d-dst-client");
/// What the binding left of the name.
pub(crate) const L5D_DST_RESIDUAL: HeaderName = HeaderName::from_static("l5d-dst-residual");

/// Which certificate the client of an earlier hop showed. Only a proxy that has seen one may say so.
pub(crate) const CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Which kinds of headers a message has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// `Connection`, which may name others.
    pub(crate) connection: bool,
    /// One of the other headers that end at this hop.
    pub(crate) hop_by_hop: bool,
    /// One that begins with `l5d-`, however its hyphen is written.
    pub(crate) context: bool,
    /// `Via`
    pub(crate) via: bool,
    /// `Expect`
    pub(crate) expect: bool,
    /// `Host`
    pub(crate) host: bool,
    /// `traceparent`
    pub(crate) traceparent: bool,
    /// `Transfer-Encoding`
    pub(crate) encoded: bool,
    /// `x-forwarded-client-cert`
    pub(crate) client_cert: bool,
    /// Some header has more than one line.
    pub(crate) repeated: bool,
}

impl Survey {
    /// Looks at each header once.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut survey = Self {
            repeated: headers.len() > headers.keys_len(),
            ..Self::default()
        };
        for name in headers.keys() {
            match *name {
                header::HOST => survey.host = true,
                header::CONNECTION => survey.connection = true,
                header::VIA => survey.via = true,
                header::EXPECT => survey.expect = true,
                header::PROXY_AUTHENTICATE
                | header::PROXY_AUTHORIZATION
                | header::TE
                | header::TRAILER
                | header::UPGRADE => survey.hop_by_hop = true,
                header::TRANSFER_ENCODING => (survey.hop_by_hop, survey.encoded) = (true, true),
                _ => survey.note_by_text(name.as_str()),
            }
        }
        survey
    }

    /// Headers that the `http` crate has no constant for.
    fn note_by_text(&mut self, name: &str) {
        match name {
            "keep-alive" | "proxy-connection" => self.hop_by_hop = true,
            "traceparent" => self.traceparent = true,
            "x-forwarded-client-cert" => self.client_cert = true,
            _ if is_context(name) => self.context = true,
            _ => {}
        }
    }
}

/// Whether `Transfer-Encoding`, where there is one, says `chunked` and nothing else: we know no other coding, and to pass it on
/// without its name would spoil the body.
pub(crate) fn is_plainly_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| {
        let coding = coding.as_bytes().trim_ascii();
        coding.eq_ignore_ascii_case(b"chunked")
    };
    codings.next().is_none_or(is_chunked) && codings.next().is_none()
}

/// Removes the headers that are meant for one hop only, and those that any `Connection` line names.
///
/// `Host` and `Content-Length` stay even if named: without them the message would mean something else to the next hop.
/// Source: RFC 9110 §7.6.1, linkerd `StripHopByHopHeadersFilter`, which reads the first `Connection` line only and keeps
/// `Keep-Alive` and `Proxy-Connection` unless they are named.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap, survey: Survey) {
    if survey.connection {
        for name in nominated(headers) {
            headers.remove(name);
        }
        headers.remove(header::CONNECTION);
    }
    if survey.hop_by_hop {
        for name in [
            header::PROXY_AUTHENTICATE,
            header::PROXY_AUTHORIZATION,
            header::TE,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
            KEEP_ALIVE,
            PROXY_CONNECTION,
        ] {
            headers.remove(name);
        }
        // Trailers of a chunked body pass, and hyper writes those that are announced.
        if !survey.encoded {
            headers.remove(header::TRAILER);
        }
    }
}

/// The headers that `Connection` lines name, as far as they are there. The usual lines, `close` and `keep-alive`, name none.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH)
        .filter(|name| headers.contains_key(name))
        .collect()
}

/// Text as a header's value: bytes that a header cannot carry become `?`.
pub(crate) fn shown_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let printable: String = text
            .chars()
            .map(|c| {
                if c.is_ascii_graphic() || c == ' ' {
                    c
                } else {
                    '?'
                }
            })
            .collect();
        HeaderValue::from_str(&printable).unwrap_or(const { HeaderValue::from_static("?") })
    })
}

/// Text form-encoded, as `l5d-err` carries it (ISO-8859-1 in the reference; UTF-8 here, which only differs beyond ASCII).
/// `limit` is in bytes of the result, and is never exceeded.
pub(crate) fn form_encoded(text: &str, limit: usize) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        let room = limit.saturating_sub(encoded.len());
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' if room >= 1 => {
                encoded.push(char::from(byte));
            }
            b' ' if room >= 1 => encoded.push('+'),
            _ if room >= 3 => {
                const HEX: [u8; 16] = *b"0123456789ABCDEF";
                encoded.push('%');
                encoded.push(char::from(HEX[usize::from(byte >> 4)]));
                encoded.push(char::from(HEX[usize::from(byte & 15)]));
            }
            _ => break,
        }
    }
    shown_value(&encoded)
}

#[cfg(test)]
mod tests;
