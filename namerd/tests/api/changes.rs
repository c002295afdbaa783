//! Writing: versions, history, dry runs, lints, and moving everything elsewhere.

use serde_json::json;

use crate::client::Request;
use crate::world::World;

const DTAB: &str = "application/dtab";

#[tokio::test]
async fn every_write_has_a_new_version_that_guards_the_next() {
    let world = World::new().await;
    let first = world.put("web", "/a => /b").await;
    assert_eq!(first.head.header("etag"), Some("MQ=="));
    let read = world.get("/api/1/dtabs/web").await;
    assert_eq!(read.head.header("etag"), Some("MQ=="));
    let guarded = |version: &str| {
        Request::new("PUT", "/api/1/dtabs/web")
            .body(DTAB, "/a => /c")
            .header("If-Match", version)
    };
    let second = guarded("MQ==").send(world.address).await;
    assert_eq!(
        (second.head.status, second.head.header("etag")),
        (204, Some("Mg=="))
    );
    let late = guarded("MQ==").send(world.address).await;
    assert_eq!(
        (late.head.status, late.head.header("etag")),
        (412, Some("Mg=="))
    );
    let gone = Request::new("DELETE", "/api/1/dtabs/web")
        .send(world.address)
        .await;
    assert_eq!(gone.head.header("etag"), Some("Mw=="));
    let back = Request::new("POST", "/api/1/dtabs/web")
        .body(DTAB, "/a => /d")
        .send(world.address)
        .await;
    assert_eq!(back.head.header("etag"), Some("NA=="), "versions go on");
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let world = World::new().await;
    let request = Request::new("PUT", "/api/1/dtabs/web")
        .body(DTAB, "/svc => /#/disco")
        .chunked();
    assert_eq!(request.send(world.address).await.head.status, 204);
    assert_eq!(
        world.json("/api/1/dtabs/web").await,
        json!([{"prefix": "/svc", "dst": "/#/disco"}])
    );
}

#[tokio::test]
async fn where_a_match_is_required_writes_without_one_are_refused() {
    let world = World::start(|api| api.is_match_required = true).await;
    let put = |header: (&str, &str)| {
        Request::new("PUT", "/api/1/dtabs/web")
            .body(DTAB, "/a => /b")
            .header(header.0, header.1)
            .send(world.address)
    };
    assert_eq!(put(("X", "y")).await.head.status, 428);
    assert_eq!(put(("If-None-Match", "*")).await.head.status, 204);
    assert_eq!(put(("If-Match", "MQ==")).await.head.status, 204);
    assert_eq!(
        Request::new("DELETE", "/api/1/dtabs/web")
            .send(world.address)
            .await
            .head
            .status,
        428
    );
    let create = Request::new("POST", "/api/1/dtabs/api").body(DTAB, "/a => /b");
    assert_eq!(create.send(world.address).await.head.status, 204);
}

