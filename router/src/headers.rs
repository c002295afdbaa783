//! What a proxy does to the fields of a head: it takes off what was meant for this hop only, reads what was meant for it, and
//! signs.
//!
//! Fields know which of the special names they hold, so that a plain message pays for no search that finds nothing. They are
//! [`Lines`] here, whichever version of HTTP they came with, and heads are [`Head`]s.

mod context;
mod date;
mod deadline;
mod head;
mod lines;
mod overrides;
mod shown;
mod trace;
mod via;

use http1::{Fields, Known, KnownSet};

pub(crate) use context::clear_context;
pub(crate) use date::add_date;
pub(crate) use deadline::{merge_deadlines, set_deadline, time_left};
pub(crate) use head::{Answer, Control, Head, Request};
pub(crate) use lines::Lines;
pub(crate) use overrides::{Overrides, hand_on};
pub(crate) use shown::{Shown, value_of};
pub(crate) use trace::Trace;
pub(crate) use via::{append_via, call_depth};

/// What ends at this hop, whoever sent it. What an application could take for such a line, because it reads `_` as `-` (CGI and
/// its heirs do), ends here as well.
pub(crate) const OF_EVERY_HOP: KnownSet = KnownSet::of(&[
    Known::Connection,
    Known::KeepAlive,
    Known::ProxyConnection,
    Known::ProxyAuthenticate,
    Known::ProxyAuthenticationInfo,
    Known::ProxyAuthorization,
    Known::TransferEncoding,
    Known::Upgrade,
    Known::Http2Settings,
    Known::Disguised,
    Known::L5dDisguised,
]);

/// What ends at this hop over HTTP/1.1, where `TE` is about a connection.
const OF_THIS_HOP: KnownSet = {
    let mut set = OF_EVERY_HOP;
    set.insert(Known::Te);
    set
};

/// The routers' own language, also as an application could misread it.
pub(crate) const CONTEXT: KnownSet = {
    let mut set = KnownSet::of(&[Known::L5dOther, Known::L5dDisguised]);
    let mut at = 0;
    while at < Known::NAMED.len() {
        if Known::NAMED[at].is_context() {
            set.insert(Known::NAMED[at]);
        }
        at += 1;
    }
    set
};

/// Removes the lines that are meant for one hop only, and those that any `Connection` line names.
///
/// `Host` and `Content-Length` stay even if named: without them the message would mean something else to the next hop.
/// Source: RFC 9110 §7.6.1, linkerd `StripHopByHopHeadersFilter`, which reads the first `Connection` line only and keeps
/// `Keep-Alive` and `Proxy-Connection` unless they are named.
pub(crate) fn strip_hop_by_hop(fields: &mut Fields) {
    if fields.has(Known::Connection) {
        remove_nominated(fields);
    }
    // Trailers of a chunked body pass, and so does their announcement.
    if fields.has(Known::Trailer) && !fields.has(Known::TransferEncoding) {
        fields.remove(Known::Trailer);
    }
    fields.remove_any(OF_THIS_HOP);
}

/// Removes the lines that `Connection` names, and its options that named them, so that lines which are added later are safe.
/// The usual options, `close`, `keep-alive` and `upgrade`, name none that would be left.
pub(crate) fn remove_nominated(fields: &mut Fields) {
    if !options(fields).any(is_worth_a_search) {
        return;
    }
    let (mut nominated, mut rest) = (Vec::new(), Vec::new());
    for option in options(fields) {
        let list = match is_worth_a_search(option) {
            true => &mut nominated,
            false => &mut rest,
        };
        list.extend_from_slice(option);
        list.push(b',');
    }
    fields.retain(|field| {
        let mut names = nominated.split(|byte| *byte == b',');
        !names.any(|name| field.name.eq_ignore_ascii_case(name))
    });
    fields.remove(Known::Connection);
    if let Some(rest) = rest.strip_suffix(b",") {
        fields.push(Known::Connection, rest);
    }
}

fn options(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    fields
        .all(Known::Connection)
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|option| !option.is_empty())
}

/// Whether an option of `Connection` may name a line that neither goes anyway nor has to stay.
fn is_worth_a_search(option: &[u8]) -> bool {
    // `Trailer` ends here or not by what the body is.
    const SETTLED: KnownSet = KnownSet::of(&[Known::Host, Known::ContentLength, Known::Trailer]);
    let known = Known::of(option);
    !option.eq_ignore_ascii_case(b"close")
        && !SETTLED.contains(known)
        && !OF_THIS_HOP.contains(known)
}

/// Text form-encoded, as `l5d-err` carries it (ISO-8859-1 in the reference; UTF-8 here, which only differs beyond ASCII).
/// `limit` is in bytes of the result, and is never exceeded.
pub(crate) fn form_encoded(text: &str, limit: usize) -> String {
    let mut encoded = String::with_capacity((text.len() + text.len() / 4).min(limit));
    for byte in text.bytes() {
        let room = limit - encoded.len();
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
    encoded
}

#[cfg(test)]
mod tests;
