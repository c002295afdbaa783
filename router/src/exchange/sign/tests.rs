use std::sync::LazyLock;

use http::StatusCode;
use http1::{Fields, ResponseHead};

use super::*;
use crate::http2;

fn fields<L: Lines + Default>(lines: &[&str]) -> L {
    let mut fields = L::default();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a line");
        fields.push_named(name.as_bytes(), value.as_bytes());
    }
    fields
}

fn shown(fields: &impl Lines) -> Vec<String> {
    let text = |text: &[u8]| String::from_utf8(text.to_vec()).expect("text");
    let lines = fields.iter();
    lines
        .map(|(name, value)| format!("{}: {}", text(name), text(value)))
        .collect()
}

/// The lines that an endpoint gets, without those of the trace, which are drawn.
fn signed<L: Lines + Default>(
    lines: &[&str],
    version: Version,
    destination: &Destination<'_>,
) -> Vec<String> {
    let mut fields: L = fields(lines);
    sign_way(&mut fields, version);
    destination.sign(&mut fields);
    fields.remove_any(KnownSet::of(&[
        Known::L5dCtxTrace,
        Known::L5dReqid,
        Known::Traceparent,
    ]));
    shown(&fields)
}

/// The same over HTTP/1.1.
fn signed_1(lines: &[&str], version: Version, destination: &Destination<'_>) -> Vec<String> {
    signed::<Fields>(lines, version, destination)
}

/// The same over HTTP/2, where different names may stand in any order.
fn signed_2(lines: &[&str], destination: &Destination<'_>) -> Vec<String> {
    let mut lines = signed::<http2::Fields>(lines, Version::HTTP_2, destination);
    lines.sort_unstable();
    lines
}

macro_rules! shown {
    ($text:literal) => {{
        static SHOWN: LazyLock<Shown> = LazyLock::new(|| Shown::new($text));
        &*SHOWN
    }};
}

fn web() -> Destination<'static> {
    Destination {
        service: shown!("/svc/web"),
        client: shown!("/#/io.l5d.fs/web"),
        residual: None,
        rules: None,
        client_cert: None,
    }
}

#[test]
fn an_endpoint_is_told_whence_and_where_to() {
    assert_eq!(
        signed_1(&["Host: web", "Accept: x"], Version::HTTP_11, &web()),
        [
            "Host: web",
            "Accept: x",
            "via: 1.1 linkerd",
            "l5d-dst-service: /svc/web",
            "l5d-dst-client: /#/io.l5d.fs/web",
        ]
    );
    let rest = Destination {
        residual: Some(shown!("/rest")),
        rules: Some(shown!("/a=>/b")),
        ..web()
    };
    assert_eq!(
        signed_1(&["host: web", "via: 1.0 a"], Version::HTTP_11, &rest),
        [
            "host: web",
            "via: 1.0 a, 1.1 linkerd",
            "l5d-dst-service: /svc/web",
            "l5d-dst-client: /#/io.l5d.fs/web",
            "l5d-dst-residual: /rest",
            "l5d-ctx-dtab: /a=>/b",
        ]
    );
}

#[test]
fn what_the_client_says_of_the_way_is_replaced() {
    let lines = [
        "host: web",
        "l5d-dst-service: /svc/mine",
        "L5d-Dst-Client: /mine",
        "l5d-dst-residual: /mine",
        "l5d-reqid: mine",
        "expect: 100-continue",
        "x-forwarded-client-cert: Hash=1",
        "connection: x-mine, l5d-dst-service, via",
        "x-mine: 1",
        "via: 1.1 gone",
    ];
    assert_eq!(
        signed_1(&lines, Version::HTTP_11, &web()),
        [
            "host: web",
            "via: 1.1 linkerd",
            "l5d-dst-service: /svc/web",
            "l5d-dst-client: /#/io.l5d.fs/web",
        ]
    );
}

#[test]
fn another_try_says_where_it_goes_and_nothing_twice() {
    let mut fields: Fields = fields(&["host: web", "via: 1.0 a"]);
    sign_way(&mut fields, Version::HTTP_11);
    let first = Destination {
        residual: Some(shown!("/rest")),
        ..web()
    };
    first.sign(&mut fields);
    let before = shown(&fields).join("\n");
    let other = Destination {
        client: shown!("/#/io.l5d.fs/other"),
        ..web()
    };
    other.sign(&mut fields);
    let expected = before.replace("/#/io.l5d.fs/web", "/#/io.l5d.fs/other");
    let expected = expected.replace("\nl5d-dst-residual: /rest", "");
    assert_eq!(shown(&fields).join("\n"), expected);
}

