//! Which requests are refused, and why: bytes and what becomes of them.

use http1::{Known, Length, Limits, LineFault, Parsed, Refusal, RequestHead};

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

/// RFC 9112 §2.2
#[test]
fn only_cr_lf_ends_a_line() {
    let raw = |text: &str, fault: LineFault| check(text.as_bytes(), Err(fault.into()));
    let (feed, carriage) = (LineFault::BareLineFeed, LineFault::BareCarriageReturn);
    raw("GET / HTTP/1.1\nHost: a\n\n", feed);
    raw("GET / HTTP/1.1\nHost: a\r\n\r\n", feed);
    raw("GET / HTTP/1.1\r\nHost: a\n\r\n", feed);
    raw("GET / HTTP/1.1\r\nHost: a\r\nB: c\n\r\n", feed);
    raw("GET / HTTP/1.1\r\nHost: a\r\nB: c\nD: e\r\n\r\n", feed);
    raw("GET / HTTP/1.1\r\nHost: a\r\n\n", feed);
    raw("GET / HTTP/1.1\r\nHost: a\r\nB:\n\r\n", feed);
    raw("GET / HTTP/1.1\r\nHost: a\r\nB\n\r\n", feed);
    raw("GET / HTTP/1.1\n\r\n", feed);
    raw("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", feed);
    raw("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", feed);
    raw("GET\n/ HTTP/1.1\r\nHost: a\r\n\r\n", feed);
    raw("GET /\n HTTP/1.1\r\nHost: a\r\n\r\n", feed);
    raw("GET / HTTP/1.1\r\nHost: a\r\nB: c\rD: e\r\n\r\n", carriage);
    raw("GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n", carriage);
    raw("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", carriage);
    raw("GET / HTTP/1.1\rHost: a\r\n\r\n", carriage);
    raw("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", carriage);
    check(
        b"GET /\rHTTP/1.1\r\nHost: a\r\n\r\n",
        Err(Refusal::RequestLine),
    );
    raw(
        "GET / HTTP/1.1\r\nHost: a\r\nB\rC: d\r\n\r\n",
        LineFault::Name,
    );
    raw("GET / HTTP/1.1\r\nHost: a\r\nB:\r\r\n\r\n", carriage);
    raw("GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n", carriage);
    raw("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", carriage);
    raw("\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", carriage);
}

/// RFC 9112 §2.2
#[test]
fn a_few_empty_lines_may_come_first() {
    let head = ["GET / HTTP/1.1", "Host: a", ""];
    for count in 0..=4 {
        let mut lines = vec![""; count];
        lines.extend(head);
        check(&sent(&lines), Ok(Length::None));
    }
    let mut lines = vec![""; 5];
    lines.extend(head);
    check(&sent(&lines), Err(Refusal::EmptyLines));
}

/// RFC 9112 §3
#[test]
fn a_request_line_has_three_parts_with_one_space_between() {
    let line = |line: &str, why: Refusal| refused(&[line, "Host: a"], why);
    line("GET", Refusal::RequestLine);
    line("GET ", Refusal::RequestLine);
    line("GET /", Refusal::RequestLine);
    line("GET / ", Refusal::Version);
    line(" GET / HTTP/1.1", Refusal::RequestLine);
    line("GET  / HTTP/1.1", Refusal::RequestLine);
    line("GET /  HTTP/1.1", Refusal::Version);
    line("GET / HTTP/1.1 ", Refusal::Version);
    line("GET / HTTP/1.1\t", Refusal::Version);
    line("GET / HTTP/1.1 x", Refusal::Version);
    line("GET\t/ HTTP/1.1", Refusal::Method);
    line("GET /\tHTTP/1.1", Refusal::Target);
    line("\tGET / HTTP/1.1", Refusal::Method);
    line("GET\x0b/ HTTP/1.1", Refusal::Method);
    line("GET / a HTTP/1.1", Refusal::Version);
    line("GET /a b HTTP/1.1", Refusal::Version);
    line("GET HTTP/1.1", Refusal::RequestLine);
    line("/ HTTP/1.1", Refusal::Method);
    line("HTTP/1.1 200 OK", Refusal::Method);
    line("G{T / HTTP/1.1", Refusal::Method);
    line("G\0T / HTTP/1.1", Refusal::Method);
    line("GET: / HTTP/1.1", Refusal::Method);
    line("G\u{c9}T / HTTP/1.1", Refusal::Method);
    line("\x16\x03\x01\x02 / HTTP/1.1", Refusal::Method);
    line("\"GET\" / HTTP/1.1", Refusal::Method);
}

