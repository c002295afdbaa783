use http1::{Limits, Parsed};

use super::*;

/// What a client that sent this head is told of an answer with this one: the lines that changed, `+` and `-`. The first is the
/// coding, if the body is compressed.
fn changes(level: i8, request: &str, response: &str) -> Vec<String> {
    let (mut asked, mut answer) = (RequestHead::default(), ResponseHead::default());
    let head = |first: &str, rest: &str| format!("{first}\r\n{}\r\n", rest.replace('\n', "\r\n"));
    let text = match request.starts_with("GET ") || request.starts_with("HEAD ") {
        true => request.replace('\n', "\r\n") + "\r\n",
        false => head("GET / HTTP/1.1\r\nhost: web", request),
    };
    let parsed = asked.parse(text.as_bytes(), &Limits::default());
    assert!(matches!(parsed, Ok(Parsed::Whole(_))), "{text}: {parsed:?}");
    let text = match response.starts_with("HTTP/") {
        true => response.replace('\n', "\r\n") + "\r\n",
        false => head("HTTP/1.1 200 OK", response),
    };
    let parsed = answer.parse(text.as_bytes(), &asked.method, &Limits::default());
    assert!(matches!(parsed, Ok(Parsed::Whole(_))), "{text}: {parsed:?}");
    let before = lines(&answer);
    let begun =
        Compression::of(level).and_then(|compression| compression.begin(&asked, &mut answer));
    let after = lines(&answer);
    let coding = answer.fields.get(Known::ContentEncoding);
    let coding = begun
        .and(coding)
        .map(|name| String::from_utf8_lossy(name).into_owned());
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    let gone = gone.map(|line| format!("-{line}"));
    coding
        .into_iter()
        .chain(gone)
        .chain(new.map(|line| format!("+{line}")))
        .collect()
}

fn lines(answer: &ResponseHead) -> Vec<String> {
    let text = String::from_utf8_lossy;
    let fields = answer.fields.iter();
    fields
        .map(|field| format!("{}: {}", text(field.name), text(field.value)))
        .collect()
}

/// The coding that a client that accepts this gets.
fn coding(accept: &str) -> Option<String> {
    let request = accept.split('\n').fold(String::new(), |all, line| {
        all + &format!("accept-encoding: {line}\n")
    });
    let changes = changes(
        -1,
        &request,
        "content-type: text/html\ncontent-length: 5000\n",
    );
    let is_told = changes.contains(&"+vary: accept-encoding".to_owned());
    assert!(is_told, "{accept}: {changes:?}");
    (changes.len() > 1).then(|| changes[0].clone())
}

#[test]
fn a_client_gets_what_it_likes_best() {
    let check = |accept: &str, expected: Option<&str>| {
        assert_eq!(coding(accept).as_deref(), expected, "{accept}");
    };
    check("gzip", Some("gzip"));
    check("x-gzip", Some("gzip"));
    check("GZip", Some("gzip"));
    check("deflate", Some("deflate"));
    check("gzip, deflate, br, zstd", Some("gzip"));
    check("br, deflate;q=0.9 , gzip;q=0.8", Some("deflate"));
    check("br\ngzip", Some("gzip"));
    check("*", Some("gzip"));
    check("gzip;q=0, *", Some("deflate"));
    check("gzip;q=0, deflate;q=0, *", None);
    check("*;q=0", None);
    check("*;q=0, gzip;q=0.001", Some("gzip"));
    check("br", None);
    check("identity", None);
    check("identity, gzip;q=0.5", None);
    check("identity;q=0.5, gzip", Some("gzip"));
    check("identity;q=0", None);
    check("gzip; q=1.000", Some("gzip"));
    check("gzip;Q=0.", None);
    check("gzip;q=1.001", None);
    check("gzip;q=0.0001", None);
    check("gzip;q=2", None);
    check("gzip;q", None);
    check("gzip;x=1", None);
    check("gzip;q=1;q=0", None);
    check(",, gzip,", Some("gzip"));
    check("", None);
    check("gzipped", None);
}

const GZIP: &str = "accept-encoding: gzip\n";

/// Whether an answer is compressed for a client that can read it.
fn fits(level: i8, response: &str) -> bool {
    !changes(level, GZIP, response).is_empty()
}

#[test]
fn text_is_compressed_and_everything_by_a_level() {
    let check = |kind: &str, is_text: bool| {
        let response = format!("content-type: {kind}\ncontent-length: 5000\n");
        assert_eq!(fits(-1, &response), is_text, "{kind}");
        assert!(fits(1, &response) && fits(9, &response), "{kind}");
        assert!(!fits(0, &response), "{kind}");
    };
    check("text/html; charset=utf-8", true);
    check("Text/Event-Stream", true);
    check("application/json", true);
    check("application/JSON;charset=utf-8", true);
    check("application/xhtml+xml", true);
    check("image/svg+xml", true);
    check("application/jsonp", false);
    check("application/octet-stream", false);
    check("image/png", false);
    check("textual/html", false);
    assert!(!fits(-1, "content-length: 5000\n") && fits(6, "content-length: 5000\n"));
}

