use super::*;

fn request(head: &str) -> Request<()> {
    let mut lines = head.lines();
    let mut words = lines.next().expect("a request line").split(' ');
    let mut builder = Request::builder()
        .method(words.next().expect("a method"))
        .uri(words.next().expect("a target"))
        .version(if words.next() == Some("HTTP/1.0") {
            Version::HTTP_10
        } else {
            Version::HTTP_11
        });
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        builder = builder.header(name.trim(), value.trim());
    }
    let mut request = builder.body(()).expect("a request");
    origin_form(&mut request);
    request
}

/// The name, and the target if it changed, or the complaint.
fn check(configs: &[IdentifierConfig], head: &str, expected: &str) {
    let prefix = Path::parse("/svc").expect("a path");
    let identifiers = Identifiers::new(prefix, configs).expect("headers");
    let parts = request(head);
    let named = identifiers.identify(&parts).and_then(|identified| {
        let name = identifiers.name(&identified.key)?;
        Ok(match identified.target {
            Some(target) => format!("{name} {target}"),
            None => name.to_string(),
        })
    });
    let shown = named.unwrap_or_else(|error| match error {
        Unidentified::Nothing(reason) => format!("nothing: {reason}"),
        Unidentified::Malformed(reason) => format!("malformed: {reason}"),
    });
    assert_eq!(shown, expected, "{head}");
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
    check(
        &[token()],
        "GET /x HTTP/1.1\nHost:",
        "nothing: Host header is absent",
    );
    check(&[token()], "GET /x HTTP/1.1\nHost: a\nHost: b", "/svc/a");
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
    for (target, asked) in [
        ("http://web", "/"),
        ("http://web?a=1", "/?a=1"),
        ("http://web/x?y", "/x?y"),
        ("/x?y", "/x?y"),
        ("*", "*"),
    ] {
        let parts = request(&format!("GET {target} HTTP/1.1"));
        assert_eq!(parts.uri().to_string(), asked, "{target}");
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
    let prefix = Path::parse("/svc").expect("a path");
    let identifiers = Identifiers::new(prefix, &[header(), token()]).expect("headers");
    let parts = request("GET / HTTP/1.1\nHost: web\nl5d-name: a/b");
    let key = identifiers
        .identify(&parts)
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