/// RFC 9110 §9.1
#[test]
fn any_token_is_a_method_and_its_case_counts() {
    for method in ["get", "M-SEARCH", "!#$%&'*+-.^_`|~09", "PROPFIND"] {
        let head = parse(&sent(&[&format!("{method} / HTTP/1.1"), "Host: a", ""]));
        assert_eq!(head.expect("a request").method.as_str(), method);
    }
}

/// RFC 9112 §2.3, RFC 9110 §15.6.6
#[test]
fn the_version_is_1_1_or_1_0() {
    let line =
        |version: &str, why: Refusal| refused(&[&format!("GET / {version}"), "Host: a"], why);
    taken(&["GET / HTTP/1.0", "Host: a"], Length::None);
    for other in [
        "HTTP/2.0", "HTTP/1.2", "HTTP/1.9", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9", "HTTP/2",
    ] {
        line(other, Refusal::UnsupportedVersion);
    }
    refused(&["PRI * HTTP/2.0"], Refusal::UnsupportedVersion);
    for bad in [
        "http/1.1",
        "HTTP/1.1.1",
        "HTTP/1.10",
        "HTTP/1,1",
        "HTTP/1",
        "HTTP/11",
        "HTTP/1.",
        "HTTP/",
        "HTTP",
        "HTTPS/1.1",
        "HTTP /1.1",
        "HTTP/ 1.1",
        "HTTP/1 .1",
        "HTTP/+1.1",
        "HTTP/1.x",
        "XTTP/1.1",
        "HTTP\\1.1",
        "1.1",
        "HTTP/1.1\0",
        "HTTP-1.1",
        "Http/1.1",
        "ICY",
    ] {
        line(bad, Refusal::Version);
    }
}

/// RFC 9112 §3.2
#[test]
fn a_target_is_visible_ascii_without_a_fragment() {
    for bad in [
        "/a#b",
        "#",
        "/\u{e9}",
        "/\u{ff}",
        "/a\0b",
        "/a\x7f",
        "/a\x01",
        "http://a/#",
        "*\0",
        "/\u{c3}\u{a9}",
    ] {
        refused(
            &[&format!("GET {bad} HTTP/1.1"), "Host: a"],
            Refusal::Target,
        );
    }
    for fine in [
        "/",
        "//",
        "/a//b",
        "/%2e%2e/",
        "/../..",
        "/a?b?c",
        "/?",
        "/;a=b",
        "/a%zz",
        "/\"<>\\^`{|}",
        "/:@!$&'()*+,=",
    ] {
        let head = parse(&sent(&[&format!("GET {fine} HTTP/1.1"), "Host: a", ""]));
        assert_eq!(head.expect("a request").target(), fine.as_bytes());
    }
}

