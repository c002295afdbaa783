//! Which trace a request belongs to: `l5d-ctx-trace`, and W3C `traceparent` beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http1::{Known, KnownSet};

use super::Lines;

const SAMPLING_KNOWN: u64 = 2;
const SAMPLED: u64 = 4;

/// A span of a trace: what one hop did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// The low half of the trace's id.
    trace: u64,
    /// The high half, where ids have 128 bits.
    trace_high: Option<u64>,
    span: u64,
    parent: u64,
    /// 1 debug, 2 sampling known, 4 sampled. Source: finagle `Flags`.
    flags: u64,
}

impl Trace {
    /// The span of this hop: the next one of the trace that the request brought, else the root of a new one.
    ///
    /// `new_id` yields random ids, `draw` a number in 0..1 for `l5d-sample`, which is consumed.
    pub(crate) fn of_request(
        fields: &mut impl Lines,
        new_id: impl FnOnce() -> u64,
        draw: impl FnOnce() -> f64,
    ) -> Self {
        let incoming = Self::incoming(fields);
        if incoming.is_none() {
            // What vendors say about a trace that cannot be read says nothing about another (W3C Trace Context §4.3).
            fields.remove(Known::Tracestate);
        }
        let span = new_id();
        let mut trace = incoming.map_or(
            Self {
                trace: span,
                trace_high: None,
                span,
                parent: span,
                flags: 0,
            },
            |caller| Self {
                span,
                parent: caller.span,
                ..caller
            },
        );
        if let Some(rate) = take_sample(fields) {
            let sampled = if draw() < rate { SAMPLED } else { 0 };
            trace.flags = (trace.flags & !SAMPLED) | SAMPLING_KNOWN | sampled;
        }
        trace
    }

    fn incoming(fields: &impl Lines) -> Option<Self> {
        let own = fields.get(Known::L5dCtxTrace);
        own.and_then(Self::from_context).or_else(|| {
            let w3c = fields.get(Known::Traceparent);
            w3c.and_then(Self::from_traceparent)
        })
    }

    /// Reads base64 of span, parent, trace and flags, 8 bytes each, big endian; a high half of the trace id may follow.
    fn from_context(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 48];
        let length = BASE64.decode_slice(text, &mut bytes).ok()?;
        let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| bytes[at * 8 + i]));
        let trace_high = match length {
            32 => None,
            40 => Some(word(4)),
            _ => return None,
        };
        Some(Self {
            span: word(0),
            parent: word(1),
            trace: word(2),
            flags: word(3),
            trace_high,
        })
    }

    /// Reads `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`. Source: W3C Trace Context §3.2.
    fn from_traceparent(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let mut fields = text.split('-');
        let (version, trace, span, flags) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let is_plain = |field: &str, length| {
            field.len() == length
                && field
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let may_go_on = version != "00" || fields.next().is_none();
        if !(is_plain(version, 2)
            && version != "ff"
            && is_plain(trace, 32)
            && is_plain(span, 16)
            && is_plain(flags, 2)
            && may_go_on)
        {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self {
            trace: trace as u64,
            trace_high: Some((trace >> 64) as u64).filter(|high| *high != 0),
            span,
            parent: span,
            flags: if sampled { SAMPLING_KNOWN | SAMPLED } else { 0 },
        })
    }

    /// Writes `l5d-ctx-trace`, `l5d-reqid` and `traceparent`, instead of those that are there.
    pub(crate) fn write(self, fields: &mut impl Lines) {
        fields.remove_any(
            const { KnownSet::of(&[Known::L5dCtxTrace, Known::L5dReqid, Known::Traceparent]) },
        );
        fields.push_with(Known::L5dCtxTrace, |value| self.put_context(value));
        fields.push_with(Known::L5dReqid, |value| {
            value.extend_from_slice(&hex(self.trace));
        });
        fields.push_with(Known::Traceparent, |value| {
            value.extend_from_slice(&self.traceparent());
        });
    }

    fn put_context(self, value: &mut Vec<u8>) {
        let mut bytes = [0; 40];
        let words = [
            self.span,
            self.parent,
            self.trace,
            self.flags,
            self.trace_high.unwrap_or(0),
        ];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        let length = if self.trace_high.is_some() { 40 } else { 32 };
        let start = value.len();
        // 56 bytes hold the base64 of 40.
        value.extend_from_slice(&[0; 56]);
        let encoded = BASE64.encode_slice(&bytes[..length], &mut value[start..]);
        value.truncate(start + encoded.unwrap_or(0));
    }

    fn traceparent(self) -> [u8; 55] {
        let mut text = *b"00-0123456789abcdef0123456789abcdef-0123456789abcdef-00";
        text[3..19].copy_from_slice(&hex(self.trace_high.unwrap_or(0)));
        text[19..35].copy_from_slice(&hex(self.trace));
        text[36..52].copy_from_slice(&hex(self.span));
        if self.flags & SAMPLED != 0 {
            text[54] = b'1';
        }
        text
    }
}

/// How likely the request shall be sampled, by `l5d-sample`, which is consumed.
fn take_sample(fields: &mut impl Lines) -> Option<f64> {
    let text = std::str::from_utf8(fields.get(Known::L5dSample)?);
    let rate = text.ok().and_then(|text| text.trim().parse::<f64>().ok());
    fields.remove(Known::L5dSample);
    rate.filter(|rate| !rate.is_nan())
}

/// 16 hex digits.
fn hex(id: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(id.to_be_bytes()) {
        *pair = PAIRS[usize::from(byte)];
    }
    digits
}

/// The two digits of each byte.
static PAIRS: [[u8; 2]; 256] = {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};
