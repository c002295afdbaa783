use http1::{Limits, Parsed, RequestHead};
use telemetry::Metrics;

use super::*;
use crate::http2;

pub(super) fn edge(clear_context: bool) -> Edge {
    Edge {
        protocol: Protocol::Http,
        takes_http2: false,
        http2: Http2Server::default(),
        stats: Arc::new(ServerStats::new(&Metrics::new().scope("rt"), "127.0.0.1/0")),
        secure: None,
        max_call_depth: 2,
        clear_context,
        forwarded: None,
        timestamp: None,
        max_err_bytes: 8192,
        limits: Limits::default(),
        compression: None,
        holding: None,
        patience: crate::build::patience(
            &config::TimeLimits::default(),
            &config::SocketOptions::default(),
        ),
        max_connections: None,
        places: Places::new(None, 10, 1024, 1),
        timeout: None,
    }
}

/// From 10.0.0.1, port 5000.
pub(super) fn origin(edge: &Edge) -> Origin<'_> {
    Origin {
        edge,
        peer: Peer::Inet(([10, 0, 0, 1], 5000).into()),
        connection: 1,
        worker: 0,
    }
}

/// A head as a server reads it. Lines end with `\n` here.
pub(super) fn request(text: &str) -> RequestHead {
    let bytes = format!("{text}\n\n").replace('\n', "\r\n");
    let mut head = RequestHead::default();
    let parsed = head.parse(bytes.as_bytes(), &Limits::default());
    assert_eq!(parsed, Ok(Parsed::Whole(bytes.len())), "{text}");
    head
}

fn written(head: &RequestHead) -> String {
    let mut text = Vec::new();
    head.write_to(&mut text);
    String::from_utf8(text).expect("text").replace("\r\n", "\n")
}

#[test]
fn the_target_names_the_host() {
    let check = |given: &str, expected: &str| {
        let mut head = request(given);
        assert_eq!(admit(&mut head, origin(&edge(false))).expect(given), None);
        assert_eq!(written(&head), format!("{expected}\n\n"), "{given}");
    };
    check(
        "GET /x?y HTTP/1.1\nHost: web",
        "GET /x?y HTTP/1.1\nHost: web",
    );
    check(
        "GET http://web:80/x?y HTTP/1.1\nHost: other",
        "GET /x?y HTTP/1.1\nhost: web:80",
    );
    check("GET http://web HTTP/1.0", "GET / HTTP/1.1\nhost: web");
    check(
        "OPTIONS * HTTP/1.1\nHost: web",
        "OPTIONS * HTTP/1.1\nHost: web",
    );
    check(
        "CONNECT web:443 HTTP/1.1\nHost: other",
        "CONNECT web:443 HTTP/1.1\nhost: web:443",
    );
}

#[test]
fn loops_end() {
    let check = |via: &str, is_refused| {
        let mut head = request(&format!("GET / HTTP/1.1\nHost: a\n{via}"));
        let admitted = admit(&mut head, origin(&edge(false)));
        assert_eq!(
            matches!(admitted, Err(RouteError::TooManyCalls(2))),
            is_refused,
            "{via}"
        );
    };
    check("Via: a, b", false);
    check("Via: a, b, c", true);
    check("Via: a, b\nVia: c", true);
}

#[test]
fn rules_are_taken_out_and_deadlines_merged() {
    let mut head = request(
        "GET / HTTP/1.1\nHost: a\nl5d-dtab: /a=>/b\nl5d-ctx-deadline: 1 9\nl5d-ctx-deadline: 2 8\nl5d-other: x",
    );
    let overrides = admit(&mut head, origin(&edge(false))).expect("admitted");
    let dtab = overrides.expect("rules").parse().expect("a dtab");
    assert_eq!(dtab.to_string(), "/a=>/b");
    assert_eq!(
        written(&head),
        "GET / HTTP/1.1\nHost: a\nl5d-other: x\nl5d-ctx-deadline: 2 8\n\n"
    );
}

#[test]
fn an_edge_that_takes_no_orders_takes_none() {
    let mut head = request(
        "GET / HTTP/1.1\nHost: a\nl5d-dtab: /a=>/b\nL5D-Sample: 1\nl5d_dtab: /a=>/b\nl5d-name: /x\nx: y",
    );
    assert_eq!(
        admit(&mut head, origin(&edge(true))).expect("admitted"),
        None
    );
    assert_eq!(written(&head), "GET / HTTP/1.1\nHost: a\nx: y\n\n");
}