/// RFC 9112 §3.2.1 to §3.2.4
#[test]
fn a_target_has_a_form_that_its_method_allows() {
    let line = |line: &str, why: Refusal| refused(&[&format!("{line} HTTP/1.1"), "Host: a"], why);
    for bad in [
        "GET *",
        "POST *",
        "OPTIONS **",
        "OPTIONS */",
        "GET a",
        "GET a/b",
        "GET a:80",
        "GET ?a",
        "GET .",
        "GET http:/a",
        "GET http:a",
        "GET http:",
        "GET ://a",
        "GET 1http://a/",
        "GET h_p://a/",
        "GET \\a",
        "CONNECT /",
        "CONNECT *",
        "CONNECT http://a:1/",
        "CONNECT a:1/",
        "CONNECT a:b",
        "CONNECT u@a:1",
        "CONNECT :1",
        "CONNECT a:65536",
        "CONNECT a:1:2",
        "CONNECT a",
        "CONNECT a:",
        "CONNECT [::1]",
        "CONNECT [::1]:",
        "CONNECT [::1",
        "get *",
        "options *",
    ] {
        line(bad, Refusal::TargetForm);
    }
    taken(&["CONNECT a:1 HTTP/1.1", "Host: a:1"], Length::None);
    taken(&["CONNECT [::1]:1 HTTP/1.1", "Host: a"], Length::None);
    taken(&["OPTIONS * HTTP/1.1", "Host: a"], Length::None);
}

/// RFC 9110 §4.2.1, RFC 3986 §3.2
#[test]
fn an_absolute_target_has_a_proper_authority() {
    for bad in [
        "http://",
        "http:///",
        "http:///a",
        "http://?a",
        "http://:80/",
        "http://a:b/",
        "http://a:80:80/",
        "http://@/",
        "http://u@/",
        "http://u@@a/",
        "http://u@b@a/",
        "http://a@b:c@d/",
        "http://[::1/",
        "http://::1/",
        "http://a\\b/",
        "http://a:99999/",
        "http://[::1]a/",
        "http://[x]/",
        "http://a,b/",
        "http://a%/",
        "http://a%4/",
        "http://%zz/",
        "http://a\"/",
        "http://a|b/",
        "http://<a>/",
        "http://[]/",
        "http://u[@a/",
        "http://a[::1]/",
        "http://a:-1/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.a]/",
    ] {
        refused(
            &[&format!("GET {bad} HTTP/1.1"), "Host: a"],
            Refusal::Authority,
        );
    }
    for (fine, authority) in [
        ("http://a", "a"),
        ("https://A.b.:443/?x", "A.b.:443"),
        ("http://u:p%20@a:1/", "a:1"),
        ("http://@a/", "a"),
        ("http://a/@b", "a"),
        ("http://a?@b", "a"),
        ("http://[::ffff:1.2.3.4]:/", "[::ffff:1.2.3.4]:"),
        ("x+y-z.1://a_b/", "a_b"),
        ("http://a//b@c", "a"),
    ] {
        let head = parse(&sent(&[&format!("GET {fine} HTTP/1.1"), "Host: z", ""]));
        assert_eq!(
            head.expect(fine).authority(),
            Some(authority.as_bytes()),
            "{fine}"
        );
    }
}

