//! Requests do not notice that namerds die, and what is updated afterwards is live as soon as ever.

use std::time::Duration;

use tests::{World, until};

use crate::traffic::Traffic;

/// An update is live everywhere so soon after it was acknowledged.
const LIVE_WITHIN: Duration = Duration::from_secs(2);

/// How long an outage lasts.
const OUTAGE: Duration = Duration::from_secs(3);

fn web_is(version: &str) -> String {
    format!("/svc => /#/io.l5d.fs; /svc/web => /#/io.l5d.fs/{version};")
}

#[test]
fn routers_go_to_the_other_namerd_when_theirs_dies() {
    let mut world = World::fleet();
    world.dtab("default", &web_is("v1"));
    let mut traffic = Traffic::through(&world, &[0, 1]);
    traffic.becomes("v1", LIVE_WITHIN);
    // A router prefers the first of its list, so this one serves both.
    world.namerds[0].process.kill();
    world.dtab_through(1, "default", &web_is("v2"));
    traffic.becomes("v2", LIVE_WITHIN);
    world.namerds[0].restart();
    world.namerds[1].process.kill();
    world.dtab_through(0, "default", &web_is("v1"));
    traffic.becomes("v1", LIVE_WITHIN);
    traffic.goes_on(OUTAGE);
}

#[test]
fn routers_serve_without_any_namerd_and_follow_again_when_they_are_back() {
    let mut world = World::fleet();
    world.dtab("default", &web_is("v1"));
    let mut traffic = Traffic::through(&world, &[0, 1]);
    traffic.becomes("v1", LIVE_WITHIN);
    for namerd in &mut world.namerds {
        namerd.process.kill();
    }
    traffic.goes_on(OUTAGE);
    for namerd in &mut world.namerds {
        namerd.restart();
    }
    world.dtab_through(1, "default", &web_is("v2"));
    traffic.becomes("v2", LIVE_WITHIN);
    world.dtab_through(0, "default", &web_is("v1"));
    traffic.becomes("v1", LIVE_WITHIN);
}

#[test]
fn a_router_that_starts_without_any_namerd_serves_what_it_knew() {
    let mut world = World::fleet();
    world.dtab("default", &web_is("v1"));
    let mut traffic = Traffic::through(&world, &[0, 1]);
    traffic.becomes("v1", LIVE_WITHIN);
    traffic.goes_on(OUTAGE);
    for namerd in &mut world.namerds {
        namerd.process.kill();
    }
    // The restarted one refuses connections for a moment; the load at the other goes on.
    drop(traffic);
    let mut traffic = Traffic::through(&world, &[0]);
    world.routers[1].restart();
    until("web is known again", Duration::from_secs(3), || {
        world.get_through(1, "web", &[]).version() == Some("v1")
    });
    traffic.goes_on(OUTAGE);

    let mut traffic = Traffic::through(&world, &[0, 1]);
    for namerd in &mut world.namerds {
        namerd.restart();
    }
    world.dtab("default", &web_is("v2"));
    traffic.becomes("v2", LIVE_WITHIN);
    world.dtab("default", &web_is("v1"));
    traffic.becomes("v1", LIVE_WITHIN);
}
