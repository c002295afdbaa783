use std::future::poll_fn;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::wire::Socket;

/// Two ends of a connection.
async fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.expect("connected").into(), far.expect("accepted").0)
}

/// What arrives when this body, sent in pieces of this size, is relayed behind the head `head\n`; and what became of it.
async fn relayed(body: &str, length: Length, encoding: Encoding, piece: usize) -> String {
    let ((mut source, mut sender), (mut sink, mut receiver)) = (pair().await, pair().await);
    let mut head = Text::take();
    head.extend_from_slice(b"head\n");
    let mut relay = Relay::new(head, length, encoding);
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
        let mut received = String::new();
        receiver.read_to_string(&mut received).await.expect("text");
        received
    };
    let ((), (ended, left), received) = tokio::join!(sending, relaying, receiving);
    match ended {
        Ok(()) if left.is_empty() => received,
        Ok(()) => format!("{received} | left: {left}"),
        Err(trouble) => format!("{received} | {trouble:?}"),
    }
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
