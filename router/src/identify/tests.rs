use http1::RequestHead;

use super::*;
use crate::http2;

/// A head as a server reads it, in the form that routers understand. Lines end with `\n` here.
fn request(text: &str) -> RequestHead {
    let is_bare = !text.contains("\nHost:");
    let host = if is_bare { "\nHost: none" } else { "" };
    let bytes = format!("{text}{host}\n\n").replace('\n', "\r\n");
    let mut head = RequestHead::default();
    let parsed = head.parse(bytes.as_bytes(), &http1::Limits::default());
    assert_eq!(parsed, Ok(http1::Parsed::Whole(bytes.len())), "{text}");
    if is_bare {
        head.fields.remove(Known::Host);
    }
    head.to_origin_form();
    head
}

fn identifiers(configs: &[IdentifierConfig]) -> Identifiers {
    let prefix = Path::parse("/svc").expect("a path");
    Identifiers::new(prefix, configs).expect("headers")
}

/// The name, and the target if it changed, or the complaint.
fn check(configs: &[IdentifierConfig], text: &str, expected: &str) {
    let identifiers = identifiers(configs);
    let mut head = request(text);
    let named = identifiers
        .identify(&head)
        .and_then(|identified| Ok((identifiers.name(&identified.key)?, identified.path)));
    let named = named.map(|(name, path)| match path {
        Some(path) => {
            head.set_path(&path);
            format!("{name} {}", head.target().escape_ascii())
        }
        None => name.to_string(),
    });
    let shown = named.unwrap_or_else(|error| match error {
        Unidentified::Nothing(reason) => format!("nothing: {reason}"),
        Unidentified::Malformed(reason) => format!("malformed: {reason}"),
    });
    assert_eq!(shown, expected, "{text}");
}

fn token() -> IdentifierConfig {
    IdentifierConfig::default()
}

fn header() -> IdentifierConfig {
    IdentifierConfig::Header {
        header: "l5d-name".into(),
    }
}

fn path(segments: usize, consume: bool) -> IdentifierConfig {
    IdentifierConfig::Path { segments, consume }
}

#[test]
fn a_token_is_one_segment_as_it_was_sent() {
    check(&[token()], "GET /x HTTP/1.1\nHost: web", "/svc/web");
    check(
        &[token()],
        "GET /x HTTP/1.1\nHost: Foo.com:8080",
        "/svc/Foo.com:8080",
    );
    check(
        &[token()],
        "GET /x HTTP/1.1",
        "nothing: Host header is absent",
    );
    let mut head = request("GET /x HTTP/1.1");
    head.fields.push(Known::Host, b"");
    assert_eq!(
        identifiers(&[token()]).identify(&head),
        Err(Unidentified::Nothing("Host header is absent".into()))
    );
}

#[test]
fn a_token_is_read_from_any_header_in_any_case() {
    for name in ["X-Name", "x-name", "L5d-Name", "X_Name", "Via"] {
        let token = IdentifierConfig::HeaderToken {
            header: name.to_lowercase(),
        };
        let head = format!("GET / HTTP/1.1\nHost: other\n{name}: web\n{name}: second");
        check(&[token], &head, "/svc/web");
    }
    let shown = IdentifierConfig::HeaderToken {
        header: "X-Name".into(),
    };
    check(
        &[shown],
        "GET / HTTP/1.1\nHost: other",
        "nothing: X-Name header is absent",
    );
}

#[test]
fn the_host_is_found_without_a_search_and_is_borrowed() {
    let identifiers = identifiers(&[token()]);
    assert!(matches!(
        &identifiers.kinds[..],
        [Identifier::HeaderToken(Source {
            place: Place::Control(Control::Authority),
            ..
        })]
    ));
    let head = request("GET /x HTTP/1.1\nHost: web");
    let found = identifiers.identify(&head).expect("a name");
    assert!(matches!(found.key.text, Cow::Borrowed(b"web")));
}

#[test]
fn a_header_that_cannot_exist_is_refused() {
    for name in ["", "a b", "a:b"] {
        let config = IdentifierConfig::Header {
            header: name.into(),
        };
        Identifiers::new(Path::empty(), &[config]).expect_err(name);
    }
}

#[test]
fn the_authority_of_a_proxied_target_is_the_host() {
    check(
        &[token()],
        "GET http://web/x HTTP/1.1\nHost: other",
        "/svc/web",
    );
    check(
        &[token()],
        "GET http://me:secret@web:80/x HTTP/1.1",
        "/svc/web:80",
    );
    for (asked, target) in [
        ("GET http://web", "/"),
        ("GET http://web?a=1", "/?a=1"),
        ("GET http://web/x?y", "/x?y"),
        ("GET /x?y", "/x?y"),
        ("OPTIONS *", "*"),
    ] {
        let head = request(&format!("{asked} HTTP/1.1"));
        assert_eq!(head.target(), target.as_bytes(), "{asked}");
    }
}