#[test]
fn what_is_no_whole_or_not_to_be_changed_passes_as_it_is() {
    let text = "content-type: text/plain\n";
    let check = |response: &str, expected: bool| {
        assert_eq!(fits(9, response), expected, "{response}");
    };
    let with = |line: &str| format!("{text}{line}\n");
    check(&with("content-length: 1024"), true);
    check(&with("content-length: 1023"), false);
    check(&with("transfer-encoding: chunked"), true);
    check(text, true);
    check(&with("content-encoding: br"), false);
    check(&with("content-encoding: identity"), false);
    check(&with("Content-Range: bytes 0-9999/20000"), false);
    check(&with("Cache-Control: max-age=3, No-Transform"), false);
    check(&with("Cache-Control: private"), true);
    check(&with("Content-MD5: x"), false);
    check(&with("Digest: sha-256=x"), false);
    check(&with("Content-Digest: sha-256=:x:"), false);
    check(&with("Repr-Digest: sha-256=:x:"), false);
    check(&with("Signature: a=:x:"), false);
    check(
        &with("transfer-encoding: chunked\ntrailer: x-sum, Repr-Digest"),
        false,
    );
    check(&with("transfer-encoding: chunked\ntrailer: x-sum"), true);
    for status in ["204 No Content", "304 Not Modified", "206 Partial Content"] {
        check(
            &format!("HTTP/1.1 {status}\n{}", with("content-length: 5000")),
            false,
        );
    }
    check(&format!("HTTP/1.1 404 Not Found\n{text}"), true);
}

#[test]
fn who_cannot_read_it_or_asked_for_the_head_only_gets_it_as_it_is() {
    let response = "content-type: text/plain\ncontent-length: 5000\n";
    let check = |request: &str, expected: bool| {
        let changes = changes(-1, request, response);
        assert_eq!(!changes.is_empty(), expected, "{request}: {changes:?}");
    };
    check(GZIP, true);
    check("x: y\n", false);
    check("GET / HTTP/1.0\nhost: web\naccept-encoding: gzip\n", false);
    check("HEAD / HTTP/1.1\nhost: web\naccept-encoding: gzip\n", false);
    check(
        "accept-encoding: gzip\ncache-control: no-transform\n",
        false,
    );
}

#[test]
fn the_head_says_what_the_body_is() {
    let check = |response: &str, expected: &[&str]| {
        let text = format!("content-type: text/plain\ncontent-length: 5000\n{response}");
        let changes = changes(-1, GZIP, &text);
        assert_eq!(changes, expected, "{response}");
    };
    let usual = [
        "gzip",
        "-content-length: 5000",
        "+vary: accept-encoding",
        "+content-encoding: gzip",
    ];
    check("", &usual);
    check("vary: origin\nx: y\n", &usual);
    let [coding, no_length, _, encoding] = usual;
    check(
        "vary: origin, Accept-Encoding\n",
        &[coding, no_length, encoding],
    );
    check("vary: *\n", &[coding, no_length, encoding]);
    check(
        "ETag: \"a\"\nAccept-Ranges: bytes\n",
        &[
            coding,
            no_length,
            "-ETag: \"a\"",
            "-Accept-Ranges: bytes",
            "+vary: accept-encoding",
            "+etag: W/\"a\"",
            encoding,
        ],
    );
    check("etag: W/\"a\"\n", &usual);
}

#[test]
fn a_weak_tag_that_we_made_is_confirmed_by_its_name() {
    let check = |asked: &str, tag: &str, expected: &[&str]| {
        let request = format!("accept-encoding: gzip\nif-none-match: {asked}\n");
        let response = format!("HTTP/1.1 304 Not Modified\netag: {tag}\n");
        assert_eq!(
            changes(-1, &request, &response),
            expected,
            "{asked} of {tag}"
        );
    };
    check(r#"W/"a""#, r#""a""#, &[r#"-etag: "a""#, r#"+etag: W/"a""#]);
    check(
        r#""b", W/"a""#,
        r#""a""#,
        &[r#"-etag: "a""#, r#"+etag: W/"a""#],
    );
    check(r#"W/"a", "a""#, r#""a""#, &[]);
    check(r#"W/"a""#, r#"W/"a""#, &[]);
    check(r#"W/"b""#, r#""a""#, &[]);
    check("*", r#""a""#, &[]);
}
