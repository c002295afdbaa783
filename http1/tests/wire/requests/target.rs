//! What is asked for: the target and the host.

use http1::{Length, Refusal};

use super::{check, parse, refused, sent, taken};

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
