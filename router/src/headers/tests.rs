use http::Version;
use http1::Fields;

use super::*;
use crate::http2;

fn fields<L: Lines + Default>(lines: &[&str]) -> L {
    let mut fields = L::default();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a line");
        fields.push_named(name.as_bytes(), value.trim().as_bytes());
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

/// Lines as HTTP/2 has them: in lower case, and different names in any order.
fn folded<T: AsRef<str>>(lines: &[T]) -> Vec<String> {
    let lines = lines.iter().map(|line| {
        let (name, value) = line.as_ref().split_once(':').expect("a line");
        format!("{}:{value}", name.to_ascii_lowercase())
    });
    let mut lines: Vec<_> = lines.collect();
    lines.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    lines
}

/// What a change leaves of some lines, of either version.
macro_rules! check {
    ($given:expr, $change:expr, $expected:expr) => {{
        let (given, expected): (&[&str], &[&str]) = ($given, $expected);
        let mut lines: Fields = fields(given);
        let _ = $change(&mut lines);
        assert_eq!(shown(&lines), expected, "{given:?}");
        let mut lines: http2::Fields = fields(given);
        let _ = $change(&mut lines);
        assert_eq!(folded(&shown(&lines)), folded(expected), "{given:?}");
    }};
}

#[test]
fn headers_of_one_hop_end_here() {
    let check = |given: &[&str], expected: &[&str]| {
        let mut fields: Fields = fields(given);
        strip_hop_by_hop(&mut fields);
        assert_eq!(shown(&fields), expected, "{given:?}");
    };
    check(&["host: a", "Accept: b"], &["host: a", "Accept: b"]);
    for usual in ["close", "keep-alive", "Keep-Alive, Upgrade", "TE, close"] {
        let connection = format!("connection: {usual}");
        check(&[&connection, "accept: b"], &["accept: b"]);
    }
    check(
        &["Keep-Alive: 5", "Proxy-Connection: keep-alive", "x: y"],
        &["x: y"],
    );
    check(
        &[
            "te: trailers",
            "trailer: x-sum",
            "upgrade: websocket",
            "x: y",
        ],
        &["x: y"],
    );
    check(
        &[
            "proxy-authorization: secret",
            "proxy-authenticate: Basic",
            "x: y",
        ],
        &["x: y"],
    );
    check(
        &[
            "connection: x-a, close",
            "connection: X-B",
            "x-a: 1",
            "x-b: 2",
            "x-c: 3",
        ],
        &["x-c: 3"],
    );
    check(
        &[
            "connection: host, content-length, x-a",
            "host: a",
            "content-length: 3",
            "x-a: 1",
        ],
        &["host: a", "content-length: 3"],
    );
    check(
        &[
            "upgrade: h2c",
            "http2-settings: x",
            "proxy-authentication-info: y",
            "x: y",
        ],
        &["x: y"],
    );
    check(&["connection: ,, bad name ,x", "x: y", "z: y"], &["z: y"]);
}

#[test]
fn what_a_connection_names_may_go_before_it_does() {
    let check = |given: &[&str], expected: &[&str]| {
        let mut fields: Fields = fields(given);
        remove_nominated(&mut fields);
        assert_eq!(shown(&fields), expected, "{given:?}");
    };
    let usual = ["connection: close, TE , upgrade,host", "x-a: 1", "host: a"];
    check(&usual, &usual);
    check(
        &[
            "connection: x-a, close",
            "connection: X-B",
            "x-a: 1",
            "x-b: 2",
        ],
        &["connection: close"],
    );
    check(&["connection: x-a", "x-a: 1", "x-b: 2"], &["x-b: 2"]);
}

#[test]
fn trailers_are_announced_where_there_may_be_some() {
    let check = |given: &[&str], expected: &[&str]| {
        let mut fields: Fields = fields(given);
        strip_hop_by_hop(&mut fields);
        assert_eq!(shown(&fields), expected, "{given:?}");
    };
    check(&["trailer: x-sum"], &[]);
    check(
        &["transfer-encoding: chunked", "trailer: x-sum"],
        &["trailer: x-sum"],
    );
    check(
        &[
            "connection: trailer",
            "transfer-encoding: chunked",
            "trailer: x-sum",
        ],
        &["trailer: x-sum"],
    );
}

#[test]
fn names_in_disguise_end_here() {
    check!(
        &[
            "Content_Length: 3",
            "transfer_encoding: chunked",
            "Proxy_Authorization: secret",
            "x_forwarded-client_cert: me",
            "l5d_dtab: /a=>/b",
            "L5D_anything: x",
            "l5d-dst_client: x",
            "x_plain: y",
            "l5d-name: /a",
        ],
        Lines::strip_hop_by_hop,
        &["x_plain: y", "l5d-name: /a"]
    );
}

#[test]
fn each_proxy_signs_at_the_end() {
    let check = |given: &[&str], version, expected: &[&str]| {
        check!(given, |lines: &mut _| append_via(lines, version), expected);
    };
    check(&[], Version::HTTP_11, &["via: 1.1 linkerd"]);
    check(&[], Version::HTTP_10, &["via: 1.0 linkerd"]);
    check(&[], Version::HTTP_2, &["via: h2 linkerd"]);
    check(
        &["via: 1.1 a"],
        Version::HTTP_11,
        &["via: 1.1 a, 1.1 linkerd"],
    );
    check(
        &["via: 1.1 a, 1.0 b", "via: 1.1 c"],
        Version::HTTP_2,
        &["via: 1.1 a, 1.0 b, 1.1 c, h2 linkerd"],
    );
}

#[test]
fn proxies_are_counted_over_all_lines() {
    let check = |lines: &[&str], expected| {
        assert_eq!(call_depth(&fields::<Fields>(lines)), expected);
        assert_eq!(call_depth(&fields::<http2::Fields>(lines)), expected);
    };
    check(&[], 0);
    check(&["via: a"], 1);
    check(&["via: a, b", "via: c"], 3);
}

#[test]
fn the_users_rules_come_after_those_of_routers_before() {
    fn take(fields: &mut impl Lines) {
        let overrides = Overrides::take(fields).expect("there are some");
        let dtab = overrides.parse().expect("rules");
        assert_eq!(dtab.to_string(), "/a=>/one;/b=>/two;/a=>/user");
        assert_eq!(Overrides::take(fields), None);
    }
    check!(
        &[
            "l5d-dtab: /a => /user",
            "l5d-ctx-dtab: /a => /one",
            "l5d-ctx-dtab: /b => /two",
            "x: y",
        ],
        take,
        &["x: y"]
    );
}

#[test]
fn rules_that_do_not_parse_are_refused() {
    let mut fields: Fields = fields(&["l5d-dtab: nonsense"]);
    let overrides = Overrides::take(&mut fields).expect("there are some");
    overrides.parse().expect_err("no dtab");
}

#[test]
fn of_several_deadlines_the_strictest_stays() {
    let check = |given: &[&str], expected: &[&str]| check!(given, merge_deadlines, expected);
    check(&["l5d-ctx-deadline: 10 90"], &["l5d-ctx-deadline: 10 90"]);
    check(
        &[
            "l5d-ctx-deadline: 10 90",
            "l5d-ctx-deadline: 20 80",
            "l5d-ctx-deadline: x",
        ],
        &["l5d-ctx-deadline: 20 80"],
    );
    check(&["l5d-ctx-deadline: soon"], &[]);
}

fn traced(given: &[&str], draw: f64) -> (Trace, Vec<String>) {
    fn write(fields: &mut impl Lines, draw: f64) -> Trace {
        let trace = Trace::of_request(fields, || 0xABCD, || draw);
        trace.write(fields);
        trace
    }
    let mut lines: Fields = fields(given);
    let trace = write(&mut lines, draw);
    let mut others: http2::Fields = fields(given);
    assert_eq!(write(&mut others, draw), trace);
    assert_eq!(folded(&shown(&others)), folded(&shown(&lines)));
    (trace, shown(&lines))
}

#[test]
fn a_request_without_a_trace_starts_one() {
    let (_, written) = traced(&[], 0.0);
    assert_eq!(
        written,
        [
            "l5d-ctx-trace: AAAAAAAAq80AAAAAAACrzQAAAAAAAKvNAAAAAAAAAAA=",
            "l5d-reqid: 000000000000abcd",
            "traceparent: 00-0000000000000000000000000000abcd-000000000000abcd-00",
        ]
    );
}

#[test]
fn the_next_hop_is_a_child_of_the_last() {
    // span 1, parent 2, trace 3, flags 6
    let (_, written) = traced(
        &["l5d-ctx-trace: AAAAAAAAAAEAAAAAAAAAAgAAAAAAAAADAAAAAAAAAAY="],
        0.0,
    );
    assert_eq!(written[1], "l5d-reqid: 0000000000000003");
    assert_eq!(
        written[2],
        "traceparent: 00-00000000000000000000000000000003-000000000000abcd-01"
    );
    let (again, _) = traced(&[&written[0]], 0.0);
    assert_eq!(again, traced(&[&written[2]], 0.0).0);
}

#[test]
fn a_w3c_trace_is_carried_on_whole() {
    let (_, written) = traced(
        &["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        0.0,
    );
    assert_eq!(
        written[2],
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-000000000000abcd-01"
    );
    for bad in [
        "00-0-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "x",
    ] {
        let (trace, _) = traced(&[&format!("traceparent: {bad}")], 0.0);
        assert_eq!(trace, traced(&[], 0.0).0, "{bad}");
    }
}

#[test]
fn a_sample_rate_decides_for_one_request_and_is_consumed() {
    let sampled = |line: &str, draw| {
        traced(&[line], draw)
            .1
            .iter()
            .any(|line| line.starts_with("traceparent") && line.ends_with("-01"))
    };
    assert!(sampled("l5d-sample: 0.5", 0.4));
    assert!(!sampled("l5d-sample: 0.5", 0.6));
    assert!(sampled("l5d-sample: 7", 0.999));
    assert!(!sampled("l5d-sample: often", 0.0));
    assert!(
        !traced(&["l5d-sample: 1"], 0.0)
            .1
            .iter()
            .any(|line| line.starts_with("l5d-sample"))
    );
}

#[test]
fn what_vendors_say_stays_with_the_trace_it_is_about() {
    let states = |lines: &[&str]| {
        let (_, written) = traced(lines, 0.0);
        let states = written.iter().filter(|line| line.starts_with("tracestate"));
        states.count()
    };
    let known = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(states(&[known, "tracestate: a=1", "tracestate: b=2"]), 2);
    assert_eq!(states(&["traceparent: 00-x", "tracestate: a=1"]), 0);
    assert_eq!(states(&["tracestate: a=1"]), 0);
}

#[test]
fn strangers_do_not_speak_the_routers_language() {
    fn clear(fields: &mut impl Lines) {
        assert!(clear_context(fields));
        assert!(!clear_context(fields));
    }
    check!(
        &[
            "l5d-dtab: /a=>/b",
            "L5D-Ctx-Trace: x",
            "l5d-err: oops",
            "l5d-whatever: x",
            "l5d_dtab: /a=>/b",
            "L5D_x: y",
            "accept: *",
            "x-l5d-: y",
        ],
        clear,
        &["accept: *", "x-l5d-: y"]
    );
}

#[test]
fn what_a_field_cannot_carry_is_marked() {
    let check = |text: &str, expected: &str| {
        assert_eq!(
            *Shown::new(text).as_bytes(),
            *expected.as_bytes(),
            "{text:?}"
        );
    };
    check("/svc/web", "/svc/web");
    check("/a => /b;", "/a => /b;");
    check("/é\r\nx: y", "/???x: y");
    check("", "");
    for length in [46, 47, 48, 255, 256, 303] {
        let text = "x".repeat(length);
        check(&text, &text);
        assert_eq!(Shown::new(&text).value().as_bytes(), text.as_bytes());
    }
    assert_eq!(Shown::in_full("CN=é\n").as_bytes(), "CN=é?".as_bytes());
}

#[test]
fn errors_are_form_encoded_within_their_limit() {
    let check = |text: &str, limit, expected: &str| {
        assert_eq!(form_encoded(text, limit), expected);
    };
    check("a b/c\n", 100, "a+b%2Fc%0A");
    check("abc", 2, "ab");
    check("a/b", 3, "a");
    check("abc", 0, "");
}
