//! Which request gets which status, and why it says so.

use crate::client::Request;
use crate::world::World;

/// `want` is the status and the beginning of the body.
struct Case {
    method: &'static str,
    target: &'static str,
    body: Option<(&'static str, &'static str)>,
    header: Option<(&'static str, &'static str)>,
    want: (u16, &'static str),
}

const fn case(method: &'static str, target: &'static str, want: (u16, &'static str)) -> Case {
    Case {
        method,
        target,
        body: None,
        header: None,
        want,
    }
}

impl Case {
    const fn body(mut self, media: &'static str, body: &'static str) -> Self {
        self.body = Some((media, body));
        self
    }

    const fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    async fn check(&self, world: &World) {
        let mut request = Request::new(self.method, self.target);
        if let Some((name, value)) = self.header {
            request = request.header(name, value);
        }
        if let Some((media, body)) = self.body {
            request = request.body(media, body);
        }
        let response = request.send(world.address).await;
        let shown = format!(
            "{} {}: {} {:?}",
            self.method, self.target, response.head.status, response.body
        );
        assert_eq!(response.head.status, self.want.0, "{shown}");
        assert!(response.body.starts_with(self.want.1), "{shown}");
        if response.head.status >= 400 && self.method != "HEAD" {
            assert!(
                !response.body.is_empty(),
                "a refusal gives its reason: {shown}"
            );
        }
    }
}

const DTAB: &str = "application/dtab";
const JSON: &str = "application/json";
const WEB: &str = "/api/1/dtabs/web";
const NONE: &str = "/api/1/dtabs/none";
/// The version of revision 1, as `web` has it, and of revision 7.
const V1: &str = "MQ==";
const V7: &str = "Nw==";

#[tokio::test]
async fn reading() {
    let world = World::new().await;
    world.dtab("web", "/svc => /#/disco ; # all").await;
    world.disco.set("a", &["10.0.0.1:80"]);
    let cases = [
        case("GET", "/api/1/dtabs", (200, "[\"web\"]\n")),
        case("GET", "/api/1/dtabs/", (200, "[\"web\"]\n")),
        case("HEAD", "/api/1/dtabs", (200, "")),
        case("POST", "/api/1/dtabs", (405, "POST is not allowed here")),
        case(
            "GET",
            WEB,
            (200, "[{\"prefix\":\"/svc\",\"dst\":\"/#/disco\"}]\n"),
        ),
        case("GET", WEB, (200, "/svc => /#/disco ; # all\n"))
            .with("Accept", "application/dtab;q=0.1, application/json"),
        case("GET", WEB, (200, "/svc => /#/disco ; # all\n"))
            .with("Accept", "text/html, Text/Plain"),
        case("GET", WEB, (200, "[{")).with("Accept", "*/*"),
        case("HEAD", WEB, (200, "")),
        case("HEAD", NONE, (404, "")),
        case("GET", NONE, (404, "namespace none does not exist")),
        case(
            "GET",
            NONE,
            (404, "{\"error\":\"namespace none does not exist\"}"),
        )
        .with("Accept", JSON),
        case("GET", "/api/1/dtabs/web/", (404, "invalid namespace")),
        case("GET", "/api/1/dtabs/a%20b", (404, "invalid namespace")),
        case("GET", "/api/1/dtabs/..", (404, "invalid namespace")),
        case("PATCH", WEB, (405, "PATCH is not allowed here")),
        case("OPTIONS", WEB, (405, "OPTIONS is not allowed here")),
        case("GET", "/", (404, "no such resource: /")),
        case("GET", "/api/1", (404, "no such resource")),
        case("GET", "/api/1/dtabsfoo", (404, "no such resource")),
        case("GET", "/api/1/bind?path=/a", (404, "no such resource")),
    ];
    for case in &cases {
        case.check(&world).await;
    }
}

#[tokio::test]
async fn writing() {
    let world = World::new().await;
    let bad = "'>' expected but '=' found at '/foo =[=]> /bar'";
    let text = (DTAB, "/svc => /#/disco");
    let cases = [
        case("POST", WEB, (204, "")).body(text.0, text.1),
        case("POST", WEB, (409, "namespace web already exists")).body(text.0, text.1),
        case("POST", NONE, (400, "missing Content-Type")),
        case("POST", NONE, (400, "Invalid Content-Type \"text/yaml\". ")).body("text/yaml", "x"),
        case("PUT", WEB, (400, "Invalid Content-Type \"text/yaml\". ")).body("text/yaml", "x"),
        case("PUT", WEB, (400, bad)).body(DTAB, "/foo ==> /bar"),
        case("POST", NONE, (400, bad)).body("text/plain; charset=utf-8", "/foo ==> /bar"),
        case("PUT", WEB, (400, "cannot read the dtab as JSON")).body(JSON, "[null]"),
        case("PUT", WEB, (400, "cannot read the dtab as JSON")).body(JSON, "{}"),
        case("PUT", WEB, (400, "cannot read the dtab as JSON")).body(JSON, "["),
        case("PUT", WEB, (400, "cannot read the dtab as JSON")).body(JSON, "[{\"prefix\":\"/a\"}]"),
        case("PUT", WEB, (400, "cannot read the dtab as JSON"))
            .body(JSON, "[{\"prefix\":\"/a\",\"dst\":\"/b\",\"x\":1}]"),
        case("PUT", WEB, (400, "'/' expected but 'a' found at '[a]'"))
            .body(JSON, "[{\"prefix\":\"a\",\"dst\":\"/b\"}]"),
        case("PUT", "/api/1/dtabs/a/b", (400, "invalid namespace")).body(text.0, text.1),
        case("PUT", "/api/1/dtabs/.", (400, "invalid namespace")).body(text.0, text.1),
        case("PUT", NONE, (404, "namespace none does not exist"))
            .body(text.0, text.1)
            .with("If-Match", V1),
        case("PUT", NONE, (404, "namespace none does not exist"))
            .body(text.0, text.1)
            .with("If-Match", "%%%"),
        case(
            "PUT",
            WEB,
            (412, "namespace web is at revision 1, not at 7"),
        )
        .body(text.0, text.1)
        .with("If-Match", V7),
        case("PUT", WEB, (412, "If-Match names no version"))
            .body(text.0, text.1)
            .with("If-Match", "*"),
        case("PUT", WEB, (400, bad))
            .body(DTAB, "/foo ==> /bar")
            .with("If-Match", V7),
        case("PUT", WEB, (412, "namespace web already exists"))
            .body(text.0, text.1)
            .with("If-None-Match", "*"),
        case("PUT", WEB, (204, ""))
            .body(text.0, text.1)
            .with("If-Match", "\"MQ==\""),
        case("PUT", WEB, (204, ""))
            .body(JSON, "[]")
            .with("If-Match", "Mg"),
        case("PUT", NONE, (204, "")).body("text/plain", ""),
        case(
            "DELETE",
            "/api/1/dtabs/never",
            (404, "namespace never does not exist"),
        ),
        case("DELETE", NONE, (412, "namespace none is at revision 1")).with("If-Match", V7),
        case("DELETE", NONE, (204, "")),
        case("DELETE", NONE, (404, "namespace none does not exist")),
    ];
    for case in &cases {
        case.check(&world).await;
    }
}

#[tokio::test]
async fn names() {
    let world = World::new().await;
    world.dtab("web", "/svc => /#/disco ; /loop => /loop").await;
    world.disco.set("a", &["10.0.0.1:80"]);
    let path = "Invalid path: a / '/' expected but 'a' found at '[a]'";
    let dtab = "Invalid dtab: /a=/b / '>' expected";
    let cases = [
        case("GET", "/api/1/bind/web?path=a", (400, path)),
        case(
            "GET",
            "/api/1/bind/web",
            (400, "the parameter \"path\" is missing"),
        ),
        case("GET", "/api/1/bind/web?path=/svc/a&dtab=/a=/b", (400, dtab)),
        case(
            "GET",
            "/api/1/bind/web?path=/loop",
            (500, "Max recursion level: 100"),
        ),
        case(
            "GET",
            "/api/1/bind/web?path=/svc/gone",
            (200, "{\"type\":\"neg\"}\n"),
        ),
        case(
            "GET",
            "/api/1/bind/none?path=/svc/a",
            (200, "{\"type\":\"neg\"}\n"),
        ),
        case(
            "GET",
            "/api/1/bind/?path=/svc/a",
            (200, "{\"type\":\"neg\"}\n"),
        ),
        case(
            "PUT",
            "/api/1/bind/web?path=/svc/a",
            (405, "PUT is not allowed"),
        ),
        case("HEAD", "/api/1/bind/web?path=/svc/a&watch=true", (200, "")),
        case("GET", "/api/1/addr/web?path=a", (400, path)),
        case(
            "GET",
            "/api/1/addr/web?path=/nobody/knows",
            (200, "{\"type\":\"neg\"}\n"),
        ),
        case(
            "GET",
            "/api/1/addr/web?path=/$/nil",
            (200, "{\"type\":\"bound\",\"addrs\":[],\"meta\":{}}\n"),
        ),
        case(
            "GET",
            "/api/1/addr/web?path=/$/fail",
            (500, "name tree failed"),
        ),
        case("GET", "/api/1/resolve/web?path=a", (400, path)),
        case(
            "GET",
            "/api/1/resolve/web?path=/svc/a&dtab=/a=/b",
            (400, dtab),
        ),
        case(
            "GET",
            "/api/1/resolve/web?path=/svc/gone",
            (200, "{\"type\":\"neg\"}\n"),
        ),
        case("GET", "/api/1/delegate/web?path=a", (400, path)),
        case("GET", "/api/1/delegate/web?path=/a&dtab=/a=/b", (400, dtab)),
        case("GET", "/api/1/delegate?path=a", (400, path)),
        case(
            "GET",
            "/api/1/delegate?path=/loop&namespace=web",
            (400, "Max recursion level: 100"),
        ),
        case("POST", "/api/1/delegate", (415, "expected Content-Type")).body(DTAB, "{}"),
        case(
            "POST",
            "/api/1/delegate",
            (400, "Malformed delegation request: {}"),
        )
        .body(JSON, "{}"),
        case("POST", "/api/1/delegate", (400, path)).body(JSON, "{\"dtab\":\"\",\"path\":\"a\"}"),
        case(
            "POST",
            "/api/1/delegate",
            (200, "{\"type\":\"neg\",\"path\":\"/a\"}"),
        )
        .body(JSON, "{\"dtab\":\"\",\"path\":\"/a\"}"),
        case("PUT", "/api/1/delegate", (405, "PUT is not allowed")),
        case("GET", "/api/1/bound-names", (200, "[\"/#/disco/a\"]\n")),
        case("POST", "/api/1/bound-names", (405, "POST is not allowed")),
    ];
    for case in &cases {
        case.check(&world).await;
    }
}

#[tokio::test]
async fn beyond_the_reference() {
    let world = World::new().await;
    world.dtab("web", "/svc => /#/disco").await;
    let cases = [
        case(
            "GET",
            "/api/1/history/web",
            (200, "[{\"revision\":1,\"version\":\"MQ==\",\"time\":"),
        ),
        case(
            "GET",
            "/api/1/history/none",
            (404, "namespace none does not exist"),
        ),
        case(
            "GET",
            "/api/1/history/web?limit=x",
            (400, "the parameter \"limit\" is no number"),
        ),
        case("GET", "/api/1/dtabs/web?revision=1", (200, "[{")),
        case(
            "GET",
            "/api/1/dtabs/web?revision=7",
            (404, "namespace web has no revision 7"),
        ),
        case(
            "GET",
            "/api/1/dtabs/web?revision=x",
            (400, "the parameter \"revision\" is no number"),
        ),
        case(
            "GET",
            "/api/1/lint",
            (405, "GET is not allowed here, only POST"),
        ),
        case("POST", "/api/1/lint", (200, "[]\n")).body(DTAB, "/svc => /#/disco"),
        case(
            "POST",
            "/api/1/lint",
            (200, "[{\"level\":\"error\",\"code\":\"syntax\","),
        )
        .body(DTAB, "/svc =>"),
        case("GET", "/api/1/fleet", (200, "{\"routers\":[]}\n")),
        case(
            "GET",
            "/api/1/status",
            (200, "{\"id\":\"namerd-1\",\"version\":\""),
        ),
        case(
            "GET",
            "/api/1/export",
            (
                200,
                "{\"format\":\"switchyard-export/1\",\"namespaces\":{\"web\":[{\"revision\":1,",
            ),
        ),
        case("POST", "/api/1/import", (400, "cannot read the export")).body(JSON, "{}"),
    ];
    for case in &cases {
        case.check(&world).await;
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let world = World::new().await;
    let response = Request::new("PATCH", WEB).send(world.address).await;
    assert_eq!(
        response.head.header("allow"),
        Some("GET, HEAD, POST, PUT, DELETE")
    );
}

#[tokio::test]
async fn a_head_says_the_version_and_nothing_of_the_body() {
    let world = World::new().await;
    world.dtab("web", "").await;
    let response = Request::new("HEAD", WEB).send(world.address).await;
    assert_eq!(response.head.header("etag"), Some(V1));
    assert_eq!(response.head.header("content-type"), None);
    assert_eq!(response.head.header("content-length"), None);
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused_whether_its_length_is_told_or_not() {
    let world = World::new().await;
    for is_chunked in [false, true] {
        let request = Request::new("PUT", WEB).body(JSON, padded((1 << 20) + 1));
        let request = if is_chunked {
            request.chunked()
        } else {
            request
        };
        let response = request.send(world.address).await;
        assert_eq!(response.head.status, 413, "{}", response.body);
    }
    let just_right = Request::new("PUT", WEB).body(JSON, padded(1 << 20));
    assert_eq!(just_right.send(world.address).await.head.status, 204);
}

/// An empty dtab of so many bytes.
fn padded(length: usize) -> Vec<u8> {
    let mut body = vec![b' '; length];
    body[..2].copy_from_slice(b"[]");
    body
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused() {
    let world = World::new().await;
    let response = Request::new("PUT", WEB)
        .body(DTAB, b"/a => /\xff")
        .send(world.address)
        .await;
    assert_eq!(response.head.status, 400);
    assert!(
        response.body.starts_with("the dtab is not UTF-8"),
        "{}",
        response.body
    );
}

#[tokio::test]
async fn a_place_is_shown_with_a_caret_and_told_to_json_clients() {
    let world = World::new().await;
    let broken = || Request::new("PUT", WEB).body(DTAB, "/a => /b ;\n/foo ==> /bar\n");
    let response = broken().send(world.address).await;
    assert_eq!(
        response.head.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(response.body.contains("dtab:2:7"), "{}", response.body);
    assert!(response.body.contains('^'), "{}", response.body);
    let response = broken().header("Accept", JSON).send(world.address).await;
    let error: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!((&error["line"], &error["column"]), (&2.into(), &7.into()));
}
