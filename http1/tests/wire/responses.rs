//! Which answers are broken, and how their bodies are delimited: bytes and what becomes of them.

use http::Method;
use http1::{Broken, Known, Length, Limits, LineFault, Parsed, ResponseHead};

const LIMITS: Limits = Limits {
    line: 40,
    fields: 200,
    count: 5,
};

/// Lines of text, each a byte per character, each with CR LF behind it.
fn sent(lines: &[&str]) -> Vec<u8> {
    let text = lines.join("\r\n") + "\r\n\r\n";
    let byte = |c| u8::try_from(u32::from(c)).expect("a byte");
    text.chars().map(byte).collect()
}

fn parse(bytes: &[u8], to: &Method) -> Result<ResponseHead, Broken> {
    let mut head = ResponseHead::default();
    match head.parse(bytes, to, &LIMITS)? {
        Parsed::Whole(length) => assert_eq!(length, bytes.len(), "{}", bytes.escape_ascii()),
        Parsed::Partial => panic!("{} is not whole", bytes.escape_ascii()),
    }
    Ok(head)
}

/// The same outcome at every byte from which on it can be told, and no other before.
#[track_caller]
fn check(bytes: &[u8], to: &Method, expected: Result<Length, Broken>) {
    let shown = bytes.escape_ascii();
    assert_eq!(
        parse(bytes, to).map(|head| head.length()),
        expected,
        "{shown}"
    );
    let mut head = ResponseHead::default();
    for end in 0..bytes.len() {
        match head.parse(&bytes[..end], to, &LIMITS) {
            Ok(Parsed::Partial) => {}
            Ok(whole) => panic!("{whole:?} after {end} bytes of {shown}"),
            Err(broken) => assert_eq!(Err(broken), expected, "after {end} bytes of {shown}"),
        }
    }
}

#[track_caller]
fn broken(lines: &[&str], why: Broken) {
    check(&sent(lines), &Method::GET, Err(why));
}

#[track_caller]
fn with_line(line: &str, expected: Result<Length, Broken>) {
    check(
        &sent(&["HTTP/1.1 200 OK", "A: b", line]),
        &Method::GET,
        expected,
    );
    check(
        &sent(&["HTTP/1.1 200 OK", line, "A: b"]),
        &Method::GET,
        expected,
    );
}

/// RFC 9112 §4, RFC 9110 §15
#[test]
fn a_status_line_is_a_version_three_digits_and_a_reason() {
    for fine in [
        "HTTP/1.1 100",
        "HTTP/1.1 200 ",
        "HTTP/1.0 599 \u{e9} \t",
        "HTTP/1.1 299 a  b",
        "HTTP/1.1 200  ",
    ] {
        assert!(parse(&sent(&[fine]), &Method::GET).is_ok(), "{fine}");
    }
    for bad in [
        "HTTP/2.0 200 OK",
        "HTTP/2 200 OK",
        "HTTP/1.2 200 OK",
        "HTTP/1.10 200",
        "HTTP/0.9 200 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP /1.1 200 OK",
        "HTTP/1.1",
        "HTTP/1.1\t200 OK",
        "200 OK",
        "",
        "<html>",
        "HTTP/1,1 200",
        "HTTP/1.1\0 200",
        "HTTP/1.1200 OK",
        "HTTPS/1.1 200",
    ] {
        broken(&[bad], Broken::Version);
    }
    for bad in [
        "HTTP/1.1 ",
        "HTTP/1.1 20",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 000 OK",
        "HTTP/1.1 600 OK",
        "HTTP/1.1 999 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1 OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2 0 0",
        "HTTP/1.1 200\0",
        "HTTP/1.1 0200 OK",
        "HTTP/1.1 \u{b2}00 OK",
        "HTTP/1.1 200.1 OK",
    ] {
        broken(&[bad], Broken::Status);
    }
    for bad in [
        "HTTP/1.1 200 \0",
        "HTTP/1.1 200 O\x01K",
        "HTTP/1.1 200 OK\x7f",
        "HTTP/1.1 200 \x0b",
    ] {
        broken(&[bad], Broken::Reason);
    }
}

