//! Which chunked bodies are refused, and why: bytes and what becomes of them.

use http1::{BadBody, Decoder, Length, LineFault};

/// The data, how many bytes were consumed and whether that was all, when the bytes come in pieces of this size.
fn decode(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), BadBody> {
    let mut decoder = Decoder::new(Length::Chunked);
    let mut data = Vec::new();
    let mut consumed = 0;
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let decoded = decoder.decode(&mut piece)?;
        data.extend_from_slice(&piece[decoded.data]);
        consumed += decoded.consumed;
        assert_eq!(decoded.is_done, decoder.is_done());
        assert!(decoded.is_done || decoded.consumed == piece.len());
        if decoded.is_done {
            break;
        }
    }
    Ok((data, consumed, decoder.is_done()))
}

fn bytes_of(text: &str) -> Vec<u8> {
    let byte = |c| u8::try_from(u32::from(c)).expect("a byte");
    text.chars().map(byte).collect()
}

#[track_caller]
fn check(text: &str, expected: Result<&str, BadBody>) {
    let bytes = bytes_of(text);
    let whole = bytes.len();
    for piece in [1, 2, 3, 5, 7, whole.max(1), whole + 1] {
        let found = decode(&bytes, piece);
        let expected = expected.map(|data| (bytes_of(data), whole, true));
        assert_eq!(
            found,
            expected,
            "{} in pieces of {piece}",
            bytes.escape_ascii()
        );
    }
}

#[track_caller]
fn unfinished(text: &str, data: &str) {
    let bytes = bytes_of(text);
    let found = decode(&bytes, bytes.len());
    assert_eq!(found, Ok((bytes_of(data), bytes.len(), false)), "{text}");
    let mut decoder = Decoder::new(Length::Chunked);
    decoder
        .decode(&mut bytes_of(text))
        .expect("the start of a body");
    assert_eq!(decoder.at_close(), Err(BadBody::EndedEarly));
}

/// RFC 9112 §7.1
#[test]
fn chunks_are_sizes_and_data() {
    check("0\r\n\r\n", Ok(""));
    check("5\r\nhello\r\n0\r\n\r\n", Ok("hello"));
    check(
        "5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n",
        Ok("hello 0123456789"),
    );
    check("00005\r\nhello\r\n0000000000000000\r\n\r\n", Ok("hello"));
    check("4\r\n\r\n\r\n\r\n0\r\n\r\n", Ok("\r\n\r\n"));
    check("b\r\n0\r\n\r\nGET / \r\n0\r\n\r\n", Ok("0\r\n\r\nGET / "));
    let long = "x".repeat(0x1234);
    check(&format!("1234\r\n{long}\r\n0\r\n\r\n"), Ok(&long));
}

/// RFC 9112 §7.1
#[test]
fn a_size_is_digits_and_nothing_else() {
    for bad in [
        "\r\n",
        " 5\r\n",
        "5 \r\n",
        "5\t\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "5h\r\n",
        "g\r\n",
        "5_0\r\n",
        "5.\r\n",
        "5,5\r\n",
        "\t5\r\n",
        "\"5\"\r\n",
        "5\0\r\n",
        "\0",
        ";a=b\r\n",
        "x\r\n",
        "5\u{a0}\r\n",
        "00000000000000005\r\n",
        "10000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "8000000000000000\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "-0\r\n",
        "+0\r\n",
        "5 ;a\r\n",
        "{5}\r\n",
        "5\x0b\r\n",
        "5\x7f\r\n",
        "hello",
        "0 \r\n\r\n",
        "0x0\r\n\r\n",
        "5 5\r\n",
    ] {
        check(&format!("{bad}hello\r\n0\r\n\r\n"), Err(BadBody::Size));
    }
    unfinished("7fffffffffffffff\r\nhello", "hello");
}