#[test]
fn a_header_holds_a_path_and_a_malformed_one_ends_the_search() {
    check(
        &[header(), token()],
        "GET / HTTP/1.1\nHost: web\nl5d-name: /a/b",
        "/svc/a/b",
    );
    check(
        &[header(), token()],
        "GET / HTTP/1.1\nHost: web",
        "/svc/web",
    );
    let identifiers = identifiers(&[header(), token()]);
    let head = request("GET / HTTP/1.1\nHost: web\nl5d-name: a/b");
    let key = identifiers
        .identify(&head)
        .expect("the header is there")
        .key;
    assert!(matches!(
        identifiers.name(&key),
        Err(Unidentified::Malformed(_))
    ));
}

#[test]
fn the_last_reason_is_told() {
    check(
        &[token(), header()],
        "GET / HTTP/1.1",
        "nothing: l5d-name header is absent",
    );
}

#[test]
fn method_and_host() {
    let plain = [IdentifierConfig::MethodAndHost {
        http_uri_in_dst: false,
    }];
    let with_uri = [IdentifierConfig::MethodAndHost {
        http_uri_in_dst: true,
    }];
    check(
        &plain,
        "GET /a HTTP/1.1\nHost: Web:80",
        "/svc/1.1/GET/web:80",
    );
    check(&plain, "GET /a HTTP/1.0\nHost: web", "/svc/1.0/GET");
    check(
        &plain,
        "GET /a HTTP/1.1",
        "nothing: HTTP/1.1 request missing hostname",
    );
    check(
        &with_uri,
        "PUT /a/b/?q HTTP/1.1\nHost: web",
        "/svc/1.1/PUT/web/a/b",
    );
    check(&with_uri, "PUT / HTTP/1.1\nHost: web", "/svc/1.1/PUT/web");
    check(
        &with_uri,
        "PUT /a//b HTTP/1.1\nHost: web",
        "malformed: a name has an empty segment",
    );
    check(&with_uri, "GET /a HTTP/1.0", "/svc/1.0/GET/a");
}

#[test]
fn segments_of_the_target() {
    check(&[path(1, false)], "GET /a/b?x=1 HTTP/1.1", "/svc/a");
    check(&[path(2, false)], "GET /a/b?x=1 HTTP/1.1", "/svc/a/b");
    check(
        &[path(1, true)],
        "OPTIONS * HTTP/1.1",
        "nothing: not enough segments in path",
    );
    check(
        &[path(2, false)],
        "GET /a/ HTTP/1.1",
        "nothing: not enough segments in path",
    );
    check(
        &[path(1, false)],
        "GET / HTTP/1.1",
        "nothing: not enough segments in path",
    );
    check(
        &[path(2, false)],
        "GET //a HTTP/1.1",
        "malformed: empty segment in path //a",
    );
    check(&[path(1, false)], "GET /a//b HTTP/1.1", "/svc/a");
    check(&[path(1, false)], "GET /a%20b HTTP/1.1", r"/svc/a%20b");
}

#[test]
fn consumed_segments_leave_the_target() {
    check(&[path(1, true)], "GET /a/b?x=1 HTTP/1.1", "/svc/a /b?x=1");
    check(&[path(1, true)], "GET /a HTTP/1.1", "/svc/a /");
    check(&[path(1, true)], "GET /a/ HTTP/1.1", "/svc/a /");
    check(&[path(1, true)], "GET /a?x HTTP/1.1", "/svc/a /?x");
    check(&[path(2, true)], "GET /a/b/c/ HTTP/1.1", "/svc/a/b /c/");
}

#[test]
fn a_static_name_is_every_requests_name() {
    let path = Path::parse("/all").expect("a path");
    check(
        &[IdentifierConfig::Static { path }],
        "GET / HTTP/1.0",
        "/svc/all",
    );
}

/// The name of a request over HTTP/2, or the complaint.
fn check_2(configs: &[IdentifierConfig], text: &str, expected: &str) {
    let identifiers = identifiers(configs);
    let mut head = http2::RequestHead::of(text);
    let named = identifiers
        .identify(&head)
        .and_then(|identified| Ok((identifiers.name(&identified.key)?, identified.path)));
    let shown = match named {
        Ok((name, None)) => name.to_string(),
        Ok((name, Some(path))) => {
            head.set_path(&path);
            format!("{name} {}", head.target().escape_ascii())
        }
        Err(Unidentified::Nothing(reason)) => format!("nothing: {reason}"),
        Err(Unidentified::Malformed(reason)) => format!("malformed: {reason}"),
    };
    assert_eq!(shown, expected, "{text}");
}

fn token_of(header: &str) -> IdentifierConfig {
    IdentifierConfig::HeaderToken {
        header: header.into(),
    }
}

