use http::Version;

use super::*;

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_str(value.trim()).expect("a value"));
    }
    headers
}

fn shown(headers: &HeaderMap) -> Vec<String> {
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect()
}

/// In the order of their names: removing a header moves another one.
fn sorted(headers: &HeaderMap) -> Vec<String> {
    let mut lines = shown(headers);
    lines.sort();
    lines
}

#[test]
fn headers_of_one_hop_end_here() {
    let check = |given: &[&str], expected: &[&str]| {
        let mut headers = headers(given);
        let survey = Survey::of(&headers);
        strip_hop_by_hop(&mut headers, survey);
        assert_eq!(sorted(&headers), expected, "{given:?}");
    };
    check(&["host: a", "accept: b"], &["accept: b", "host: a"]);
    check(&["connection: close", "accept: b"], &["accept: b"]);
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
        &["content-length: 3", "host: a"],
    );
    check(&["connection: ,, bad name ,x", "x: y", "z: y"], &["z: y"]);
}

#[test]
fn each_proxy_signs_at_the_end() {
    let check = |given: &[&str], version, expected: &[&str]| {
        let mut headers = headers(given);
        let has_via = Survey::of(&headers).via;
        append_via(&mut headers, version, has_via);
        assert_eq!(shown(&headers), expected, "{given:?}");
    };
    check(&[], Version::HTTP_11, &["via: 1.1 linkerd"]);
    check(&[], Version::HTTP_10, &["via: 1.0 linkerd"]);
    check(
        &["via: 1.1 a"],
        Version::HTTP_11,
        &["via: 1.1 a, 1.1 linkerd"],
    );
    check(
        &["via: 1.1 a, 1.0 b", "via: 1.1 c"],
        Version::HTTP_11,
        &["via: 1.1 a, 1.0 b, 1.1 c, 1.1 linkerd"],
    );
}

#[test]
fn proxies_are_counted_over_all_lines() {
    assert_eq!(call_depth(&headers(&[])), 0);
    assert_eq!(call_depth(&headers(&["via: a"])), 1);
    assert_eq!(call_depth(&headers(&["via: a, b", "via: c"])), 3);
}

#[test]
fn the_users_rules_come_after_those_of_routers_before() {
    let mut headers = headers(&[
        "l5d-dtab: /a => /user",
        "l5d-ctx-dtab: /a => /one",
        "l5d-ctx-dtab: /b => /two",
        "x: y",
    ]);
    let overrides = Overrides::take(&mut headers).expect("there are some");
    let dtab = overrides.parse().expect("rules");
    assert_eq!(dtab.to_string(), "/a=>/one;/b=>/two;/a=>/user");
    assert_eq!(shown(&headers), ["x: y"]);
    assert_eq!(Overrides::take(&mut headers), None);
}

#[test]
fn rules_that_do_not_parse_are_refused() {
    let mut headers = headers(&["l5d-dtab: nonsense"]);
    let overrides = Overrides::take(&mut headers).expect("there are some");
    overrides.parse().expect_err("no dtab");
}

#[test]
fn of_several_deadlines_the_strictest_stays() {
    let check = |given: &[&str], expected: &[&str]| {
        let mut headers = headers(given);
        merge_deadlines(&mut headers);
        assert_eq!(shown(&headers), expected, "{given:?}");
    };
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
    let mut headers = headers(given);
    let survey = Survey::of(&headers);
    let trace = Trace::of_request(&mut headers, survey, || 0xABCD, || draw);
    trace.write(&mut headers);
    (trace, shown(&headers))
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
        written[0],
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
fn strangers_do_not_speak_the_routers_language() {
    let mut headers = headers(&[
        "l5d-dtab: /a=>/b",
        "L5D-Ctx-Trace: x",
        "l5d-err: oops",
        "accept: *",
        "x-l5d-: y",
    ]);
    assert!(clear_context(&mut headers));
    assert_eq!(sorted(&headers), ["accept: *", "x-l5d-: y"]);
    assert!(!clear_context(&mut headers));
}

#[test]
fn errors_are_form_encoded_within_their_limit() {
    let check = |text: &str, limit, expected: &str| {
        assert_eq!(form_encoded(text, limit).to_str().expect("text"), expected);
    };
    check("a b/c\n", 100, "a+b%2Fc%0A");
    check("abc", 2, "ab");
    check("a/b", 3, "a");
}
