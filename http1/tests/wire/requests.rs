//! Which requests are refused, and why: bytes and what becomes of them.

mod fields;
mod length;
mod line;
mod target;

use http1::{Length, Limits, LineFault, Parsed, Refusal, RequestHead};

/// Room for what the long ones need.
const LIMITS: Limits = Limits {
    line: 40,
    fields: 200,
    count: 5,
};

/// A head as it is sent: every line of the text ends with CR LF; `\n` in it is a line feed alone.
fn sent(lines: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for line in lines {
        bytes.extend(
            line.chars()
                .map(|c| u8::try_from(u32::from(c)).expect("a byte")),
        );
        bytes.extend(b"\r\n");
    }
    bytes
}

fn parse(bytes: &[u8]) -> Result<RequestHead, Refusal> {
    let mut head = RequestHead::default();
    match head.parse(bytes, &LIMITS)? {
        Parsed::Whole(length) => assert_eq!(length, bytes.len(), "{}", bytes.escape_ascii()),
        Parsed::Partial => panic!("{} is not whole", bytes.escape_ascii()),
    }
    Ok(head)
}

/// The same outcome at every byte from which on it can be told, and no other before.
#[track_caller]
fn check(bytes: &[u8], expected: Result<Length, Refusal>) {
    let shown = bytes.escape_ascii();
    assert_eq!(parse(bytes).map(|head| head.length()), expected, "{shown}");
    let mut head = RequestHead::default();
    for end in 0..bytes.len() {
        let parsed = head.parse(&bytes[..end], &LIMITS);
        let is_fine = match parsed {
            Ok(Parsed::Partial) => true,
            Ok(Parsed::Whole(_)) => false,
            Err(refusal) => Err(refusal) == expected,
        };
        assert!(is_fine, "{parsed:?} after {end} bytes of {shown}");
    }
}

#[track_caller]
fn refused(lines: &[&str], why: Refusal) {
    let mut lines = lines.to_vec();
    lines.push("");
    check(&sent(&lines), Err(why));
}

#[track_caller]
fn taken(lines: &[&str], length: Length) {
    let mut lines = lines.to_vec();
    lines.push("");
    check(&sent(&lines), Ok(length));
}

#[track_caller]
fn with_line(line: &str, expected: Result<Length, Refusal>) {
    check(&sent(&["GET / HTTP/1.1", "Host: a", line, ""]), expected);
    check(
        &sent(&["POST / HTTP/1.1", line, "Host: a", "X: y", ""]),
        expected,
    );
}

#[track_caller]
fn with_fault(line: &str, fault: LineFault) {
    with_line(line, Err(fault.into()));
}

/// RFC 9112 §3, RFC 6585 §5
#[test]
fn a_head_that_is_too_long_is_refused_as_soon_as_that_is_seen() {
    let target = |length: usize| {
        format!(
            "GET /{} HTTP/1.1",
            "a".repeat(length - "GET / HTTP/1.1".len())
        )
    };
    taken(&[&target(LIMITS.line), "Host: a"], Length::None);
    refused(&[&target(LIMITS.line + 1), "Host: a"], Refusal::LineTooLong);
    refused(&[&target(4 * LIMITS.line), "Host: a"], Refusal::LineTooLong);
    refused(
        &[&"M".repeat(LIMITS.line + 10), "Host: a"],
        Refusal::MethodTooLong,
    );
    let field = |length: usize| format!("X: {}", "a".repeat(length - "Host: a\r\nX: \r\n".len()));
    taken(
        &["GET / HTTP/1.1", "Host: a", &field(LIMITS.fields)],
        Length::None,
    );
    refused(
        &["GET / HTTP/1.1", "Host: a", &field(LIMITS.fields + 1)],
        Refusal::FieldsTooLong,
    );
    refused(
        &["GET / HTTP/1.1", "Host: a", &"N".repeat(300)],
        Refusal::FieldsTooLong,
    );
    taken(
        &["GET / HTTP/1.1", "Host: a", "A:", "B:", "C:", "D:"],
        Length::None,
    );
    refused(
        &["GET / HTTP/1.1", "Host: a", "A:", "B:", "C:", "D:", "E:"],
        Refusal::TooManyFields,
    );
    let mut head = RequestHead::default();
    let endless = [b'a'; 1000];
    assert_eq!(head.parse(&endless, &LIMITS), Err(Refusal::MethodTooLong));
}

#[test]
fn no_limit_asks_for_more_lines_than_there_is_room_for() {
    let limits = Limits {
        line: usize::MAX,
        fields: usize::MAX,
        count: usize::MAX,
    };
    let lines = |count: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(count));
    let mut head = RequestHead::default();
    assert!(matches!(
        head.parse(lines(128).as_bytes(), &limits),
        Ok(Parsed::Whole(_))
    ));
    assert_eq!(
        head.parse(lines(129).as_bytes(), &limits),
        Err(Refusal::TooManyFields)
    );
}

/// RFC 9112 §9.3, RFC 9110 §7.8 and §10.1.1
#[test]
fn connections_last_as_their_versions_say() {
    let check = |version: &str, lines: &[&str], persists: bool| {
        let line = format!("GET / HTTP/{version}");
        let head =
            parse(&sent(&[&[line.as_str(), "Host: a"], lines, &[""]].concat())).expect("a request");
        assert_eq!(head.persists(), persists, "{version} {lines:?}");
    };
    check("1.1", &[], true);
    check("1.1", &["Connection: Close"], false);
    check("1.1", &["Connection: a, close"], false);
    check("1.1", &["Connection: a", "Connection: ,close ,"], false);
    check("1.1", &["Connection: closed"], true);
    check("1.0", &[], false);
    check("1.0", &["Connection: Keep-Alive"], true);
    check("1.0", &["Connection: keep-alive, close"], false);
    check("1.0", &["Proxy-Connection: keep-alive"], false);
    let upgrade = |version: &str, connection: &str| {
        let line = format!("GET / HTTP/{version}");
        let lines = [
            line.as_str(),
            "Host: a",
            connection,
            "Upgrade: h2c",
            "Expect: 100-continue",
            "",
        ];
        let head = parse(&sent(&lines)).expect("a request");
        (head.upgrade().is_some(), head.expects_continue())
    };
    assert_eq!(upgrade("1.1", "Connection: upgrade"), (true, true));
    assert_eq!(upgrade("1.1", "Connection: close"), (false, true));
    assert_eq!(upgrade("1.0", "Connection: upgrade"), (false, false));
}

#[test]
fn each_refusal_has_a_status() {
    let check = |refusal: Refusal, status: u16| assert_eq!(refusal.status(), status, "{refusal}");
    check(Refusal::LineTooLong, 414);
    check(Refusal::FieldsTooLong, 431);
    check(Refusal::TooManyFields, 431);
    check(Refusal::UnsupportedVersion, 505);
    check(Refusal::MethodTooLong, 501);
    check(Refusal::UnknownCoding, 501);
    check(Refusal::Coding, 400);
    check(LineFault::Folded.into(), 400);
}
