//! A request of HTTP/1.1 that asks for HTTP/2 (`Upgrade: h2c`), and becomes the first stream. Source: RFC 7540 §3.2.
//!
//! The library that serves streams has no way to be given one. So the request is written as frames, which it reads behind the
//! client's own first frame: the client has sent neither, and cannot tell.

use std::future::poll_fn;
use std::task::Poll;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http1::{Form, Known, Length, RequestHead};
use tokio::io::AsyncWriteExt as _;

use super::entrance::{FRAME_HEAD, PREFACE};
use crate::error::RouteError;
use crate::server::{Activity, Phase};
use crate::wire::{Input, Socket};

/// What becomes the first stream.
#[derive(Debug)]
pub(crate) struct FirstRequest {
    /// The client's settings, which it has sent with the request.
    settings: Vec<u8>,
    /// The head, as HPACK has it.
    head: Vec<u8>,
    /// Not among the frames: windows, which it did not ask for, would count it.
    pub(super) body: Bytes,
}

/// The body of the request that became the first stream.
#[derive(Clone, Debug)]
pub(super) struct FirstBody(pub(super) Bytes);

impl FirstBody {
    /// Has the request be found with its body.
    pub(super) fn belongs_to<T>(self, request: &mut Request<T>) {
        if !self.0.is_empty() {
            let length = HeaderValue::from(self.0.len());
            request.headers_mut().insert(CONTENT_LENGTH, length);
            request.extensions_mut().insert(self);
        }
    }
}

/// How long the body of such a request may be, in bytes.
pub(crate) const MOST_BODY: u64 = 64 * 1024;

/// Answers a request that asks to go on with HTTP/2, and takes it; none if it does not, or cannot be taken: its head is as it was
/// then.
///
/// # Errors
/// When its body does not come.
pub(crate) async fn upgrade(
    socket: &mut Socket,
    input: &mut Input,
    request: &mut RequestHead,
    activity: &Activity,
) -> Result<Option<FirstRequest>, RouteError> {
    let (Some(settings), Some(length)) = (settings(request), body_length(request)) else {
        return Ok(None);
    };
    let gone = |_| RouteError::TooSlow;
    if length > 0 && request.expects_continue() {
        let told = socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        told.map_err(gone)?;
    }
    let body = read_body(socket, input, length, activity).await?;
    socket.write_all(SWITCH).await.map_err(gone)?;
    socket.flush().await.map_err(gone)?;
    Ok(Some(FirstRequest {
        settings,
        head: hpack(request),
        body,
    }))
}

const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// The settings of a request that asks to go on with HTTP/2.
fn settings(request: &RequestHead) -> Option<Vec<u8>> {
    request.upgrade()?;
    let fields = &request.fields;
    let mut protocols = fields
        .all(Known::Upgrade)
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    let mut all = fields.all(Known::Http2Settings);
    let (Some(settings), None) = (all.next(), all.next()) else {
        return None;
    };
    let settings = ENGINE.decode(settings).ok()?;
    let are_settings = settings.len() % SETTING == 0 && settings.len() <= MOST_SETTINGS;
    (are_settings && protocols.any(|protocol| protocol == b"h2c")).then_some(settings)
}

/// How long one setting is, and all of them at most.
const SETTING: usize = 6;
const MOST_SETTINGS: usize = 100 * SETTING;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How long the body is, of a request that can be taken.
fn body_length(request: &RequestHead) -> Option<u64> {
    match request.length() {
        _ if request.form() == Form::Authority => None,
        Length::None => Some(0),
        Length::Exact(length) => (length <= MOST_BODY).then_some(length),
        Length::Chunked | Length::UntilClose => None,
    }
}

/// Reads all of the body: behind it, the client speaks HTTP/2.
async fn read_body(
    socket: &mut Socket,
    input: &mut Input,
    length: u64,
    activity: &Activity,
) -> Result<Bytes, RouteError> {
    // It is at most `MOST_BODY`.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    poll_fn(|cx| {
        while input.filled().len() < length {
            activity.note(Phase::Body, input.filled().len() as u64);
            if activity.has_stalled() {
                return Poll::Ready(Err(RouteError::TooSlow));
            }
            let (mut reader, _) = socket.split();
            match input.poll_fill(cx, &mut reader) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => {
                    let early = http1::BadBody::EndedEarly;
                    return Poll::Ready(Err(RouteError::BadBody(early)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        let body = Bytes::copy_from_slice(&input.filled()[..length]);
        input.consume(length);
        Poll::Ready(Ok(body))
    })
    .await
}

/// The head as a block of fields, none of which changes what either side remembers. Source: RFC 7541 §6.2.2.
fn hpack(request: &mut RequestHead) -> Vec<u8> {
    request.to_origin_form();
    let takes_trailers = request.fields.get(Known::Te) == Some(b"trailers");
    let mut out = Vec::new();
    literal(&mut out, b":method", request.method.as_str().as_bytes());
    literal(&mut out, b":scheme", b"http");
    let host = request.fields.get(Known::Host).unwrap_or_default();
    if !host.is_empty() {
        literal(&mut out, b":authority", host);
    }
    literal(&mut out, b":path", request.path_and_query());
    let fields = &mut request.fields;
    crate::headers::strip_hop_by_hop(fields);
    // The length is that of a body that comes another way.
    for known in [Known::Host, Known::ContentLength, Known::Expect] {
        fields.remove(known);
    }
    for field in fields.iter() {
        literal(&mut out, &field.name.to_ascii_lowercase(), field.value);
    }
    if takes_trailers {
        literal(&mut out, b"te", b"trailers");
    }
    out
}

fn literal(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(0);
    for text in [name, value] {
        write_length(out, text.len());
        out.extend_from_slice(text);
    }
}

/// A length with a prefix of 7 bits. Source: RFC 7541 §5.1.
fn write_length(out: &mut Vec<u8>, length: usize) {
    const MOST: usize = 127;
    if length < MOST {
        return out.push(length as u8);
    }
    out.push(MOST as u8);
    let mut rest = length - MOST;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.push(rest as u8);
}

impl FirstRequest {
    /// The preface with the client's first settings, this request as frames, and the rest.
    ///
    /// What was said with the request was said before those settings, and is acknowledged with them: together they are one frame.
    pub(super) fn behind(&self, settings: &[u8], rest: &[u8]) -> Vec<u8> {
        const SETTINGS: u8 = 4;
        let own = &settings[PREFACE.len() + FRAME_HEAD..];
        let mut out = Vec::with_capacity(settings.len() + self.head.len() + rest.len() + 128);
        out.extend_from_slice(PREFACE);
        write_frame(&mut out, (SETTINGS, 0), 0, &[&self.settings, own].concat());
        self.write_head(&mut out);
        out.extend_from_slice(rest);
        out
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        const HEADERS: u8 = 1;
        const CONTINUATION: u8 = 9;
        const END_STREAM: u8 = 1;
        const END_HEADERS: u8 = 4;
        /// What every peer takes.
        const MOST: usize = 16_384;
        let pieces = self.head.chunks(MOST);
        let last = pieces.len() - 1;
        for (at, piece) in pieces.enumerate() {
            let (kind, first) = match at {
                0 => (HEADERS, END_STREAM),
                _ => (CONTINUATION, 0),
            };
            let end = if at == last { END_HEADERS } else { 0 };
            write_frame(out, (kind, first | end), 1, piece);
        }
    }
}

fn write_frame(out: &mut Vec<u8>, (kind, flags): (u8, u8), stream: u32, payload: &[u8]) {
    // No payload here has more than 24 bits of length.
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}
