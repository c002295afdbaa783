//! What is wrong is refused with its place and reason, and changes nothing.

use std::fs;
use std::time::Duration;

use tests::{World, until};

const DTAB: &str = "/svc/web => /#/io.l5d.fs/v1 ; # as it was written\n";

fn world() -> World {
    let mut world = World::new();
    world.start_namerd();
    world.service("v1");
    world.service("v2");
    world.start_router();
    world.dtab("default", DTAB);
    until("the router routes", Duration::from_secs(10), || {
        world.get("web").version() == Some("v1")
    });
    world
}

#[test]
fn a_refused_update_says_where_and_why_and_changes_nothing() {
    let world = world();
    let namerctl = world.namerctl(0);
    let before = namerctl.ok(&["dtab", "get", "default"]);
    let file = world.dir().join("bad.dtab");
    fs::write(&file, "/svc => /a ;\n/b = /c\n").expect("it can be written");
    let file = file.to_str().expect("a plain path");
    let loops = "/a => /b ; /b => /a";
    let cases: [(&[&str], i32, &[&str]); 7] = [
        (
            &["dtab", "update", "default", file],
            7,
            &["bad.dtab:2:5", "/b = /c", "^"],
        ),
        (
            &["dtab", "update", "default", file, "--no-lint"],
            2,
            &["400", "2", "^"],
        ),
        (&["dtab", "update", "default", loops], 7, &["/a => /b", "^"]),
        (
            &["dtab", "update", "default", "/x => /y", "--version", "OTk="],
            3,
            &["412"],
        ),
        (&["dtab", "create", "default", "/x => /y"], 3, &["409"]),
        (&["dtab", "get", "nowhere"], 4, &["not found"]),
        (&["dtab", "delete", "nowhere"], 4, &["not found"]),
    ];
    for (args, code, reasons) in cases {
        let said = namerctl.run(args);
        assert_eq!(
            (said.code, said.out.as_str()),
            (code, ""),
            "{args:?}: {}",
            said.err
        );
        for reason in reasons {
            assert!(said.err.contains(reason), "{args:?}: {}", said.err);
        }
    }
    assert_eq!(namerctl.ok(&["dtab", "get", "default"]), before);
    assert_eq!(world.get("web").version(), Some("v1"));
    let history = namerctl.ok(&["dtab", "history", "default", "-o", "json"]);
    let history: Vec<serde_json::Value> = serde_json::from_str(&history).expect("JSON");
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["dtab"], DTAB);
}

#[test]
fn an_override_moves_its_own_request_and_no_other() {
    let world = world();
    let rules = "/svc/web => /#/io.l5d.fs/v2";
    for _ in 0..20 {
        let moved = world.get_through(0, "web", &[("l5d-dtab", rules)]);
        assert_eq!(moved.version(), Some("v2"));
        assert_eq!(world.get("web").version(), Some("v1"));
    }
    let bad = world.get_through(0, "web", &[("l5d-dtab", "/svc/web")]);
    assert_eq!(bad.status, 400);
    assert!(bad.header("l5d-err").is_some());
}

#[test]
fn a_name_that_nothing_knows_is_answered_with_what_explains_it() {
    let world = world();
    let reply = world.get("nobody");
    assert_eq!(reply.status, 502);
    assert!(
        reply.body.starts_with("Unable to route request!"),
        "{}",
        reply.body
    );
    let explain = reply
        .body
        .lines()
        .find_map(|line| line.strip_prefix("explain: namerctl "));
    let command = explain.expect("a command").replace('\'', "");
    let words: Vec<_> = command.split(' ').collect();
    assert!(world.namerctl(0).ok(&words).contains("/svc/nobody"));
}