#[test]
fn an_old_request_without_host_gets_an_empty_one() {
    let lines = signed_1(&[], Version::HTTP_10, &web());
    assert!(lines.contains(&"host: ".to_owned()), "{lines:?}");
    assert!(lines.contains(&"via: 1.0 linkerd".to_owned()), "{lines:?}");
}

#[test]
fn framing_is_left_to_the_writer() {
    for line in ["content-length: 3", "trailer: x"] {
        let lines = signed_1(
            &["host: a", line, "transfer-encoding: chunked"],
            Version::HTTP_11,
            &web(),
        );
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
        assert!(!lines.iter().any(|line| line.starts_with("transfer")));
    }
}

#[test]
fn every_request_has_one_trace() {
    let mut fields: Fields = fields(&["host: a", "traceparent: x", "l5d-ctx-trace: y"]);
    sign_way(&mut fields, Version::HTTP_11);
    web().sign(&mut fields);
    for known in [Known::L5dCtxTrace, Known::L5dReqid, Known::Traceparent] {
        assert_eq!(fields.all(known).count(), 1, "{known:?}");
    }
}

#[test]
fn an_endpoint_is_told_the_same_over_http_2() {
    let full = Destination {
        residual: Some(shown!("/rest")),
        rules: Some(shown!("/a=>/b")),
        client_cert: Some(shown!("Hash=1")),
        ..web()
    };
    let lines = [
        "te: trailers",
        "trailer: x-sum",
        "proxy-authorization: mine",
        "expect: 100-continue",
        "l5d-dst-service: /svc/mine",
        "l5d-ctx-dtab: /mine=>/b",
        "x-forwarded-client-cert: Hash=0",
        "via: 1.0 a",
        "via: 1.1 b",
    ];
    assert_eq!(
        signed_2(&lines, &full),
        [
            "expect: 100-continue",
            "l5d-ctx-dtab: /a=>/b",
            "l5d-dst-client: /#/io.l5d.fs/web",
            "l5d-dst-residual: /rest",
            "l5d-dst-service: /svc/web",
            "te: trailers",
            "trailer: x-sum",
            "via: 1.0 a, 1.1 b, h2 linkerd",
            "x-forwarded-client-cert: Hash=1",
        ]
    );
}

#[test]
fn what_changes_with_each_request_stays_out_of_the_table_of_http_2() {
    let mut fields = http2::Fields::default();
    sign_way(&mut fields, Version::HTTP_2);
    web().sign(&mut fields);
    let is_sensitive = |known: Known| fields.map()[known.name()].is_sensitive();
    for known in [Known::L5dCtxTrace, Known::L5dReqid, Known::Traceparent] {
        assert!(is_sensitive(known), "{known:?}");
    }
    for known in [Known::Via, Known::L5dDstService, Known::L5dDstClient] {
        assert!(!is_sensitive(known), "{known:?}");
    }
}

#[test]
fn a_client_is_told_what_the_answer_was() {
    let check = |status, lines: &[&str], expected: &[&str]| {
        let mut head = ResponseHead::new(status);
        head.fields = fields(lines);
        sign_response(&mut head);
        sign_class(&mut head.fields, !status.is_server_error());
        assert_eq!(shown(&head.fields), expected);
    };
    check(
        StatusCode::OK,
        &["Date: x", "connection: close", "keep-alive: timeout=5"],
        &["Date: x", "via: 1.1 linkerd", "l5d-success-class: 1.0"],
    );
    check(
        StatusCode::BAD_GATEWAY,
        &[
            "date: x",
            "l5d-success-class: 1.0",
            "l5d-err: x",
            "via: 1.1 linkerd",
        ],
        &[
            "date: x",
            "l5d-err: x",
            "via: 1.1 linkerd, 1.1 linkerd",
            "l5d-success-class: 0.0",
        ],
    );
}

#[test]
fn a_client_is_told_the_same_over_http_2() {
    let mut head = http2::ResponseHead::new(StatusCode::OK);
    head.fields = fields(&[
        "date: x",
        "trailer: grpc-status",
        "proxy-authenticate: Basic",
    ]);
    sign_response(&mut head);
    assert_eq!(
        shown(&head.fields),
        ["date: x", "trailer: grpc-status", "via: h2 linkerd"]
    );
    let mut trailers: http2::Fields = fields(&["grpc-status: 14", "l5d-success-class: 1.0"]);
    sign_class(&mut trailers, false);
    assert_eq!(
        shown(&trailers),
        ["grpc-status: 14", "l5d-success-class: 0.0"]
    );
}
