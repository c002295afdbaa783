use std::future::poll_fn;
use std::io::Read as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::wire::{Coding, Socket};

/// Two ends of a connection.
async fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.expect("connected").into(), far.expect("accepted").0)
}

/// What arrives when this body, sent in pieces of this size, is relayed behind the head `head\n`; and what became of it.
async fn relayed(body: &str, length: Length, encoding: Encoding, piece: usize) -> String {
    let passed = passed(body, length, (encoding, None), piece).await;
    String::from_utf8(passed).expect("text")
}

/// The same with a compressor behind the encoding, if there is one.
async fn passed(
    body: &str,
    length: Length,
    (encoding, coding): (Encoding, Option<Coding>),
    piece: usize,
) -> Vec<u8> {
    let ((mut source, mut sender), (mut sink, mut receiver)) = (pair().await, pair().await);
    let mut head = Text::take();
    head.extend_from_slice(b"head\n");
    let mut relay = Relay::new(head, length, encoding);
    if let Some(coding) = coding {
        relay.compress(Compressor::begin(coding, 6).expect("a place"));
    }
    let sending = async move {
        for piece in body.as_bytes().chunks(piece) {
            sender.write_all(piece).await.expect("the relay reads");
            tokio::task::yield_now().await;
        }
    };
    let relaying = async move {
        let mut input = Input::default();
        let ended = poll_fn(|cx| {
            let (mut reader, _) = source.split();
            let (_, mut writer) = sink.split();
            relay.poll(cx, &mut input, &mut reader, &mut writer)
        });
        let ended = ended.await;
        (ended, String::from_utf8_lossy(input.filled()).into_owned())
    };
    let receiving = async move {
        let mut received = Vec::new();
        let read = receiver.read_to_end(&mut received).await;
        read.expect("the relay ends");
        received
    };
    let ((), (ended, left), mut received) = tokio::join!(sending, relaying, receiving);
    let ended = match ended {
        Ok(()) if left.is_empty() => String::new(),
        Ok(()) => format!(" | left: {left}"),
        Err(trouble) => format!(" | {trouble:?}"),
    };
    received.extend_from_slice(ended.as_bytes());
    received
}

async fn check(body: &str, length: Length, encoding: Encoding, expected: &str) {
    for piece in [1, 2, 3, 7, 1000] {
        let all = relayed(body, length, encoding, piece).await;
        let arrived = match encoding {
            // Where chunks end is nobody's business.
            Encoding::Chunked => joined(&all),
            Encoding::Plain => all,
        };
        assert_eq!(arrived, expected, "{body:?} by {piece}");
    }
}

/// The text with its chunks in one piece: `head\n[data]trailers`.
fn joined(text: &str) -> String {
    let Some(mut rest) = text.strip_prefix("head\n") else {
        return text.to_owned();
    };
    let mut data = String::new();
    while let Some((size, after)) = rest.split_once("\r\n")
        && let Ok(size) = usize::from_str_radix(size, 16)
    {
        if size == 0 {
            return format!("head\n[{data}]{after}");
        }
        data.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").expect("the chunk ends");
    }
    format!("head\n[{data}{rest}")
}

#[tokio::test]
async fn bodies_pass_however_they_come() {
    check("", Length::None, Encoding::Plain, "head\n").await;
    check("", Length::Exact(0), Encoding::Plain, "head\n").await;
    check("body", Length::Exact(4), Encoding::Plain, "head\nbody").await;
    check(
        "to the end",
        Length::UntilClose,
        Encoding::Plain,
        "head\nto the end",
    )
    .await;
    check(
        "to the end",
        Length::UntilClose,
        Encoding::Chunked,
        "head\n[to the end]\r\n",
    )
    .await;
    let chunks = "4\r\nbody\r\n6\r\n, more\r\n0\r\n\r\n";
    check(
        chunks,
        Length::Chunked,
        Encoding::Chunked,
        "head\n[body, more]\r\n",
    )
    .await;
    check(chunks, Length::Chunked, Encoding::Plain, "head\nbody, more").await;
    let empty = "0\r\n\r\n";
    check(empty, Length::Chunked, Encoding::Chunked, "head\n[]\r\n").await;
    let trailers = "2;x=y\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n";
    check(
        trailers,
        Length::Chunked,
        Encoding::Chunked,
        "head\n[hi]x-sum: 1\r\n\r\n",
    )
    .await;
}