/// RFC 9112 §2.2 and §5
#[test]
fn lines_are_read_as_strictly_as_those_of_requests() {
    let raw =
        |text: &str, fault: LineFault| check(text.as_bytes(), &Method::GET, Err(fault.into()));
    let (feed, carriage) = (LineFault::BareLineFeed, LineFault::BareCarriageReturn);
    raw("HTTP/1.1 200 OK\n\n", feed);
    raw("HTTP/1.1 200 OK\nA: b\r\n\r\n", feed);
    raw("HTTP/1.1 200\n\r\n", feed);
    raw("HTTP/1.1 200 \n\r\n", feed);
    raw("HTTP/1.1 200 OK\r\nA: b\n\r\n", feed);
    raw("HTTP/1.1 200 OK\r\nA: b\r\n\n", feed);
    raw("HTTP/1.1 200 OK\rA: b\r\n\r\n", carriage);
    raw("HTTP/1.1 200 OK\r\r\n\r\n", carriage);
    raw("HTTP/1.1 200\r\r\n\r\n", carriage);
    raw("HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", carriage);
    for (line, fault) in [
        (" b", LineFault::Folded),
        ("\tb", LineFault::Folded),
        ("C : d", LineFault::SpaceBeforeColon),
        ("C", LineFault::Name),
        (": d", LineFault::Name),
        ("C\0: d", LineFault::Name),
        ("C: \0", LineFault::Value),
        ("C: d\x7f", LineFault::Value),
    ] {
        with_line(line, Err(fault.into()));
    }
    check(
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        &Method::GET,
        Err(Broken::Version),
    );
    check(
        b"\nHTTP/1.1 200 OK\r\n\r\n",
        &Method::GET,
        Err(Broken::Version),
    );
}

/// RFC 9112 §6.1 and §6.3
#[test]
fn a_body_has_one_end() {
    let until_close = Ok(Length::UntilClose);
    check(&sent(&["HTTP/1.1 200 OK"]), &Method::GET, until_close);
    check(&sent(&["HTTP/1.0 200 OK"]), &Method::GET, until_close);
    for fine in ["chunked", "CHUNKED", "\tchunked "] {
        with_line(&format!("Transfer-Encoding:{fine}"), Ok(Length::Chunked));
    }
    for bad in [
        "",
        "gzip, chunked",
        "gzip",
        "identity",
        "chunked, chunked",
        "chunked,",
        "xchunked",
        "chunked;a=b",
        "\"chunked\"",
    ] {
        with_line(&format!("Transfer-Encoding: {bad}"), Err(Broken::Coding));
    }
    broken(
        &[
            "HTTP/1.1 200",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked",
        ],
        Broken::Coding,
    );
    broken(
        &[
            "HTTP/1.1 200",
            "Transfer-Encoding: chunked",
            "Content-Length: 5",
        ],
        Broken::LengthAndCoding,
    );
    broken(
        &[
            "HTTP/1.1 200",
            "Content-Length: 5",
            "Transfer-Encoding: identity",
        ],
        Broken::LengthAndCoding,
    );
    broken(
        &["HTTP/1.0 200", "Transfer-Encoding: chunked"],
        Broken::CodingInOldVersion,
    );
    for bad in [
        "",
        "+5",
        "-1",
        "0x5",
        "5x",
        "a",
        "5,",
        ",5",
        "5,,5",
        "5;5",
        "9223372036854775808",
        "18446744073709551621",
        "5 5",
    ] {
        with_line(
            &format!("Content-Length: {bad}"),
            Err(Broken::ContentLength),
        );
    }
    for different in ["5, 6", "5,6", "5, 5, 6"] {
        with_line(
            &format!("Content-Length: {different}"),
            Err(Broken::DifferentLengths),
        );
    }
    broken(
        &["HTTP/1.1 200", "Content-Length: 5", "Content-Length: 6"],
        Broken::DifferentLengths,
    );
    broken(
        &["HTTP/1.1 200", "Content-Length: 5", "Content-Length:"],
        Broken::ContentLength,
    );
}

/// RFC 9112 §6.3
#[test]
fn equal_lengths_become_one() {
    for lines in [
        &["Content-Length: 12"][..],
        &["Content-Length: 12, 12"],
        &["Content-Length: 012"],
        &["Content-Length: 12", "content-length: 12"],
        &["Content-Length: 12, 12", "content-length: 0012 ,\t12"],
    ] {
        let bytes = sent(&[&["HTTP/1.1 200 OK"], lines].concat());
        for to in [Method::GET, Method::HEAD] {
            let head = parse(&bytes, &to).expect("an answer");
            assert_eq!(
                head.fields.all(Known::ContentLength).collect::<Vec<_>>(),
                [b"12"]
            );
        }
        check(&bytes, &Method::GET, Ok(Length::Exact(12)));
    }
    check(
        &sent(&["HTTP/1.1 200", "Content-Length: 0"]),
        &Method::GET,
        Ok(Length::Exact(0)),
    );
    let largest = format!("Content-Length: 0{0}, {0}", i64::MAX);
    let head = parse(&sent(&["HTTP/1.1 200", &largest]), &Method::GET).expect("an answer");
    assert_eq!(
        head.fields.get(Known::ContentLength),
        Some(i64::MAX.to_string().as_bytes())
    );
}