#[test]
fn rules_are_bounded() {
    let rules = "/a=>/b;".repeat(MAX_OVERRIDE_BYTES / 7 + 1);
    let mut head = request("GET / HTTP/1.1\nHost: a");
    head.fields.push(Known::L5dDtab, rules.as_bytes());
    let refused = admit(&mut head, origin(&edge(false)));
    assert!(matches!(refused, Err(RouteError::BadOverride(_))));
}

#[test]
fn a_server_that_is_told_to_notes_when_a_request_came() {
    let millis = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.expect("after 1970").as_millis()
    };
    let edge = Edge {
        timestamp: Some("X-Start".into()),
        ..edge(true)
    };
    let mut head = request("GET / HTTP/1.1\nHost: a\nx-start: mine");
    let before = millis();
    admit(&mut head, origin(&edge)).expect("admitted");
    let lines: Vec<_> = head
        .fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case(b"x-start"))
        .map(|field| String::from_utf8_lossy(field.value).into_owned())
        .collect();
    assert_eq!(lines[0], "mine");
    let noted: u128 = lines[1].parse().expect("a number");
    assert!((before..=millis()).contains(&noted), "{lines:?}");
}

#[test]
fn a_client_cannot_have_our_marks_removed() {
    let edge = Edge {
        timestamp: Some("x-start".into()),
        ..edge(false)
    };
    let mut head = request(
        "GET / HTTP/1.1\nHost: a\nConnection: X-Start, upgrade\nConnection: close\nUpgrade: x\nx-start: mine",
    );
    admit(&mut head, origin(&edge)).expect("admitted");
    assert_eq!(
        head.fields.get(Known::Connection),
        Some(&b"upgrade,close"[..])
    );
    headers::strip_hop_by_hop(&mut head.fields);
    let lines: Vec<_> = head.fields.iter().map(|field| field.name).collect();
    assert_eq!(lines, [&b"Host"[..], b"x-start"]);
    assert_ne!(head.fields.find("x-start"), Some(&b"mine"[..]));
}

#[test]
fn requests_over_http_2_are_admitted_alike() {
    let admitted = |text: &str, edge: &Edge| {
        let mut head = http2::RequestHead::of(text);
        let overrides = admit(&mut head, origin(edge)).map_err(|error| error.to_string());
        let rules = overrides.map(|overrides| overrides.map(|it| it.parse().expect("a dtab")));
        let rules = rules.map(|rules| rules.unwrap_or_default().to_string());
        let lines = head.fields.iter();
        let mut lines: Vec<_> = lines
            .map(|(name, value)| [name, b": ", value].concat())
            .map(|line| String::from_utf8(line).expect("text"))
            .collect();
        lines.sort_unstable();
        (head.uri.to_string(), rules, lines.join("\n"))
    };
    let check = |text: &str, edge: &Edge, uri: &str, rules: &str, lines: &str| {
        let expected = (uri.to_owned(), Ok(rules.to_owned()), lines.to_owned());
        assert_eq!(admitted(text, edge), expected, "{text}");
    };
    let context = "GET /x?y\nhost: web\nl5d-dtab: /a=>/b\nl5d-ctx-deadline: 1 9\nl5d-ctx-deadline: 2 8\n\
                   l5d-other: x\nl5d_dtab: /a=>/b\nx: y";
    check(
        context,
        &edge(false),
        "http://web/x?y",
        "/a=>/b",
        "l5d-ctx-deadline: 2 8\nl5d-other: x\nl5d_dtab: /a=>/b\nx: y",
    );
    check(context, &edge(true), "http://web/x?y", "", "x: y");
    let rules = "/a=>/b;".repeat(MAX_OVERRIDE_BYTES / 7 + 1);
    let refused = admitted(&format!("GET http://web/\nl5d-dtab: {rules}"), &edge(false));
    assert!(refused.1.is_err_and(|error| error.contains("longer than")));
    let refused = admitted("GET http://web/\nvia: a, b\nvia: c", &edge(false));
    assert!(refused.1.is_err_and(|error| error.contains("(2)")));
    let noting = Edge {
        timestamp: Some("X-Start".into()),
        ..edge(true)
    };
    let (_, _, lines) = admitted("GET http://web/\nx-start: mine", &noting);
    assert!(lines.starts_with("x-start: 1") && lines.ends_with("x-start: mine"));
}