/// RFC 9112 §3.2
#[test]
fn a_request_names_one_host() {
    let ok = Ok(Length::None);
    let check_lines = |lines: &[&str], expected| check(&sent(lines), expected);
    check_lines(&["GET / HTTP/1.1", ""], Err(Refusal::NoHost));
    check_lines(&["GET http://a/ HTTP/1.1", ""], Err(Refusal::NoHost));
    check_lines(&["GET / HTTP/1.1", "Hosts: a", ""], Err(Refusal::NoHost));
    check_lines(&["GET / HTTP/1.0", ""], ok);
    check_lines(&["GET / HTTP/1.1", "hOST: a", ""], ok);
    // What is sent where the target has no authority; whether it names anything is not the codec's to say.
    check_lines(&["GET / HTTP/1.1", "Host:", ""], ok);
    for both in [
        ["Host: a", "Host: b"],
        ["Host: a", "host: a"],
        ["Host: a", "Host:"],
    ] {
        check_lines(
            &["GET / HTTP/1.1", both[0], both[1], ""],
            Err(Refusal::ManyHosts),
        );
        check_lines(
            &["GET / HTTP/1.1", both[0], "X: y", both[1], ""],
            Err(Refusal::ManyHosts),
        );
        check_lines(
            &["GET / HTTP/1.0", both[0], both[1], ""],
            Err(Refusal::ManyHosts),
        );
        check_lines(
            &["GET http://a/ HTTP/1.1", both[0], both[1], ""],
            Err(Refusal::ManyHosts),
        );
    }
    for bad in [
        "a b",
        "a,b",
        "a, b",
        "a/b",
        "a/",
        "/",
        "http://a",
        "u@a",
        "a@",
        "a?b",
        "a#b",
        "a\\b",
        "a:b",
        "a:",
        "a:80:80",
        "a:65536",
        "a:-1",
        "a:+1",
        "a: 80",
        "a:80a",
        "a:0x50",
        ":80",
        ":",
        "::1",
        "[::1",
        "::1]",
        "[::1]a",
        "[::1]:b",
        "[a]",
        "[]",
        "[::1]:65536",
        "[::1%eth0]",
        "[::1%25eth0]",
        "[::g]",
        "a\"",
        "<a>",
        "a|b",
        "a\tb",
        "{a}",
        "%",
        "%4",
        "%4g",
        "\u{e9}",
        "a;,",
        "[[::1]]",
        "a[::1]",
        "^",
        "`",
    ] {
        let expected = if bad == "a:" { ok } else { Err(Refusal::Host) };
        check_lines(&["GET / HTTP/1.1", &format!("Host: {bad}"), ""], expected);
        check_lines(&["GET / HTTP/1.0", &format!("Host: {bad}"), ""], expected);
    }
    for fine in [
        "a",
        "A.example.",
        "a-b_c~d",
        "a:80",
        "a:0",
        "a:65535",
        "1.2.3.4",
        "[::1]",
        "[::1]:8080",
        "[::ffff:1.2.3.4]",
        "%41",
        "x--y",
        "a!b",
        "*",
        "a=b",
        "-",
    ] {
        check_lines(&["GET / HTTP/1.1", &format!("Host: {fine}"), ""], ok);
    }
}

/// RFC 9112 §5, RFC 9110 §5
#[test]
fn a_field_line_is_a_name_a_colon_and_a_value() {
    for line in [
        "X : y",
        "X\t: y",
        "X y: z",
        "Host : a",
        "Content-Length : 5",
        "Transfer-Encoding : chunked",
        "X :",
    ] {
        with_fault(line, LineFault::SpaceBeforeColon);
    }
    for line in [
        ": y",
        ":",
        "X",
        "X\0: y",
        "X\u{e9}: y",
        "X(: y",
        "X@: y",
        "X\": y",
        "X/y: z",
        "{X}: y",
        "X[0]: y",
        "X\x7f: y",
        "X;y: z",
        "X,: y",
        "X=y",
        "GET / HTTP/1.1",
        "\0X: y",
        "Transfer-Encoding\x0b: chunked",
        "Content-Length\0: 5",
        "\x0cX: y",
        "\u{a0}X: y",
        "<X>: y",
        "X\\: y",
        "?X: y",
    ] {
        let fault = match line {
            "GET / HTTP/1.1" => LineFault::SpaceBeforeColon,
            _ => LineFault::Name,
        };
        with_fault(line, fault);
    }
    for line in [
        "X: a\0b",
        "X: \0",
        "X:\0",
        "X: a\x01",
        "X: \x7f",
        "X: \x08",
        "X: a\x0bb",
        "X: \x0c",
        "X: \x1b[0m",
        "X: y\0",
    ] {
        with_fault(line, LineFault::Value);
    }
    for line in [
        "X:",
        "X: ",
        "X:y",
        "X:\ty\t",
        "X: a:b",
        "X: \u{e9}\u{ff}\u{80}",
        "X: a\tb",
        "!#$%&'*+-.^_`|~0: y",
        "X::",
    ] {
        with_line(line, Ok(Length::None));
    }
}