/// RFC 9110 §6.4.1, RFC 9112 §6.3
#[test]
fn some_answers_have_no_body_whatever_they_say() {
    for framing in ["Content-Length: 5", "Transfer-Encoding: chunked", "A: b"] {
        let without = |status: &str, to: Method, is_kept: bool| {
            let bytes = sent(&[&format!("HTTP/1.1 {status}"), framing]);
            check(&bytes, &to, Ok(Length::None));
            let head = parse(&bytes, &to).expect("an answer");
            let is_there =
                head.fields.has(Known::ContentLength) || head.fields.has(Known::TransferEncoding);
            assert_eq!(is_there, is_kept && framing != "A: b", "{status} {framing}");
        };
        for status in ["100", "101", "103", "204"] {
            without(status, Method::GET, false);
            without(status, Method::HEAD, false);
        }
        without("304", Method::GET, true);
        without("200", Method::HEAD, true);
        without("404", Method::HEAD, true);
        without("200", Method::CONNECT, false);
        without("299", Method::CONNECT, false);
    }
    check(
        &sent(&["HTTP/1.1 403", "Content-Length: 5"]),
        &Method::CONNECT,
        Ok(Length::Exact(5)),
    );
    check(
        &sent(&["HTTP/1.1 205", "Content-Length: 5"]),
        &Method::GET,
        Ok(Length::Exact(5)),
    );
    check(
        &sent(&["HTTP/1.1 304", "Content-Length: x"]),
        &Method::GET,
        Err(Broken::ContentLength),
    );
    check(
        &sent(&[
            "HTTP/1.1 200",
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
        ]),
        &Method::HEAD,
        Err(Broken::LengthAndCoding),
    );
}

#[test]
fn a_head_that_is_too_long_is_refused_as_soon_as_that_is_seen() {
    let line = |length: usize| format!("HTTP/1.1 200 {}", "a".repeat(length - 13));
    check(
        &sent(&[&line(LIMITS.line)]),
        &Method::HEAD,
        Ok(Length::None),
    );
    broken(&[&line(LIMITS.line + 1)], Broken::LineTooLong);
    let field = |length: usize| format!("X: {}", "a".repeat(length - "X: \r\n".len()));
    check(
        &sent(&["HTTP/1.1 200", &field(LIMITS.fields)]),
        &Method::HEAD,
        Ok(Length::None),
    );
    broken(
        &["HTTP/1.1 200", &field(LIMITS.fields + 1)],
        Broken::FieldsTooLong,
    );
    broken(
        &["HTTP/1.1 200", "A:", "B:", "C:", "D:", "E:", "F:"],
        Broken::TooManyFields,
    );
}

/// RFC 9112 §9.3
#[test]
fn connections_last_as_their_versions_say() {
    let check = |lines: &[&str], persists: bool| {
        let head = parse(&sent(lines), &Method::GET).expect("an answer");
        assert_eq!(head.persists(), persists, "{lines:?}");
    };
    check(&["HTTP/1.1 200", "Content-Length: 0"], true);
    check(
        &["HTTP/1.1 200", "Content-Length: 0", "Connection: close"],
        false,
    );
    check(&["HTTP/1.1 200", "Transfer-Encoding: chunked"], true);
    check(&["HTTP/1.1 200"], false);
    check(&["HTTP/1.1 204"], true);
    check(&["HTTP/1.0 200", "Content-Length: 0"], false);
    check(
        &[
            "HTTP/1.0 200",
            "Content-Length: 0",
            "Connection: keep-alive",
        ],
        true,
    );
    check(&["HTTP/1.0 200", "Connection: keep-alive"], false);
    let switching = sent(&["HTTP/1.1 101", "Connection: Upgrade", "Upgrade: websocket"]);
    let head = parse(&switching, &Method::GET).expect("an answer");
    assert_eq!(head.upgrade(), Some(&b"websocket"[..]));
}