#[tokio::test]
async fn what_does_not_come_whole_does_not_look_whole() {
    let early = relayed("bo", Length::Exact(4), Encoding::Plain, 9).await;
    assert!(early.starts_with("head\nbo | Body("), "{early}");
    let early = relayed("4\r\nbo", Length::Chunked, Encoding::Chunked, 9).await;
    assert!(early.starts_with("head\n2\r\nbo\r\n | Body("), "{early}");
    let bad = relayed(
        "4\r\nbody!\r\n0\r\n\r\n",
        Length::Chunked,
        Encoding::Chunked,
        9,
    )
    .await;
    assert!(!bad.contains("0\r\n\r\n | "), "{bad}");
    assert!(bad.contains("Body("), "{bad}");
}

#[tokio::test]
async fn what_follows_a_body_is_left() {
    let whole = relayed("bodyGET", Length::Exact(4), Encoding::Plain, 9).await;
    assert_eq!(whole, "head\nbody | left: GET");
}

#[tokio::test]
async fn a_large_body_passes_a_slow_reader() {
    let body = "x".repeat(3_000_000);
    let length = Length::Exact(body.len() as u64);
    let whole = relayed(&body, length, Encoding::Plain, 100_000).await;
    assert_eq!(whole.len(), body.len() + "head\n".len());
}

/// So many bytes that do not repeat soon.
fn varied(length: usize) -> String {
    let mut text = String::with_capacity(length + 8);
    let mut count = 0;
    while text.len() < length {
        text.push_str(&format!("{count:x},"));
        count += 1;
    }
    text.truncate(length);
    text
}

#[tokio::test]
async fn a_long_body_arrives_as_it_was_and_what_follows_it_is_left() {
    for piece in [4 * 1024, 70_000, 3_000_000] {
        let body = varied(2_000_000);
        let length = Length::Exact(body.len() as u64);
        let whole = relayed(&format!("{body}GET"), length, Encoding::Plain, piece).await;
        let (arrived, left) = whole.split_once(" | left: ").unwrap_or((&whole, ""));
        assert_eq!(arrived.len(), body.len() + "head\n".len(), "by {piece}");
        assert!(arrived.ends_with(&body), "by {piece}");
        assert!("GET".starts_with(left), "{left}");
    }
}

#[tokio::test]
async fn a_long_body_that_ends_early_does_not_look_whole() {
    let early = relayed(
        &varied(500_000),
        Length::Exact(500_001),
        Encoding::Plain,
        9000,
    )
    .await;
    assert_eq!(
        early.len(),
        500_000 + "head\n".len() + " | Body(EndedEarly)".len()
    );
    assert!(early.ends_with(" | Body(EndedEarly)"));
}

/// What a client reads of this body if it is compressed, and what follows the last data.
async fn unpacked(body: &str, length: Length, coding: Coding, piece: usize) -> (String, String) {
    let passed = passed(body, length, (Encoding::Chunked, Some(coding)), piece).await;
    let mut rest = passed.strip_prefix(b"head\n").expect("a head").to_vec();
    let mut decoder = Decoder::new(Length::Chunked);
    let decoded = decoder.decode(&mut rest).expect("chunks");
    let data = &rest[decoded.data.clone()];
    let mut text = String::new();
    let read = match coding {
        Coding::Gzip => flate2::read::GzDecoder::new(data).read_to_string(&mut text),
        Coding::Deflate => flate2::read::ZlibDecoder::new(data).read_to_string(&mut text),
    };
    read.expect("all of what was compressed");
    let mut after = Vec::new();
    if let Some(trailers) = decoder.trailers() {
        trailers.write_to(&mut after);
    }
    after.extend_from_slice(&rest[decoded.consumed..]);
    (text, String::from_utf8(after).expect("text"))
}

#[tokio::test]
async fn what_is_compressed_is_the_same_to_who_reads_it() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        let check = async |body: &str, length: Length, piece, text: &str, after: &str| {
            let (read, rest) = unpacked(body, length, coding, piece).await;
            assert_eq!(read, text, "{body} by {piece}");
            assert_eq!(rest, after, "{body} by {piece}");
        };
        for piece in [1, 3, 1000] {
            let chunks = "4\r\nbody\r\n6\r\n, more\r\n0\r\nx-sum: 1\r\n\r\n";
            check("body", Length::Exact(4), piece, "body", "").await;
            check("to the end", Length::UntilClose, piece, "to the end", "").await;
            check("", Length::UntilClose, piece, "", "").await;
            check("0\r\n\r\n", Length::Chunked, piece, "", "").await;
            check(chunks, Length::Chunked, piece, "body, more", "x-sum: 1\r\n").await;
            check("bodyGET", Length::Exact(4), 1000, "body", " | left: GET").await;
        }
        // Hardly to be made smaller, and more than is done in one go.
        let long: String = (0..700_000).map(|_| fastrand::char('a'..='~')).collect();
        let length = Length::Exact(long.len() as u64);
        let (read, rest) = unpacked(&long, length, coding, 300_000).await;
        assert!(read == long && rest.is_empty(), "{} bytes", read.len());
    }
}
