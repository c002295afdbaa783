//! Whether there is a body, and where it ends.

use http1::{Known, Length, Refusal};

use super::{parse, refused, sent, taken, with_line};

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