/// RFC 9112 §7.1
#[test]
fn chunks_end_with_cr_lf_only() {
    for bad in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhello\r\r\n0\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n",
        "\n5\r\nhello\r\n0\r\n\r\n",
        "3\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello \r\n0\r\n\r\n",
        "5\r\nhello\n\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "0\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "0\r\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a=b\nhello\r\n0\r\n\r\n",
        "5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "5;a=\nhello\r\n0\r\n\r\n",
        "5;a\r\r\nhello\r\n0\r\n\r\n",
        "5;a\rX\r\nhello\r\n0\r\n\r\n",
    ] {
        check(bad, Err(BadBody::ChunkEnd));
    }
    check("6\r\nhello\r\n0\r\n\r\n", Err(BadBody::ChunkEnd));
    check("5\r\nhello\r\n\r\n0\r\n\r\n", Err(BadBody::Size));
}

/// RFC 9112 §7.1.1
#[test]
fn extensions_are_read_strictly_and_dropped() {
    for fine in [
        ";a",
        ";a=b",
        ";a;b",
        ";a=b;c=d",
        ";a=\"b\"",
        ";a=\"\"",
        ";a=\"; c=d\"",
        ";a=\"\\\"\\\\\"",
        ";a=\"b\tc \u{e9}\"",
        ";!#$=%&",
        ";a=\"b\";c",
        ";0=1",
        ";a=\"=\"",
    ] {
        check(&format!("5{fine}\r\nhello\r\n0{fine}\r\n\r\n"), Ok("hello"));
    }
    for bad in [
        ";",
        ";;",
        ";a;",
        ";=b",
        ";a=",
        ";a =b",
        ";a= b",
        "; a",
        ";a ",
        ";a=b ",
        ";a=b c",
        ";a=\"b",
        ";a=\"b\"c",
        ";a=\"b\" ",
        ";a==b",
        ";a=b=c",
        ";a=\"\0\"",
        ";a\0",
        ";a=b\x7f",
        ";a=\"\\\0\"",
        ";a=\u{e9}",
        ";\u{e9}",
        ";a:b",
        ";a,b",
        ";a=b,c",
        ";a/b",
        ";a=(b)",
        ";a=\"b\\\"",
        ";\ta",
        ";a=\"\x01\"",
        ";;a",
        ";a='b c'",
    ] {
        check(
            &format!("5{bad}\r\nhello\r\n0\r\n\r\n"),
            Err(BadBody::Extension),
        );
    }
}

/// RFC 9112 §7.1.1: a recipient ought to limit the total length.
#[test]
fn extensions_are_bounded() {
    let name = |length: usize| format!(";{}", "a".repeat(length - 1));
    check(&format!("1{}\r\nx\r\n0\r\n\r\n", name(1024)), Ok("x"));
    check(
        &format!("1{}\r\nx\r\n0\r\n\r\n", name(1025)),
        Err(BadBody::ExtensionTooLong),
    );
    let chunk = format!("1{}\r\nx\r\n", name(1000));
    check(&(chunk.repeat(16) + "0\r\n\r\n"), Ok(&"x".repeat(16)));
    check(
        &(chunk.repeat(17) + "0\r\n\r\n"),
        Err(BadBody::ExtensionTooLong),
    );
    let data = "x".repeat(1000);
    let paid = format!("3e8{}\r\n{data}\r\n", name(1000));
    check(&(paid.repeat(40) + "0\r\n\r\n"), Ok(&data.repeat(40)));
}

/// RFC 9112 §7.1.2
#[test]
fn trailers_are_read_as_strictly_as_field_lines() {
    check("0\r\nA: b\r\n\r\n", Ok(""));
    check("0\r\nA:\r\nB: \u{e9}\r\n\r\n", Ok(""));
    for (bad, fault) in [
        ("A: b\n\r\n", LineFault::BareLineFeed),
        ("A: b\r\n\n", LineFault::BareLineFeed),
        ("\n", LineFault::BareLineFeed),
        ("\r\r\n", LineFault::BareCarriageReturn),
        ("A: b\rC: d\r\n\r\n", LineFault::BareCarriageReturn),
        (" A: b\r\n\r\n", LineFault::Folded),
        ("A: b\r\n c\r\n\r\n", LineFault::Folded),
        ("A : b\r\n\r\n", LineFault::SpaceBeforeColon),
        ("GET / HTTP/1.1\r\n\r\n", LineFault::SpaceBeforeColon),
        (": b\r\n\r\n", LineFault::Name),
        ("A\r\n\r\n", LineFault::Name),
        ("A\0: b\r\n\r\n", LineFault::Name),
        ("A: b\0\r\n\r\n", LineFault::Value),
    ] {
        check(&format!("0\r\n{bad}"), Err(BadBody::Trailer(fault)));
    }
    let long = |length: usize| {
        format!(
            "0\r\nA: {}\r\n\r\n",
            "a".repeat(length - "A: \r\n\r\n".len())
        )
    };
    check(&long(8192), Ok(""));
    check(&long(8193), Err(BadBody::TrailersTooLong));
    check(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(64)), Ok(""));
    check(
        &format!("0\r\n{}\r\n", "A: b\r\n".repeat(65)),
        Err(BadBody::TrailersTooLong),
    );
}

