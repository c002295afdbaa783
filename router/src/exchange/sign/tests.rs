use http::StatusCode;

use super::*;

fn fields(lines: &[&str]) -> Fields {
    let mut fields = Fields::default();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a line");
        fields.push_named(name.as_bytes(), value.as_bytes());
    }
    fields
}

fn shown(fields: &Fields) -> String {
    let mut text = Vec::new();
    fields.write_to(&mut text);
    String::from_utf8(text).expect("text")
}

/// The lines that an endpoint gets, without those of the trace, which are drawn.
fn signed(lines: &[&str], version: Version, destination: &Destination<'_>) -> Vec<String> {
    let mut fields = fields(lines);
    sign_way(&mut fields, version);
    destination.sign(&mut fields);
    let trace = KnownSet::of(&[Known::L5dCtxTrace, Known::L5dReqid, Known::Traceparent]);
    fields.retain(|field| !trace.contains(field.known));
    shown(&fields).lines().map(str::to_owned).collect()
}

const WEB: Destination<'_> = Destination {
    service: b"/svc/web",
    client: b"/#/io.l5d.fs/web",
    residual: None,
    rules: None,
    client_cert: None,
};

#[test]
fn an_endpoint_is_told_whence_and_where_to() {
    assert_eq!(
        signed(&["Host: web", "Accept: x"], Version::HTTP_11, &WEB),
        [
            "Host: web",
            "Accept: x",
            "via: 1.1 linkerd",
            "l5d-dst-service: /svc/web",
            "l5d-dst-client: /#/io.l5d.fs/web",
        ]
    );
    let rest = Destination {
        residual: Some(b"/rest"),
        rules: Some(b"/a=>/b"),
        ..WEB
    };
    assert_eq!(
        signed(&["host: web", "via: 1.0 a"], Version::HTTP_11, &rest),
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
        signed(&lines, Version::HTTP_11, &WEB),
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
    let mut fields = fields(&["host: web", "via: 1.0 a"]);
    sign_way(&mut fields, Version::HTTP_11);
    let first = Destination {
        residual: Some(b"/rest"),
        ..WEB
    };
    first.sign(&mut fields);
    let before = shown(&fields);
    let other = Destination {
        client: b"/#/io.l5d.fs/other",
        ..WEB
    };
    other.sign(&mut fields);
    let expected = before.replace("/#/io.l5d.fs/web", "/#/io.l5d.fs/other");
    let expected = expected.replace("l5d-dst-residual: /rest\r\n", "");
    assert_eq!(shown(&fields), expected);
}

#[test]
fn an_old_request_without_host_gets_an_empty_one() {
    let lines = signed(&[], Version::HTTP_10, &WEB);
    assert!(lines.contains(&"host: ".to_owned()), "{lines:?}");
    assert!(lines.contains(&"via: 1.0 linkerd".to_owned()), "{lines:?}");
}

#[test]
fn framing_is_left_to_the_writer() {
    for line in ["content-length: 3", "trailer: x"] {
        let lines = signed(
            &["host: a", line, "transfer-encoding: chunked"],
            Version::HTTP_11,
            &WEB,
        );
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
        assert!(!lines.iter().any(|line| line.starts_with("transfer")));
    }
}

#[test]
fn every_request_has_one_trace() {
    let mut fields = fields(&["host: a", "traceparent: x", "l5d-ctx-trace: y"]);
    sign_way(&mut fields, Version::HTTP_11);
    WEB.sign(&mut fields);
    for known in [Known::L5dCtxTrace, Known::L5dReqid, Known::Traceparent] {
        assert_eq!(fields.all(known).count(), 1, "{known:?}");
    }
}

#[test]
fn a_client_is_told_what_the_answer_was() {
    let check = |status, lines: &[&str], expected: &str| {
        let mut head = ResponseHead::new(status);
        head.fields = fields(lines);
        sign_response(&mut head, !status.is_server_error());
        assert_eq!(shown(&head.fields), expected);
    };
    check(
        StatusCode::OK,
        &["Date: x", "connection: close", "keep-alive: timeout=5"],
        "Date: x\r\nvia: 1.1 linkerd\r\nl5d-success-class: 1.0\r\n",
    );
    check(
        StatusCode::BAD_GATEWAY,
        &[
            "date: x",
            "l5d-success-class: 1.0",
            "l5d-err: x",
            "via: 1.1 linkerd",
        ],
        "date: x\r\nl5d-err: x\r\nvia: 1.1 linkerd, 1.1 linkerd\r\nl5d-success-class: 0.0\r\n",
    );
}
