//! The field lines behind a chunked body. Source: RFC 9112 §7.1.2.

use super::BadBody;
use crate::fields::{Field, Fields};
use crate::known::{Known, KnownSet};
use crate::line_fault::LineFault;

/// How long all trailers may be together, in bytes.
const LENGTH_MAX: usize = 8 * 1024;
/// How many there may be.
const LINES_MAX: usize = 64;

/// The trailer section as it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Trailers {
    /// Whether there was a carriage return before anything else. Then there are none, as in most bodies, and nothing to keep.
    is_ending: bool,
    section: Vec<u8>,
    fields: Fields,
}

impl Trailers {
    pub(super) fn clear(&mut self) {
        self.is_ending = false;
        self.section.clear();
        self.fields.clear();
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Takes the next byte; true if it was the last.
    pub(super) fn push(&mut self, byte: u8) -> Result<bool, BadBody> {
        let last = match self.is_ending {
            true => Some(b'\r'),
            false => self.section.last().copied(),
        };
        if byte == b'\n' && last != Some(b'\r') {
            return Err(BadBody::Trailer(LineFault::BareLineFeed));
        }
        if last == Some(b'\r') && byte != b'\n' {
            return Err(BadBody::Trailer(LineFault::BareCarriageReturn));
        }
        if self.is_ending {
            return Ok(true);
        }
        if self.section.is_empty() && byte == b'\r' {
            self.is_ending = true;
            return Ok(false);
        }
        if self.section.len() == LENGTH_MAX {
            return Err(BadBody::TrailersTooLong);
        }
        self.section.push(byte);
        let is_last = self.section.ends_with(b"\r\n\r\n");
        if is_last {
            self.parse()?;
        }
        Ok(is_last)
    }

    fn parse(&mut self) -> Result<(), BadBody> {
        let mut room = [httparse::EMPTY_HEADER; LINES_MAX];
        match httparse::parse_headers(&self.section, &mut room) {
            Ok(httparse::Status::Complete((_, found))) => {
                let filled = self.fields.fill(&self.section, found);
                filled.map_err(BadBody::Trailer)?;
                self.fields.retain(may_be_trailer);
                Ok(())
            }
            Err(httparse::Error::TooManyHeaders) => Err(BadBody::TrailersTooLong),
            _ => Err(BadBody::Trailer(LineFault::first(&self.section))),
        }
    }
}

/// Whether a field may stand behind the body: not those that say how to read, route or judge the message, which would have
/// been needed before, and which somebody behind us could merge into the head. Source: RFC 9110 §6.5.1.
pub fn may_be_trailer(field: Field<'_>) -> bool {
    const HEAD_ONLY: KnownSet = KnownSet::of(&[
        Known::Host,
        Known::ContentLength,
        Known::TransferEncoding,
        Known::Connection,
        Known::KeepAlive,
        Known::ProxyConnection,
        Known::Te,
        Known::Trailer,
        Known::Upgrade,
        Known::Http2Settings,
        Known::Expect,
        Known::ProxyAuthenticate,
        Known::ProxyAuthorization,
        Known::ProxyAuthenticationInfo,
        Known::Via,
        Known::MaxForwards,
        Known::Forwarded,
        Known::Date,
        Known::Location,
        Known::Refresh,
        Known::ContentEncoding,
        Known::ContentType,
        Known::AcceptEncoding,
        Known::Vary,
        Known::Traceparent,
        Known::Tracestate,
        Known::XForwardedClientCert,
        Known::Disguised,
    ]);
    const OTHERS: [&str; 14] = [
        "age",
        "authorization",
        "cache-control",
        "content-range",
        "cookie",
        "expires",
        "pragma",
        "range",
        "retry-after",
        "set-cookie",
        "warning",
        "www-authenticate",
        "x-forwarded-for",
        "x-forwarded-proto",
    ];
    let is = |name: &&str| field.name.eq_ignore_ascii_case(name.as_bytes());
    let is_condition = field.name.len() > 3 && field.name[..3].eq_ignore_ascii_case(b"if-");
    let is_kept = !HEAD_ONLY.contains(field.known) && !field.known.is_context();
    is_kept && !is_condition && !OTHERS.iter().any(is)
}
