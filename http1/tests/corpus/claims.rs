//! What holds for any bytes. The fuzz target and the replay of its corpus make the same claims.

use std::ops::AddAssign;

use http::Method;
use http1::{
    BadBody, Broken, Decoder, Length, Limits, Parsed, Refusal, RequestHead, ResponseHead,
    write_chunk_end,
};

/// How much of what was looked at was whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Requests with their bodies.
    pub(crate) requests: usize,
    /// Heads of answers.
    pub(crate) answers: usize,
    /// Chunked bodies.
    pub(crate) bodies: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.answers += other.answers;
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
    let body = body(bytes, Length::Chunked, bytes.len().max(1));
    assert_eq!(
        self::body(bytes, Length::Chunked, piece),
        body,
        "in pieces of {piece}"
    );
    Seen {
        requests: whole.0.len(),
        answers: usize::from(matches!(to_get, Ok(Parsed::Whole(_)))),
        bodies: usize::from(body.is_ok_and(|body| body.is_done)),
    }
}

/// What became of a body.
#[derive(Debug, Default, PartialEq, Eq)]
struct Body {
    data: Vec<u8>,
    consumed: usize,
    is_done: bool,
    /// As they are written again.
    trailers: Vec<u8>,
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
    let mut again = RequestHead::default();
    if head.fields.has(http1::Known::Host) {
        let limits = Limits::default();
        assert_eq!(again.parse(&out, &limits), Ok(Parsed::Whole(out.len())));
        assert_eq!(again.method, head.method);
        assert_eq!(again.target(), head.target());
        assert_eq!(again.length(), head.length());
        assert!(again.fields.iter().eq(head.fields.iter()));
    }
    out
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
    write_chunk_end(decoder.trailers(), &mut body.trailers);
    Ok(body)
}
