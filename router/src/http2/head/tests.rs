use http::HeaderMap;

use super::*;

impl RequestHead {
    /// A head of a method, a URL or a path, and lines, as the codec would read it: `GET http://web/x\nname: value`.
    pub(crate) fn of(text: &str) -> Self {
        let mut lines = text.lines();
        let (method, uri) = lines
            .next()
            .and_then(|line| line.split_once(' '))
            .expect("a target");
        Self {
            method: method.parse().expect("a method"),
            uri: uri.parse().expect("a URI"),
            fields: Fields::new(map(lines)),
        }
    }
}

fn map<'a>(lines: impl IntoIterator<Item = &'a str>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a line");
        let value = value.strip_prefix(' ').unwrap_or(value);
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, value.parse().expect("a value"));
    }
    map
}

#[test]
fn what_the_codec_lets_pass_may_be_malformed() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(RequestHead::of(text).malformed(), expected, "{text}");
    };
    let path = Some("a :path that is none");
    let space = Some("white space around a field's value");
    check("GET http://web/x?y\nx: a b", None);
    check("POST http://web:80/\ncontent-length: 3\nte: trailers", None);
    check("OPTIONS *\nhost: web", None);
    check("GET *", path);
    check("GET http://web?x", path);
    check("CONNECT web:443", None);
    check("CONNECT http://web/x", path);
    check("CONNECT /", path);
    check("GET web:443", path);
    check("GET http://me@web/", Some("an :authority with a user"));
    check("GET /\nhost: web", None);
    check("GET /\nhost: ", None);
    check("GET /", None);
    check("GET /\nhost: me@web", Some("a host that is none"));
    check("GET /\nhost: a b", Some("a host that is none"));
    check("GET /\nhost: a\nhost: b", Some("more than one host"));
    check("GET http://web/\nhost: a\nhost: b", None);
    check("GET http://web/\nx:  a", space);
    check("GET http://web/\nx: a ", space);
    check("GET http://web/\nx: ok\nx: a\t", space);
    check("GET http://web/\nx: ", None);
    check(
        "GET http://web/\ncontent-length: 3\ncontent-length: 3",
        Some("more than one content-length"),
    );
    check(
        "GET http://web/\ncontent-length: ",
        Some("an empty content-length"),
    );
}

#[test]
fn an_answer_may_be_malformed() {
    let check = |status, lines: &[&str], expected| {
        let head = ResponseHead {
            status,
            fields: Fields::new(map(lines.iter().copied())),
        };
        assert_eq!(head.malformed(), expected, "{lines:?}");
    };
    check(StatusCode::OK, &["trailer: x", "content-length: 1"], None);
    check(
        StatusCode::SWITCHING_PROTOCOLS,
        &[],
        Some("a switch to another protocol"),
    );
    check(
        StatusCode::OK,
        &["x: a "],
        Some("white space around a field's value"),
    );
}

#[test]
fn one_name_says_which_host_is_asked_for() {
    let check = |text: &str, is_secure, expected: &str| {
        let mut head = RequestHead::of(text);
        head.name_the_host(is_secure);
        assert_eq!(head.uri.to_string(), expected, "{text}");
        assert!(!head.fields.has(Known::Host), "{text}");
    };
    check("GET https://web/x\nhost: other", false, "https://web/x");
    check("GET /x?y\nhost: web:80", false, "http://web:80/x?y");
    check("GET /x\nhost: web", true, "https://web/x");
    check("GET /x\nhost: ", true, "/x");
    check("GET /x", true, "/x");
    check("CONNECT web:443\nhost: other", false, "web:443");
}

#[test]
fn another_host_may_be_asked() {
    let check = |text: &str, authority: &str, expected: Option<&str>| {
        let mut head = RequestHead::of(text);
        let before = head.uri.to_string();
        let is_set = head.set_authority(authority.as_bytes(), Scheme::HTTP);
        assert_eq!(is_set, expected.is_some(), "{authority}");
        assert_eq!(head.uri.to_string(), expected.unwrap_or(&before));
    };
    check("GET https://web/x?y", "a:80", Some("https://a:80/x?y"));
    check("GET /x", "a", Some("http://a/x"));
    check("CONNECT web:443", "a:1", Some("a:1"));
    check("GET http://web/x", "a b", None);
}

#[test]
fn a_part_of_a_path_becomes_the_path() {
    let check = |text: &str, path: &str, expected: &str| {
        let mut head = RequestHead::of(text);
        head.set_path(path.as_bytes());
        assert_eq!(head.uri.to_string(), expected);
        assert_eq!(head.path(), head.uri.path().as_bytes());
    };
    check("GET http://web/a/b?c", "/b", "http://web/b?c");
    check("GET http://web/a", "", "http://web/");
    check("GET /a/b", "b", "/b");
}

#[test]
fn heads_come_from_the_codec_and_go_there() {
    let request = http::Request::builder()
        .method("PUT")
        .uri("https://web/x?y")
        .header("via", "1.1 a")
        .body(());
    let (parts, ()) = request.expect("a request").into_parts();
    let mut head = RequestHead::from(parts);
    head.fields
        .push_with(Known::L5dReqid, |value| value.extend_from_slice(b"17"));
    assert_eq!(head.target(), b"/x?y");
    let of = |control| head.control(control);
    assert_eq!(of(Control::Authority), Some(&b"web"[..]));
    assert_eq!(of(Control::Method), Some(&b"PUT"[..]));
    assert_eq!(of(Control::Path), Some(&b"/x?y"[..]));
    assert_eq!(of(Control::Scheme), Some(&b"https"[..]));
    let mut text = Vec::new();
    let request = head.pack(&mut text);
    assert_eq!(request.version(), Version::HTTP_2);
    assert_eq!(request.method(), Method::PUT);
    assert_eq!(request.uri(), "https://web/x?y");
    assert_eq!(request.headers()["via"], "1.1 a");
    assert_eq!(head.fields.map().len(), 0);
    head.unpack(&text);
    let again = head.pack(&mut Vec::new());
    assert_eq!(again.uri(), request.uri());
    assert_eq!(again.headers(), request.headers());
    let is_sensitive = |request: &http::Request<()>| request.headers()["l5d-reqid"].is_sensitive();
    assert!(is_sensitive(&request) && is_sensitive(&again));

    let mut head = ResponseHead::from(http::Response::new(()).into_parts().0);
    head.fields.push(Known::Via, b"x");
    head.reset(StatusCode::NOT_FOUND);
    head.fields.push(Known::ContentType, b"text/plain");
    let response = http::Response::from(head);
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers().len(), 1);
}
