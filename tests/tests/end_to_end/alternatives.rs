//! A name that dies gives way to the alternative that its namerd's dtab has, and comes back.

use std::time::Duration;

use tests::{World, until};

const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn the_alternative_in_namerds_dtab_is_taken_while_the_first_name_is_dead() {
    let mut world = World::new();
    world.start_namerd();
    let [mut first, other] = ["first", "other"].map(|version| world.backend(version));
    world.dtab(
        "default",
        &format!("/svc/web => {} | {}", first.path(), other.path()),
    );
    let namerd = world.namerds[0].mesh().port();
    let interpreter = format!(
        "  interpreter: {{kind: io.l5d.mesh, dst: /$/inet/127.0.0.1/{namerd}, root: /default}}\n"
    );
    let accrual = "failureAccrual: {kind: io.l5d.consecutiveFailures, failures: 2, backoff: {kind: constant, ms: 500}}";
    for min_live in ["minLiveShare: 0.5, ", ""] {
        let client = format!("  client: {{{min_live}{accrual}}}\n");
        world.start_router_with(&(interpreter.clone() + &client));
    }
    let answers = |router: usize, version: &str| {
        world.get_through(router, "web", &[]).version() == Some(version)
    };
    for router in [0, 1] {
        until("the first name answers", WITHIN, || {
            answers(router, "first")
        });
    }
    first.stop();
    until("the other one answers", WITHIN, || answers(0, "other"));
    assert_eq!(world.get_through(1, "web", &[]).status, 502);
    first.resume();
    for router in [0, 1] {
        until("the first answers again", WITHIN, || {
            answers(router, "first")
        });
    }
}
