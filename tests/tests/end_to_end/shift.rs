//! One update moves the traffic of every host, at once, and no request fails.

use std::time::Duration;

use tests::{Answer, Load, World, until};
use tokio::time::Instant;

/// Requests a second at each router while dtabs change.
const RATE: u32 = 500;

/// The dtab that gives v1 and v2 these weights.
fn weights(v1: u32, v2: u32) -> String {
    format!(
        "# which version answers\n\
         /srv => /#/io.l5d.fs ;\n\
         /svc/web => {v1} * /srv/v1 & {v2} * /srv/v2 ;\n"
    )
}

fn only(version: &str) -> String {
    format!("/svc/web => /#/io.l5d.fs/{version} ;")
}

/// Asserts that a router gives v2 this share of 10,000 requests, to within half a percent of them all where the shares
/// are lopsided. At even shares chance alone strays further: there it is four standard deviations.
fn check_share(world: &World, router: usize, share: f64) {
    let requests = 10_000;
    let v2 = world.count(router, "web", requests, "v2");
    let got = v2 as f64 / requests as f64;
    let deviation = (share * (1.0 - share) / requests as f64).sqrt();
    let tolerance = (4.0 * deviation).max(0.005);
    assert!(
        (got - share).abs() <= tolerance,
        "router {router} gave v2 {got}, not {share}"
    );
}

fn assert_none_failed(router: usize, answers: &[Answer]) {
    let failures: Vec<_> = answers.iter().filter_map(Answer::failure).collect();
    assert!(
        failures.is_empty(),
        "{} of {} requests failed at router {router}: {:?}",
        failures.len(),
        answers.len(),
        &failures[..failures.len().min(3)]
    );
}

/// Steady load at each router.
fn loads(world: &World) -> Vec<Load> {
    let loads: Vec<_> = (0..world.routers.len())
        .map(|router| world.load(router, RATE))
        .collect();
    until("load flows", Duration::from_secs(10), || {
        loads.iter().all(|load| load.count() > 0)
    });
    loads
}

#[test]
fn shares_follow_the_dtab_at_every_router_and_no_request_fails() {
    let world = World::fleet();
    world.dtab("default", &weights(99, 1));
    until(
        "both routers know the name",
        Duration::from_secs(10),
        || (0..2).all(|router| world.get_through(router, "web", &[]).status == 200),
    );
    let loads = loads(&world);
    for (v1, v2) in [(99, 1), (50, 50), (0, 100)] {
        let file = world.dir().join("web.dtab");
        std::fs::write(&file, weights(v1, v2)).expect("it can be written");
        let file = file.to_str().expect("a plain path");
        world
            .namerctl(1)
            .ok(&["dtab", "update", "default", file, "--wait=10s"]);
        for router in 0..world.routers.len() {
            check_share(&world, router, f64::from(v2) / 100.0);
        }
    }
    for (router, load) in loads.iter().enumerate() {
        let answers = load.take();
        assert!(answers.len() > RATE as usize, "{} answers", answers.len());
        assert_none_failed(router, &answers);
    }
}

#[test]
fn the_old_dtab_is_gone_within_milliseconds_after_namerctl_returns() {
    let world = World::fleet();
    world.dtab("default", &only("v1"));
    until("both routers route", Duration::from_secs(10), || {
        (0..2).all(|router| world.get_through(router, "web", &[]).version() == Some("v1"))
    });
    let loads = loads(&world);
    let mut lags = Vec::new();
    for change in 0..20 {
        let (old, new) = if change % 2 == 0 {
            ("v1", "v2")
        } else {
            ("v2", "v1")
        };
        loads.iter().for_each(|load| drop(load.take()));
        // Without --wait, and through either namerd: what counts is when the command returns.
        let file = world.dir().join("only.dtab");
        std::fs::write(&file, only(new)).expect("it can be written");
        let file = file.to_str().expect("a plain path");
        world
            .namerctl(change % 2)
            .ok(&["dtab", "update", "default", file]);
        let returned = Instant::now();
        until("answers come after it", Duration::from_secs(5), || {
            returned.elapsed() > Duration::from_millis(200)
        });
        for (router, load) in loads.iter().enumerate() {
            let answers = load.take();
            assert_none_failed(router, &answers);
            let late = answers.iter().filter(|answer| answer.is(old));
            let last = late.map(|answer| answer.ended.saturating_duration_since(returned));
            lags.push(last.max().unwrap_or_default());
            assert!(answers.iter().any(|answer| answer.is(new)), "nothing moved");
        }
    }
    lags.sort_unstable();
    let (median, worst) = (lags[lags.len() / 2], lags[lags.len() - 1]);
    println!("last answer under the old dtab: median {median:?}, worst {worst:?}");
    assert!(median <= Duration::from_millis(20), "median {median:?}");
    // One in forty may be the machine's: it has other guests, which can take it away from us for a while.
    let next_to_worst = lags[lags.len() - 2];
    assert!(
        next_to_worst <= Duration::from_millis(50),
        "worst but one {next_to_worst:?}"
    );
    assert!(worst <= Duration::from_millis(500), "worst {worst:?}");
}

#[test]
fn a_wait_ends_when_every_router_has_confirmed_and_names_the_one_that_has_not() {
    let world = World::fleet();
    world.dtab("default", &only("v1"));
    until("both routers route", Duration::from_secs(10), || {
        (0..2).all(|router| world.get_through(router, "web", &[]).status == 200)
    });
    let namerctl = world.namerctl(0);
    namerctl.ok(&["dtab", "update", "default", &only("v2"), "--wait=10s"]);
    // Not "soon": both routers have moved by now.
    for router in 0..2 {
        assert_eq!(world.get_through(router, "web", &[]).version(), Some("v2"));
    }
    // The other namerd hears of it a little later.
    until("the fleet shows both", Duration::from_secs(2), || {
        let revisions = revisions(&world);
        revisions.len() == 2 && revisions.iter().all(|(_, revision)| *revision == 2)
    });

    let paused = &world.routers[1];
    paused.process.signal("STOP");
    let said = namerctl.run(&["dtab", "update", "default", &only("v1"), "--wait=2s"]);
    paused.process.signal("CONT");
    assert_eq!(said.code, 6, "{}{}", said.out, said.err);
    assert_eq!(said.out, "Updated default\n");
    assert!(said.err.contains(paused.name()), "{}", said.err);
    assert!(!said.err.contains(world.routers[0].name()), "{}", said.err);
    until(
        "the paused router catches up",
        Duration::from_secs(10),
        || world.get_through(1, "web", &[]).version() == Some("v1"),
    );
}

/// The routers of the fleet and the revision of `default` that each runs, from either namerd.
fn revisions(world: &World) -> Vec<(String, u64)> {
    let said = world.namerctl(1).ok(&["fleet", "-o", "json"]);
    let fleet: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let routers = fleet["routers"].as_array().expect("a list").iter();
    let revision = |router: &serde_json::Value| {
        let revision = router["namespaces"]["default"]["revision"].as_u64()?;
        Some((router["id"].as_str()?.to_owned(), revision))
    };
    routers.filter_map(revision).collect()
}