fn header_path(header: &str, segments: Option<usize>) -> IdentifierConfig {
    IdentifierConfig::HeaderPath {
        header: header.into(),
        segments,
    }
}

#[test]
fn what_http_2_says_beside_its_fields_makes_a_token() {
    let authority = [token_of(":authority")];
    check_2(&authority, "GET http://Web:80/x", "/svc/Web:80");
    check_2(&authority, "GET http://web/x\nhost: other", "/svc/web");
    check_2(&authority, "GET /x\nhost: web", "/svc/web");
    check_2(
        &authority,
        "GET /x",
        "nothing: missing header: ':authority'",
    );
    check_2(&[token()], "GET http://web/x", "/svc/web");
    check_2(&[token()], "GET /x", "nothing: missing header: 'Host'");
    check_2(&[token_of(":method")], "GET http://web/x", "/svc/GET");
    check_2(&[token_of(":scheme")], "GET https://web/x", "/svc/https");
    check_2(
        &[token_of(":path")],
        "GET http://web/x?y",
        r"/svc/\x2f\x78\x3f\x79",
    );
    for name in ["x-name", "X-Name", "via", "l5d-name", "x_name"] {
        let text = format!("GET http://web/\n{}: a\n{name}: b", name.to_lowercase());
        check_2(&[token_of(name)], &text, "/svc/a");
    }
}

#[test]
fn http_1_says_the_same_elsewhere() {
    let text = "GET /x?y HTTP/1.1\nHost: web";
    check(&[token_of(":authority")], text, "/svc/web");
    check(&[token_of(":method")], text, "/svc/GET");
    check(&[header_path(":path", None)], text, "/svc/x");
}

#[test]
fn names_are_the_same_over_both_versions() {
    let method_and_host = IdentifierConfig::MethodAndHost {
        http_uri_in_dst: true,
    };
    let method_and_host = std::slice::from_ref(&method_and_host);
    check_2(
        method_and_host,
        "PUT http://Web/a/b?c",
        "/svc/1.1/PUT/web/a/b",
    );
    check_2(
        method_and_host,
        "PUT /a",
        "nothing: HTTP/2 request missing hostname",
    );
    check_2(&[path(1, true)], "GET http://web/a/b?c", "/svc/a /b?c");
    check_2(&[path(1, true)], "GET http://web/a", "/svc/a /");
    check_2(
        &[path(1, true)],
        "CONNECT web:443",
        "nothing: not enough segments in path",
    );
    check_2(
        &[header(), token()],
        "GET http://web/\nl5d-name: /a/b",
        "/svc/a/b",
    );
}

#[test]
fn the_segments_of_a_path_in_a_header() {
    let all = [header_path(":path", None)];
    let two = [header_path(":path", Some(2))];
    let missing = "nothing: Missing destination path";
    check_2(
        &all,
        "POST http://web/pkg.Service/Method",
        "/svc/pkg.Service/Method",
    );
    check_2(&all, "GET http://web/a/b/?c=/d", "/svc/a/b");
    check_2(&all, "GET http://web", missing);
    check_2(&all, "GET http://web?x", missing);
    check_2(&all, "OPTIONS *", missing);
    check_2(&all, "CONNECT web:443", missing);
    check_2(
        &all,
        "GET http://web/a//",
        "malformed: the path in :path has an empty segment: /a//",
    );
    check_2(&two, "GET http://web/a/b/c", "/svc/a/b");
    check_2(&two, "GET http://web/a/b//", "/svc/a/b");
    check_2(
        &two,
        "GET http://web/a/",
        "nothing: Path must have at least 2 segment(s)",
    );
    check_2(
        &two,
        "GET http://web//a",
        "malformed: the path in :path has an empty segment: //a",
    );
    let named = [header_path("X-Path", Some(1))];
    check_2(&named, "GET http://web/", missing);
    check_2(&named, "GET /\nx-path: /a/b\nx-path: /c/d", "/svc/c");
    check(
        &named,
        "GET / HTTP/1.1\nx-path: /a/b\nX-Path: /c/d",
        "/svc/c",
    );
    check_2(
        &named,
        "GET /\nx-path: a/b",
        "malformed: the path in X-Path has no slash in front: a/b",
    );
    let known = [header_path("via", None)];
    check_2(&known, "GET /\nvia: /a\nvia: /b", "/svc/b");
    check(&known, "GET / HTTP/1.1\nVia: /a\nVia: /b", "/svc/b");
}

#[test]
fn what_names_a_request_over_http_2_is_borrowed() {
    let head = http2::RequestHead::of("POST http://web/pkg.Service/Method");
    for config in [token(), header_path(":path", Some(1)), path(1, false)] {
        let identifiers = identifiers(&[config]);
        let found = identifiers.identify(&head).expect("a name");
        assert!(matches!(found.key.text, Cow::Borrowed(_)));
    }
}
