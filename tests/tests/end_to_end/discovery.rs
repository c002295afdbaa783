//! Files and endpoints that come and go are followed live, and cost no request.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tests::{Answer, Backend, Load, World, until};

/// A change must be followed so soon.
const SOON: Duration = Duration::from_secs(5);

const CYCLES: usize = 6;

/// A router that reads the files itself.
fn alone() -> World {
    let mut world = World::new();
    let disco = world.dir().join("disco");
    world.start_router_with(&format!(
        "  dtab: /svc => /#/io.l5d.fs\nnamers: [{{kind: io.l5d.fs, rootDir: {}}}]\n",
        disco.display()
    ));
    world
}

/// A router whose namerd reads them.
fn with_namerd() -> World {
    let mut world = World::new();
    world.start_namerd();
    world.dtab("default", "/svc => /#/io.l5d.fs");
    world.start_router();
    world
}

/// The file of the service `web`.
fn file(world: &World) -> PathBuf {
    world.dir().join("disco/web")
}

fn line(backend: &Backend) -> String {
    let address = backend.address();
    format!("{} {}\n", address.ip(), address.port())
}

/// `web` is answered by this version before long.
#[track_caller]
fn answers(world: &World, version: &str) {
    until(&format!("{version} answers"), SOON, || {
        world.get("web").version() == Some(version)
    });
}

/// There is no `web` before long.
#[track_caller]
fn is_gone(world: &World) {
    until("the name is gone", SOON, || {
        let reply = world.get("web");
        reply.version().is_none() && reply.status == 502
    });
}

fn check_files(world: &World) {
    let (one, two) = (world.backend("v1"), world.backend("v2"));
    let file = file(world);
    is_gone(world);
    fs::write(&file, line(&one)).expect("it appears");
    answers(world, "v1");
    fs::write(&file, line(&two)).expect("it is written over");
    answers(world, "v2");
    world.disco("web", &[&one]);
    answers(world, "v1");
    world.disco("web", &[&one, &two]);
    answers(world, "v2");
    answers(world, "v1");
    let bad_line = format!("{}no address\n", line(&two));
    fs::write(&file, bad_line).expect("it is written over");
    // Both have answered until now: a single answer says nothing.
    until("only v2 answers", SOON, || {
        world.count(0, "web", 20, "v2") == 20
    });
    fs::remove_file(&file).expect("it disappears");
    is_gone(world);
    world.disco("web", &[&one]);
    answers(world, "v1");
}

#[test]
fn a_router_follows_files_that_appear_change_move_and_disappear() {
    check_files(&alone());
}

#[test]
fn a_router_follows_the_files_that_its_namerd_reads() {
    check_files(&with_namerd());
}

/// The next answers of a load; none of them may be a failure.
#[track_caller]
fn no_failure(load: &Load, answers: usize) -> Vec<Answer> {
    until("the load goes on", SOON, || load.count() >= answers);
    let answers = load.take();
    let failures: Vec<&str> = answers.iter().filter_map(Answer::failure).collect();
    assert!(failures.is_empty(), "{failures:?}");
    answers
}

/// The load meets this version before long.
#[track_caller]
fn meets(load: &Load, version: &str) {
    until(&format!("{version} answers"), SOON, || {
        no_failure(load, 1).iter().any(|answer| answer.is(version))
    });
}

/// The load no longer meets this version.
#[track_caller]
fn no_longer_meets(load: &Load, version: &str) {
    until(&format!("{version} is spared"), SOON, || {
        !no_failure(load, 20).iter().any(|answer| answer.is(version))
    });
}

fn check_members(world: &World) {
    let (one, two) = (world.backend("v1"), world.backend("v2"));
    world.disco("web", &[&one, &two]);
    answers(world, "v1");
    let load = world.load(0, 400);
    for _ in 0..CYCLES {
        world.disco("web", &[&one]);
        no_longer_meets(&load, "v2");
        world.disco("web", &[&one, &two]);
        meets(&load, "v2");
        world.disco("web", &[&two]);
        no_longer_meets(&load, "v1");
        world.disco("web", &[&two, &one]);
        meets(&load, "v1");
    }
}

#[test]
fn endpoints_enter_and_leave_a_router_s_file_under_load_without_a_failure() {
    check_members(&alone());
}

#[test]
fn endpoints_enter_and_leave_a_namerd_s_file_under_load_without_a_failure() {
    check_members(&with_namerd());
}

#[test]
fn an_endpoint_that_dies_and_comes_back_fails_no_request_that_another_can_take() {
    let world = alone();
    let (stays, mut dies) = (world.backend("stays"), world.backend("dies"));
    world.disco("web", &[&stays, &dies]);
    answers(&world, "stays");
    // One request at a time: then the dying endpoint cuts at most one, and that on a connection of the pool. A request
    // that is cut on a new connection was sent, and may have been seen.
    let router = world.routers[0].address();
    let load = Load::start(world.runtime().handle(), router, "web", 400, 1);
    for _ in 0..CYCLES {
        meets(&load, "dies");
        meets(&load, "dies");
        dies.stop();
        no_failure(&load, 40);
        dies.resume();
    }
    meets(&load, "dies");
}