#[tokio::test]
async fn history_says_who_and_why_and_earlier_revisions_can_be_read() {
    let world = World::new().await;
    for (text, message) in [
        ("/a => /b # one", "first"),
        ("/a => /c # two", "100%25 sch%C3%B6n"),
    ] {
        let write = Request::new("PUT", "/api/1/dtabs/web").body(DTAB, text);
        let write = write
            .header("Switchyard-Author", "ann")
            .header("Switchyard-Message", message);
        assert_eq!(write.send(world.address).await.head.status, 204);
    }
    Request::new("DELETE", "/api/1/dtabs/web")
        .send(world.address)
        .await;
    let history = world.json("/api/1/history/web").await;
    let shown: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (&r["revision"], &r["action"], &r["message"]))
        .collect();
    assert_eq!(
        shown,
        [
            (&json!(3), &json!("delete"), &json!("")),
            (&json!(2), &json!("update"), &json!("100% schön")),
            (&json!(1), &json!("create"), &json!("first")),
        ]
    );
    assert_eq!(history[0]["dtab"], json!(null));
    assert_eq!(history[2]["author"], json!("ann"));
    let page = world.json("/api/1/history/web?limit=1&before=3").await;
    assert_eq!(
        (page.as_array().unwrap().len(), &page[0]["revision"]),
        (1, &json!(2))
    );

    let earlier = Request::new("GET", "/api/1/dtabs/web?revision=1").header("Accept", "text/plain");
    let earlier = earlier.send(world.address).await;
    assert_eq!(
        (earlier.body.as_str(), earlier.head.header("etag")),
        ("/a => /b # one\n", Some("MQ=="))
    );
    let deleted = world.get("/api/1/dtabs/web?revision=3").await;
    assert_eq!(
        (deleted.head.status, deleted.body.as_str()),
        (404, "namespace web was deleted by revision 3")
    );
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let world = World::new().await;
    let dry = |method: &str, namespace: &str, text: &str| {
        let target = format!("/api/1/dtabs/{namespace}?dryRun=true");
        Request::new(method, &target)
            .body(DTAB, text)
            .send(world.address)
    };
    let new = dry("POST", "web", "/a => /#/disco/b").await;
    assert_eq!(
        (new.head.status, new.body.as_str()),
        (200, "{\"version\":null,\"lints\":[]}\n")
    );
    assert_eq!(world.json("/api/1/dtabs").await, json!([]));
    world.put("web", "/a => /#/disco/b").await;
    let existing = dry("PUT", "web", "/a => /#/disco/c").await;
    assert_eq!(existing.body, "{\"version\":\"MQ==\",\"lints\":[]}\n");
    assert_eq!(dry("POST", "web", "/a => /b").await.head.status, 409);
    assert_eq!(dry("PUT", "web", "/a =>").await.head.status, 400);
    assert_eq!(dry("DELETE", "web", "").await.head.status, 200);
    assert_eq!(dry("DELETE", "none", "").await.head.status, 404);
    assert_eq!(
        world.json("/api/1/dtabs/web").await,
        json!([{"prefix": "/a", "dst": "/#/disco/b"}])
    );
}

#[tokio::test]
async fn a_dtab_with_errors_is_refused_and_one_with_warnings_is_not() {
    let world = World::new().await;
    let cycle = world
        .put("web", "/ok => /#/disco;\n/a => /b;\n/b => /a;\n")
        .await;
    assert_eq!(cycle.head.status, 400, "{}", cycle.body);
    assert!(cycle.body.contains("dtab:2:"), "{}", cycle.body);
    let dry = Request::new("PUT", "/api/1/dtabs/web?dryRun=1").body(DTAB, "/a => /#/nobody/x");
    let dry = dry.send(world.address).await;
    let dry: serde_json::Value = serde_json::from_str(&dry.body).unwrap();
    assert_eq!(dry["lints"][0]["level"], json!("warning"), "{dry}");
    assert_eq!(
        (&dry["lints"][0]["line"], &dry["lints"][0]["column"]),
        (&json!(1), &json!(7)),
        "{dry}"
    );
    assert_eq!(world.put("web", "/a => /#/nobody/x").await.head.status, 204);
}

#[tokio::test]
async fn an_export_becomes_an_equal_store_elsewhere() {
    let (old, new) = (World::new().await, World::new().await);
    old.put("web", "/a => /b # kept").await;
    old.put("web", "/a => /c").await;
    old.put("api", "/a => /d").await;
    Request::new("DELETE", "/api/1/dtabs/api")
        .send(old.address)
        .await;
    let export = old.get("/api/1/export").await.body;
    let import = |target: &str| {
        Request::new("POST", target)
            .body("application/json", export.clone())
            .send(new.address)
    };
    assert_eq!(import("/api/1/import").await.head.status, 204);
    assert_eq!(new.get("/api/1/export").await.body, export);
    let again = import("/api/1/import").await;
    assert_eq!(again.head.status, 409);
    assert!(again.body.contains("api, web"), "{}", again.body);
    assert_eq!(import("/api/1/import?replace=true").await.head.status, 204);
    let read = new.get("/api/1/dtabs/web").await;
    assert_eq!(
        read.head.header("etag"),
        Some("Mw=="),
        "a version is never used twice"
    );
}