/// RFC 9110 §6.5.1
#[test]
fn what_belongs_into_a_head_is_no_trailer() {
    let trailers = |lines: &str| {
        let mut bytes = format!("0\r\n{lines}\r\n").into_bytes();
        let mut decoder = Decoder::new(Length::Chunked);
        assert!(decoder.trailers().is_none());
        decoder.decode(&mut bytes).expect("a body");
        let mut out = Vec::new();
        if let Some(trailers) = decoder.trailers() {
            trailers.write_to(&mut out);
        }
        String::from_utf8(out).expect("text")
    };
    for fine in [
        "X: y\r\nServer-Timing: a\r\n",
        "Grpc-Status: 0\r\n",
        "ETag: \"a\"\r\n",
        "If: a\r\n",
    ] {
        assert_eq!(trailers(fine), fine);
    }
    for name in [
        "Content-Length",
        "TRANSFER-ENCODING",
        "host",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Via",
        "Max-Forwards",
        "Authorization",
        "Proxy-Authorization",
        "WWW-Authenticate",
        "Cookie",
        "Set-Cookie",
        "Cache-Control",
        "Range",
        "Content-Type",
        "Content-Encoding",
        "Content-Range",
        "If-Match",
        "IF-None-Match",
        "Date",
        "Location",
        "Age",
        "Vary",
        "l5d-err",
        "L5d-Dtab",
        "l5d_dtab",
        "l5d-x",
        "Content_Length",
        "Transfer_Encoding",
        "x-forwarded-client-cert",
        "traceparent",
        "Forwarded",
    ] {
        assert_eq!(
            trailers(&format!("A: b\r\n{name}: 1\r\nC: d\r\n")),
            "A: b\r\nC: d\r\n",
            "{name}"
        );
    }
    assert_eq!(trailers(""), "");
}

/// RFC 9112 §8
#[test]
fn a_body_that_is_cut_has_ended_early() {
    for (cut, data) in [
        ("5", ""),
        ("5\r", ""),
        ("5\r\n", ""),
        ("5\r\nhel", "hel"),
        ("5\r\nhello", "hello"),
        ("5\r\nhello\r", "hello"),
        ("5\r\nhello\r\n", "hello"),
        ("5\r\nhello\r\n0", "hello"),
        ("0\r\n", ""),
        ("0\r\n\r", ""),
        ("0\r\nA: b\r\n", ""),
        ("5;a", ""),
    ] {
        unfinished(cut, data);
    }
}

#[test]
fn what_follows_the_body_is_left_alone() {
    let mut bytes = b"1\r\na\r\n1\r\nb\r\n0\r\n\r\nGET / HTTP/1.1\r\n".to_vec();
    let mut decoder = Decoder::new(Length::Chunked);
    let decoded = decoder.decode(&mut bytes).expect("a body");
    assert_eq!(&bytes[decoded.data], b"ab");
    assert_eq!(&bytes[decoded.consumed..], b"GET / HTTP/1.1\r\n");
    let again = decoder.decode(&mut bytes).expect("nothing");
    assert_eq!(
        (again.consumed, again.data.len(), again.is_done),
        (0, 0, true)
    );
    decoder.reset(Length::Chunked);
    assert!(!decoder.is_done());
}
