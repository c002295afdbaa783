//! What holds for any bytes. The fuzz target and the replay of its corpus make the same claims.
//!
//! The main one: whatever is accepted, and passed on as a proxy does it, reads as the same message at the other side.

use std::ops::AddAssign;

use http::Method;
use http1::{
    BadBody, Broken, Decoder, Fields, Known, Length, Limits, Parsed, Refusal, RequestHead,
    ResponseHead, chunk_line, write_chunk_end,
};

/// How much of what was looked at was whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Requests with their bodies.
    pub(crate) requests: usize,
    /// Heads of answers.
    pub(crate) answers: usize,
    /// Of which the body was whole as well.
    pub(crate) whole_answers: usize,
    /// Chunked bodies.
    pub(crate) bodies: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.answers += other.answers;
        self.whole_answers += other.whole_answers;
        self.bodies += other.bodies;
    }
}

const LIMITS: Limits = Limits {
    line: 200,
    fields: 1000,
    count: 20,
};

/// Takes the first byte for how to cut the others, and those for requests, for an answer and for a chunked body.
pub(crate) fn hold(data: &[u8]) -> Seen {
    let Some((&cut, bytes)) = data.split_first() else {
        return Seen::default();
    };
    let piece = usize::from(cut % 32) + 1;
    let whole = requests(bytes, bytes.len().max(1));
    assert_eq!(requests(bytes, piece), whole, "in pieces of {piece}");
    let to_head = answer(bytes, &Method::HEAD, piece);
    let to_get = answer(bytes, &Method::GET, piece);
    assert_eq!(to_head.is_ok(), to_get.is_ok());
    let whole_answers = [Method::GET, Method::HEAD, Method::CONNECT]
        .iter()
        .filter(|to| passes_on_answer(bytes, to, piece))
        .count();
    let body = body(bytes, Length::Chunked, bytes.len().max(1));
    assert_eq!(
        self::body(bytes, Length::Chunked, piece),
        body,
        "in pieces of {piece}"
    );
    Seen {
        requests: whole.0.len(),
        answers: usize::from(matches!(to_get, Ok(Parsed::Whole(_)))),
        whole_answers,
        bodies: usize::from(body.is_ok_and(|body| body.is_done)),
    }
}

/// What became of a body.
#[derive(Debug, Default, PartialEq, Eq)]
struct Body {
    data: Vec<u8>,
    consumed: usize,
    is_done: bool,
    /// Names and values.
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How the reading of a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Refused(Refusal),
    Bad(BadBody),
    Partial,
}

/// Reads requests as they come in pieces of a connection, each with its body.
fn requests(bytes: &[u8], piece: usize) -> (Vec<(Vec<u8>, Body)>, End) {
    let mut found = Vec::new();
    let mut rest = bytes;
    loop {
        let mut head = RequestHead::default();
        match in_pieces(rest.len(), piece, |end| head.parse(&rest[..end], &LIMITS)) {
            Ok(Parsed::Whole(length)) => {
                let written = written(&head, &rest[..length]);
                rest = &rest[length..];
                match body(rest, head.length(), piece) {
                    Ok(body) if body.is_done => {
                        pass_on_request(&head, &rest[..body.consumed], &body, piece);
                        rest = &rest[body.consumed..];
                        found.push((written, body));
                    }
                    Ok(_) => return (found, End::Partial),
                    Err(bad) => return (found, End::Bad(bad)),
                }
            }
            Ok(Parsed::Partial) => return (found, End::Partial),
            Err(refusal) => return (found, End::Refused(refusal)),
        }
    }
}

/// What an accepted head is written as: another that reads the same.
fn written(head: &RequestHead, from: &[u8]) -> Vec<u8> {
    for (at, byte) in from.iter().enumerate() {
        assert!(
            *byte != b'\n' || at > 0 && from[at - 1] == b'\r',
            "a line feed alone"
        );
        assert!(
            *byte != b'\r' || from.get(at + 1) == Some(&b'\n'),
            "a carriage return alone"
        );
    }
    let mut head = head.clone();
    head.to_origin_form();
    let mut out = Vec::new();
    head.write_to(&mut out);
    out
}

/// Passes a request on, and reads it as an endpoint does.
fn pass_on_request(head: &RequestHead, bytes: &[u8], read: &Body, piece: usize) {
    let mut sent = head.clone();
    sent.to_origin_form();
    if !sent.fields.has(Known::Host) {
        sent.fields.push(Known::Host, b"");
    }
    let is_chunked = head.length() == Length::Chunked;
    frame(&mut sent.fields, is_chunked);
    let mut out = Vec::new();
    sent.write_to(&mut out);
    pass_on_body(bytes, head.length(), is_chunked, piece, &mut out);
    let mut again = RequestHead::default();
    let Ok(Parsed::Whole(length)) = again.parse(&out, &Limits::default()) else {
        panic!("no request: {}", out.escape_ascii());
    };
    assert_eq!(again.method, head.method);
    assert_eq!(again.target(), sent.target());
    assert_eq!(again.length(), head.length());
    assert!(again.fields.iter().eq(sent.fields.iter()));
    assert_arrives(read, &out[length..], again.length());
}

