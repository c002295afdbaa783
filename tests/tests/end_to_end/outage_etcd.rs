//! Whatever happens to etcd, requests go by the last dtab that was known, and by the newest once it is known again.

use std::thread;
use std::time::Duration;

use serde_json::Value;
use tests::{Etcd, World, until};

use crate::traffic::Traffic;

/// All is right so soon after etcd, or a namerd, is back.
const RIGHT_WITHIN: Duration = Duration::from_secs(5);

fn web_is(version: &str) -> String {
    format!("/svc => /#/io.l5d.fs; /svc/web => /#/io.l5d.fs/{version};")
}

fn fleet_at_v1() -> (World, Traffic) {
    let world = World::fleet();
    world.dtab("default", &web_is("v1"));
    let mut traffic = Traffic::through(&world, &[0, 1]);
    traffic.becomes("v1", RIGHT_WITHIN);
    (world, traffic)
}

fn etcd(world: &World) -> &Etcd {
    world.etcd.as_ref().expect("a fleet has an etcd")
}

/// The changes of a namespace, the newest first, as the namerd of this index tells them.
fn history(world: &World, namerd: usize, namespace: &str) -> Vec<Value> {
    let shown = world
        .namerctl(namerd)
        .ok(&["dtab", "history", namespace, "-o", "json"]);
    serde_json::from_str(&shown).expect("a list in JSON")
}

#[test]
fn while_etcd_is_away_requests_go_on_and_writes_are_refused() {
    let (mut world, mut traffic) = fleet_at_v1();
    let before = history(&world, 0, "default");
    world.etcd.as_mut().expect("a fleet has an etcd").kill();
    writes_are_refused(&world);
    for router in 0..2 {
        let reply = world.get_through(router, "v2", &[]);
        assert_eq!(reply.version(), Some("v2"), "a name that was never asked");
    }
    for namerd in 0..2 {
        let dtab = world.namerctl(namerd).ok(&["dtab", "get", "default"]);
        assert!(dtab.contains("/v1"), "{dtab}");
    }
    traffic.goes_on(Duration::from_secs(2));

    world.etcd.as_mut().expect("a fleet has an etcd").restart();
    assert_eq!(history(&world, 0, "default"), before);
    world.dtab_through(1, "default", &web_is("v2"));
    traffic.becomes("v2", RIGHT_WITHIN);
    let names = world.namerctl(1).ok(&["dtab", "list"]);
    assert_eq!(names, "default\n", "nothing of what was refused was done");
    assert_eq!(history(&world, 1, "default")[1..], before);
}

/// Tries all kinds of them, at once since each has its own patience.
fn writes_are_refused(world: &World) {
    let file = world.dir().join("refused.dtab");
    std::fs::write(&file, web_is("v2")).expect("it can be written");
    let file = file.to_str().expect("a plain path");
    let refused = |namerd: usize, args: &[&str]| {
        let said = world.namerctl(namerd).run(args);
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        assert!(said.err.contains("etcd"), "{args:?}: {said:?}");
    };
    thread::scope(|scope| {
        scope.spawn(|| refused(0, &["dtab", "update", "default", file]));
        scope.spawn(|| refused(1, &["dtab", "delete", "default"]));
        scope.spawn(|| refused(1, &["dtab", "create", "another", file]));
    });
}

#[test]
fn etcd_killed_and_started_again_loses_nothing() {
    let (mut world, mut traffic) = fleet_at_v1();
    for version in ["v2", "v1", "v2"] {
        world.etcd.as_mut().expect("a fleet has an etcd").kill();
        world.etcd.as_mut().expect("a fleet has an etcd").restart();
        world.dtab("default", &web_is(version));
        traffic.becomes(version, RIGHT_WITHIN);
    }
    traffic.goes_on(Duration::from_secs(1));
    for namerd in 0..2 {
        let revisions = history(&world, namerd, "default");
        let revisions = revisions.iter().map(|change| change["revision"].as_u64());
        assert!(revisions.eq((1..=4).rev().map(Some)), "by namerd {namerd}");
    }
}

#[test]
fn a_namerd_that_missed_what_etcd_has_compacted_knows_the_newest_dtab() {
    let (mut world, traffic) = fleet_at_v1();
    drop(traffic);
    // This router has only the namerd that will be cut off.
    let cut_off = world.namerds[0].mesh().port();
    world.start_router_with(&format!(
        "  interpreter: {{kind: io.l5d.mesh, dst: /$/inet/127.0.0.1/{cut_off}, root: /default}}\n"
    ));
    let mut traffic = Traffic::through(&world, &[0, 1, 2]);
    traffic.becomes("v1", RIGHT_WITHIN);

    world.namerds[0].process.signal("STOP");
    // Else the kernel would keep what etcd says until the namerd can hear it.
    world.etcd.as_mut().expect("a fleet has an etcd").restart();
    for version in ["v2", "v1", "v2"] {
        world.dtab_through(1, "default", &web_is(version));
    }
    compact(etcd(&world));
    traffic.goes_on(Duration::from_secs(1));
    world.namerds[0].process.signal("CONT");
    traffic.becomes("v2", RIGHT_WITHIN);
    traffic.goes_on(Duration::from_secs(1));
    assert_eq!(history(&world, 0, "default").len(), 4);
}

/// Makes etcd forget all that isn't the newest.
fn compact(etcd: &Etcd) {
    let status = etcd.etcdctl(&["get", "/", "-w", "json"]);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    etcd.etcdctl(&["compact", &status["header"]["revision"].to_string()]);
}

#[test]
fn what_is_done_to_etcd_past_the_namerds_is_taken_in() {
    let (world, mut traffic) = fleet_at_v1();
    world.dtab("spare", "/svc => /$/fail;");
    etcd(&world).etcdctl(&["del", "/namerd/dtabs/spare"]);
    until("the namespace is gone", RIGHT_WITHIN, || {
        (0..2).all(|namerd| world.namerctl(namerd).ok(&["dtab", "list"]) == "default\n")
    });
    etcd(&world).etcdctl(&["put", "/namerd/dtabs/default", &web_is("v2")]);
    traffic.becomes("v2", RIGHT_WITHIN);
    for namerd in 0..2 {
        let spare = history(&world, namerd, "spare");
        is_by_unknown(&spare, "delete", &Value::Null);
        assert_eq!(spare[1]["dtab"], "/svc => /$/fail;");
        let default = history(&world, namerd, "default");
        is_by_unknown(&default, "external", &web_is("v2").into());
        assert_eq!(default[1]["dtab"], web_is("v1"));
    }
    traffic.goes_on(Duration::from_secs(1));
}

#[track_caller]
fn is_by_unknown(history: &[Value], action: &str, dtab: &Value) {
    assert_eq!(history.len(), 2, "{history:?}");
    let newest = &history[0];
    assert_eq!(newest["author"], "unknown");
    assert_eq!(newest["action"], action);
    assert_eq!(&newest["dtab"], dtab);
}