/// RFC 9112 §5.2 and §2.2
#[test]
fn no_line_is_folded() {
    for line in [" y", "\ty", " ", "\t", " X: y", "  chunked", "\t: y"] {
        with_fault(line, LineFault::Folded);
        refused(
            &["GET / HTTP/1.1", line, "Host: a"],
            LineFault::Folded.into(),
        );
    }
}

/// RFC 9112 §6.1 and §6.3
#[test]
fn the_only_transfer_coding_is_chunked_once() {
    for fine in ["chunked", "Chunked", "CHUNKED", " \t chunked \t"] {
        with_line(&format!("Transfer-Encoding: {fine}"), Ok(Length::Chunked));
        with_line(&format!("TRANSFER-encoding:{fine}"), Ok(Length::Chunked));
    }
    for bad in [
        "",
        ",",
        "chunked,",
        ",chunked",
        "chunked, chunked",
        "chunked,chunked",
        "chunked, identity",
        "identity",
        "identity, chunked",
        "xchunked",
        "chunkedx",
        "chunked x",
        "x chunked",
        "chunked;",
        "chunked; a=b",
        "chunked;q=1",
        "\"chunked\"",
        "'chunked'",
        "gzip",
        "chunked, gzip",
        "gzip,",
        "gzip, chunked, chunked",
        "gzip;q=1, chunked",
        "cow",
        "cow, chunked",
        "chunk",
        "chun ked",
        "c\u{e9}unked",
        "chunked\u{a0}",
        "gzip,,chunked",
        "gzip chunked",
        "trailers, chunked",
        "chunked, cow",
        "null",
        "*",
        "chunked:",
        "[chunked]",
        "chunked, gzip, chunked",
        "br, chunked",
    ] {
        with_line(&format!("Transfer-Encoding: {bad}"), Err(Refusal::Coding));
    }
    for unknown in [
        "gzip, chunked",
        "gzip,chunked",
        "GZIP , Chunked",
        "deflate, gzip, chunked",
        "compress, chunked",
        "x-gzip, chunked",
    ] {
        with_line(
            &format!("Transfer-Encoding: {unknown}"),
            Err(Refusal::UnknownCoding),
        );
    }
    for second in ["chunked", "identity", "", "gzip", "xchunked"] {
        let second = format!("Transfer-Encoding: {second}");
        let lines = ["POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"];
        refused(&[&lines[..], &[&second]].concat(), Refusal::Coding);
        refused(
            &[&lines[..2], &[&second, lines[2]]].concat(),
            Refusal::Coding,
        );
    }
    for (coding, why) in [
        ("chunked", Refusal::CodingInOldVersion),
        ("gzip", Refusal::CodingInOldVersion),
    ] {
        refused(
            &[
                "POST / HTTP/1.0",
                "Host: a",
                &format!("Transfer-Encoding: {coding}"),
            ],
            why,
        );
    }
}

/// RFC 9112 §6.3
#[test]
fn a_length_and_a_coding_exclude_each_other() {
    for coding in ["chunked", "identity", "", "gzip, chunked", "xchunked"] {
        for length in ["5", "0", "", "x"] {
            let (coding, length) = (
                format!("Transfer-Encoding: {coding}"),
                format!("content-length: {length}"),
            );
            for version in ["1.1", "1.0"] {
                let line = format!("POST / HTTP/{version}");
                refused(
                    &[&line, "Host: a", &coding, &length],
                    Refusal::LengthAndCoding,
                );
                refused(
                    &[&line, "Host: a", &length, &coding],
                    Refusal::LengthAndCoding,
                );
            }
        }
    }
}

