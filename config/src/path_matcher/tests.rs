use dtab::Path;

use super::{PathMatcher, Wrong};

fn parse(pattern: &str) -> PathMatcher {
    match PathMatcher::parse(pattern) {
        Ok(matcher) => matcher,
        Err(Wrong { what, .. }) => panic!("{pattern} {what}"),
    }
}

/// What is captured, as `name=value` with a space between two.
fn check(pattern: &str, name: &str, captured: Option<&str>) {
    let name = Path::parse(name).expect("a path");
    let found = parse(pattern).matches(&name).map(|captures| {
        let shown: Vec<String> = captures
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        shown.join(" ")
    });
    assert_eq!(found.as_deref(), captured, "{pattern} for {name}");
}

#[test]
fn leading_segments_are_matched() {
    check("/", "/", Some(""));
    check("/", "/svc/web", Some(""));
    check("/svc", "/svc", Some(""));
    check("/svc", "/svc/web/v1", Some(""));
    check("/svc/web", "/svc", None);
    check("/svc/web", "/svc/web-canary", None);
    check("/svc/we", "/svc/web", None);
    check("/svc", "/SVC", None);
    check("/#/io.l5d.fs", "/#/io.l5d.fs/web", Some(""));
    check("/#/io.l5d.fs", "/%/io.l5d.port/4141/#/io.l5d.fs/web", None);
}

#[test]
fn a_star_is_one_segment_whatever_it_is() {
    check("/*", "/svc", Some(""));
    check("/*", "/", None);
    check("/svc/*/v1", "/svc/web/v1/x", Some(""));
    check("/svc/*/v1", "/svc/web", None);
    check("/svc/*", "/svc", None);
}

#[test]
fn captures_take_what_is_between_the_texts_and_must_make_up_the_segment() {
    check("/svc/{name}", "/svc/web", Some("name=web"));
    check("/svc/{job}-batch", "/svc/night-batch", Some("job=night"));
    check("/svc/{job}-batch", "/svc/night-batches", None);
    check("/svc/{job}-batch", "/svc/-batch", Some("job="));
    check("/v-{n}", "/v-2", Some("n=2"));
    check("/a{x}", "/bazc", None);
    check("/{host}:{port}", "/web:80", Some("host=web port=80"));
    check("/{host}:{port}", "/a:b:80", Some("host=a:b port=80"));
    check("/{host}:{port}", "/web", None);
    check("/{a}-{b}-{c}", "/w-x-y-z", Some("a=w-x b=y c=z"));
    check("/{a}{b}", "/xy", Some("a=xy b="));
    check("/a{x}a{y}", "/ab", None);
    check("/a{x}a{y}", "/aab", Some("x= y=b"));
    check("/a{x}a", "/a", None);
    check("/{ns}/{svc}/*", "/prod/web/v1/x", Some("ns=prod svc=web"));
    check(
        "/$/io.buoyant.rinet/{port}/{host}",
        "/$/io.buoyant.rinet/443/a.example",
        Some("port=443 host=a.example"),
    );
    check("/{a.b:c_1}", "/x", Some("a.b:c_1=x"));
}

#[test]
fn segments_are_compared_and_captured_in_their_shown_form() {
    check(r"/\x61\x20", r"/\x61\x20", Some(""));
    check(r"/a\x20", r"/\x61\x20", Some(""));
    check("/{x}", r"/a\x20", Some(r"x=\x61\x20"));
}

#[test]
fn slashes_at_the_ends_do_not_count() {
    check("svc", "/svc/web", Some(""));
    check("//svc/{x}//", "/svc/web", Some("x=web"));
    check("", "/svc", Some(""));
}

#[test]
fn what_is_no_pattern_is_refused() {
    for (pattern, complaint) in [
        ("/a//b", "has an empty segment"),
        ("/{host", "opens a brace in `{host` that nobody closes"),
        ("/a/b{x}{", "opens a brace in `b{x}{` that nobody closes"),
        ("/host}", "has `host}`, which no name can have"),
        ("/{}", "captures `{}`, which is no name"),
        ("/{a-b}", "captures `{a-b}`, which is no name"),
        ("/{a{b}}", "captures `{a{b}`, which is no name"),
        (
            "/web*",
            "has a `*` in `web*`, which stands for a whole segment only",
        ),
        (
            "/{x}*",
            "has a `*` in `{x}*`, which stands for a whole segment only",
        ),
        ("/a b", "has `a b`, which no name can have"),
        ("/a ", "has `a `, which no name can have"),
        ("/{x}é", "has `{x}é`, which no name can have"),
    ] {
        let said = PathMatcher::parse(pattern).map_err(|wrong| wrong.what);
        assert_eq!(
            said.as_ref().err().map(String::as_str),
            Some(complaint),
            "{pattern}"
        );
    }
}

#[test]
fn what_is_no_capture_in_a_template_is_found() {
    let found = |template| super::braces(template).collect::<Vec<_>>();
    assert_eq!(found("{a}.x.{b}"), ["{a}", "{b}"]);
    assert_eq!(found("a{b"), ["{b"]);
    assert!(found("a}b").is_empty());
}
