//! An alternative takes over when too few endpoints of the name before it are alive.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tokio::time::Instant;

use crate::world::{Backend, Client, PATIENCE, World, inet, nobody};

/// Which names are passed over, and for how long an endpoint that fails twice is left alone.
fn client(min_live: &str, backoff_ms: u32) -> String {
    format!(
        "  client: {{{min_live}failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: 2, backoff: {{kind: constant, ms: {backoff_ms}}}}}}}\n"
    )
}

/// Asks until this is the answer.
fn until(world: &World, body: &str) {
    let begun = Instant::now();
    loop {
        let reply = world.get("web");
        if reply.body == body {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{} instead of {body}",
            reply.body
        );
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_alternative_is_taken_when_too_few_endpoints_are_alive() {
    let other = Backend::named("other");
    let dtab = format!(
        "  dtab: /svc/web => {} | {}\n",
        inet(nobody()),
        other.path()
    );
    let router = |min_live: &str| World::with(&(dtab.clone() + &client(min_live, 60_000)), "");
    let without = router("");
    let with = router("minLiveShare: 0.5, ");
    for world in [&without, &with] {
        for _ in 0..2 {
            assert_eq!(world.get("web").status(), 502);
        }
    }
    until(&with, "other");
    assert_eq!(with.get("web").status(), 200);
    assert_eq!(without.get("web").status(), 502);
}

#[test]
fn a_name_whose_endpoints_recover_is_taken_again() {
    let is_well = Arc::<AtomicBool>::default();
    let answers_well = Arc::clone(&is_well);
    let first = Backend::answering(move |_| {
        let (status, body) = match answers_well.load(Ordering::Relaxed) {
            true => ("200 OK", "first"),
            false => ("500 Oh", "ill"),
        };
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
    });
    let other = Backend::named("other");
    let dtab = format!("  dtab: /svc/web => {} | {}\n", first.path(), other.path());
    let world = World::with(&(dtab + &client("minLiveShare: 1, ", 1000)), "");
    assert_eq!(world.get("web").body, "ill");
    assert_eq!(world.get("web").body, "ill");
    until(&world, "other");
    is_well.store(true, Ordering::Relaxed);
    until(&world, "first");
    for _ in 0..3 {
        sleep(Duration::from_millis(300));
        assert_eq!(world.get("web").body, "first");
    }
}

#[test]
fn a_reload_that_makes_alternatives_matter_asks_for_them() {
    let other = Backend::named("other");
    let file = |min_live: &str| {
        format!(
            "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0}}]\n  dtab: {}\n{}",
            format_args!("/svc/web => {} | {}", inet(nobody()), other.path()),
            client(min_live, 60_000)
        )
    };
    let (before, after) = (file(""), file("minLiveShare: 0.5, "));
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("router.yaml");
    fs::write(&path, before).expect("it can be written");
    let world = World::from_file(&path);
    assert_eq!(world.get("web").status(), 502);
    fs::write(&path, after).expect("it can be written");
    let reload = "POST /admin/reload HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(Client::to(world.admin()).send(reload).status(), 200);
    until(&world, "other");
}