/// Passes an answer on, and reads it as a client does. False if it is none, or not whole.
fn passes_on_answer(bytes: &[u8], to: &Method, piece: usize) -> bool {
    let mut head = ResponseHead::default();
    let Ok(Parsed::Whole(length)) = head.parse(bytes, to, &LIMITS) else {
        return false;
    };
    let bytes = &bytes[length..];
    let read = match body(bytes, head.length(), piece) {
        Ok(read) if read.is_done || head.length() == Length::UntilClose => read,
        _ => return false,
    };
    let is_chunked = matches!(head.length(), Length::Chunked | Length::UntilClose);
    let mut sent = head.clone();
    frame(&mut sent.fields, is_chunked);
    let mut out = Vec::new();
    sent.write_to(&mut out);
    pass_on_body(
        &bytes[..read.consumed],
        head.length(),
        is_chunked,
        piece,
        &mut out,
    );
    let mut again = ResponseHead::default();
    let Ok(Parsed::Whole(length)) = again.parse(&out, to, &Limits::default()) else {
        panic!("no answer: {}", out.escape_ascii());
    };
    assert_eq!(again.status, head.status);
    assert!(again.fields.iter().eq(sent.fields.iter()));
    assert_arrives(&read, &out[length..], again.length());
    true
}

/// Says how the body is delimited from here on.
fn frame(fields: &mut Fields, is_chunked: bool) {
    fields.remove(Known::TransferEncoding);
    if is_chunked {
        fields.push(Known::TransferEncoding, b"chunked");
    }
}

/// Writes a body as each piece of it comes in.
fn pass_on_body(bytes: &[u8], length: Length, is_chunked: bool, piece: usize, out: &mut Vec<u8>) {
    let mut decoder = Decoder::new(length);
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let decoded = decoder.decode(&mut piece).expect("it was read before");
        let data = &piece[decoded.data];
        if is_chunked && !data.is_empty() {
            let mut line = [0; 20];
            let length = chunk_line(data.len(), &mut line);
            out.extend_from_slice(&line[..length]);
            out.extend_from_slice(data);
            out.extend_from_slice(b"\r\n");
        } else {
            out.extend_from_slice(data);
        }
    }
    if is_chunked {
        write_chunk_end(decoder.trailers(), out);
    }
}

/// What was read is what is read again, to the last byte.
fn assert_arrives(read: &Body, bytes: &[u8], length: Length) {
    let again = body(bytes, length, bytes.len().max(1)).expect("a body");
    assert!(again.is_done, "{}", bytes.escape_ascii());
    assert_eq!(again.consumed, bytes.len());
    assert_eq!(again.data, read.data);
    assert_eq!(again.trailers, read.trailers);
}

fn answer(bytes: &[u8], to: &Method, piece: usize) -> Result<Parsed, Broken> {
    let mut head = ResponseHead::default();
    let whole = head.parse(bytes, to, &LIMITS);
    if let Ok(Parsed::Whole(length)) = whole {
        assert!(length <= bytes.len());
        let mut out = Vec::new();
        head.write_to(&mut out);
        let mut again = ResponseHead::default();
        let limits = Limits::default();
        assert_eq!(again.parse(&out, to, &limits), Ok(Parsed::Whole(out.len())));
        assert_eq!((again.status, again.length()), (head.status, head.length()));
        assert!(again.fields.iter().eq(head.fields.iter()));
    }
    let mut head = ResponseHead::default();
    let cut = in_pieces(bytes.len(), piece, |end| {
        head.parse(&bytes[..end], to, &LIMITS)
    });
    assert_eq!(cut, whole, "in pieces of {piece}");
    whole
}

/// The first outcome as more and more bytes are there.
fn in_pieces<E>(
    length: usize,
    piece: usize,
    mut parse: impl FnMut(usize) -> Result<Parsed, E>,
) -> Result<Parsed, E> {
    let mut end = 0;
    loop {
        let parsed = parse(end);
        if end == length || !matches!(parsed, Ok(Parsed::Partial)) {
            return parsed;
        }
        end = length.min(end + piece);
    }
}

fn body(bytes: &[u8], length: Length, piece: usize) -> Result<Body, BadBody> {
    let mut decoder = Decoder::new(length);
    let mut body = Body {
        is_done: decoder.is_done(),
        ..Body::default()
    };
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let decoded = decoder.decode(&mut piece)?;
        body.data.extend_from_slice(&piece[decoded.data]);
        body.consumed += decoded.consumed;
        body.is_done = decoded.is_done;
        assert!(decoded.is_done || decoded.consumed == piece.len());
    }
    assert!(!body.is_done || decoder.at_close().is_ok());
    let trailers = decoder.trailers().into_iter().flat_map(Fields::iter);
    let trailers = trailers.map(|field| (field.name.to_vec(), field.value.to_vec()));
    body.trailers = trailers.collect();
    Ok(body)
}
