//! The request line, and how lines end.

use http1::{Length, LineFault, Refusal};

use super::{check, parse, refused, sent, taken};

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