/// RFC 9112 §6.3, RFC 9110 §8.6
#[test]
fn a_length_is_stated_once_in_digits() {
    for (fine, length) in [
        ("0", 0),
        ("5", 5),
        (" 10 ", 10),
        ("9223372036854775807", i64::MAX as u64),
    ] {
        with_line(&format!("Content-Length:{fine}"), Ok(Length::Exact(length)));
    }
    for bad in [
        "",
        "+5",
        "-5",
        "-0",
        "0x5",
        "5x",
        "5 5",
        "5, 5",
        "5,5",
        "5,",
        ",5",
        "5;",
        "5.0",
        "1e3",
        "5_0",
        "\"5\"",
        "'5'",
        "00",
        "05",
        "010",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999",
        "a",
        "5\u{a0}",
        "\u{b2}",
        "5\t5",
        "5 6",
        "5, 6",
        "NaN",
        "0,0",
        "five",
        "5\\",
        "5/",
        "5:",
        "--5",
        "\u{ff}",
    ] {
        with_line(
            &format!("Content-Length: {bad}"),
            Err(Refusal::ContentLength),
        );
    }
    for second in ["5", "6", "", "x"] {
        let lines = [
            "POST / HTTP/1.1",
            "Host: a",
            "Content-Length: 5",
            "X: y",
            &format!("CONTENT-LENGTH: {second}"),
        ];
        refused(&lines, Refusal::ManyLengths);
    }
    taken(&["POST / HTTP/1.0", "Content-Length: 5"], Length::Exact(5));
}

/// RFC 9110 §9.3.6 and §9.3.8
#[test]
fn methods_without_content_have_none() {
    for line in ["CONNECT a:1 HTTP/1.1", "TRACE / HTTP/1.1"] {
        refused(&[line, "Host: a", "Content-Length: 5"], Refusal::Content);
        refused(
            &[line, "Host: a", "Transfer-Encoding: chunked"],
            Refusal::Content,
        );
        taken(&[line, "Host: a", "Content-Length: 0"], Length::Exact(0));
    }
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "QUERY"] {
        let line = format!("{method} / HTTP/1.1");
        taken(&[&line, "Host: a", "Content-Length: 5"], Length::Exact(5));
    }
}

/// CGI and its heirs read `_` as `-`.
#[test]
fn framing_in_disguise_is_seen() {
    let check = |name: &str, known| assert_eq!(Known::of(name.as_bytes()), known, "{name}");
    check("Transfer_Encoding", Known::Disguised);
    check("CONTENT_LENGTH", Known::Disguised);
    check("proxy_authentication-info", Known::Disguised);
    check("x_forwarded-client_cert", Known::Disguised);
    check("l5d_dtab", Known::L5dDisguised);
    check("L5D_anything", Known::L5dDisguised);
    check("l5d-ctx_dtab", Known::L5dDisguised);
    check("l5d-other_thing", Known::L5dOther);
    check("l5d-", Known::L5dOther);
    check("l5d", Known::Other);
    check("l5d_", Known::L5dDisguised);
    check("Content_Type", Known::Other);
    check("Content.Length", Known::Other);
    check("a_very_long_name_that_nobody_knows_of_at_all", Known::Other);
    check("", Known::Other);
    check("_", Known::Other);
    let head = parse(&sent(&[
        "GET / HTTP/1.1",
        "Host: a",
        "Transfer_Encoding: chunked",
        "",
    ]))
    .expect("a request");
    assert!(head.fields.has(Known::Disguised));
    assert_eq!(head.length(), Length::None);
}

#[test]
fn every_name_is_known_in_any_case_and_no_other_is() {
    for known in Known::NAMED {
        let name = known.name();
        assert_eq!(Known::of(name.as_bytes()), *known);
        assert_eq!(Known::of(name.to_ascii_uppercase().as_bytes()), *known);
        for other in [
            format!("{name}x"),
            format!("x{name}"),
            name[1..].to_owned(),
            format!("{name}\r"),
        ] {
            let found = Known::of(other.as_bytes());
            assert!(
                matches!(found, Known::Other | Known::L5dOther),
                "{other} is {found:?}"
            );
        }
        assert_eq!(known.is_context(), name.starts_with("l5d-"), "{name}");
    }
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
