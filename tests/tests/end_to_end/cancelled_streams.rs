//! Streams break off in every way that there is on either side, and nothing of them is left in the router; whoever does not break off is
//! served as if nobody did.

mod endpoint;
mod plan;
mod player;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tests::{Streamed, World, is_full, until};

use player::{Storm, Tally};

/// How many streams there are in all.
const LITTLE: usize = 3_000;
const FULL: usize = 200_000;

/// How much more memory the router may have than after a tenth of the streams.
const MORE_MEMORY: f64 = 0.05;

/// Endpoints of each service.
const ENDPOINTS: usize = 2;

/// How soon all is forgotten.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(10);

/// What is left of the streams when all are over.
#[derive(Debug)]
struct Left {
    resident: u64,
    tasks: f64,
    channels: f64,
}

#[test]
fn streams_that_break_off_in_every_way_leave_nothing_behind() {
    let streams = if is_full() { FULL } else { LITTLE };
    let mut world = World::new();
    let start = |_| Streamed::start(world.runtime().handle(), endpoint::serve);
    let endpoints: Vec<_> = (0..2 * ENDPOINTS).map(start).collect();
    for (name, endpoints) in plan::HOSTS.iter().zip(endpoints.chunks(ENDPOINTS)) {
        world.disco_of(name, endpoints.iter().map(Streamed::address));
    }
    let disco = world.dir().join("disco");
    // An endpoint that fails as it is told to is as good as any.
    world.start_router_for(
        "h2",
        &format!(
            "  dtab: /svc => /#/io.l5d.fs\n  client: {{failureAccrual: {{kind: none}}}}\n\
         namers: [{{kind: io.l5d.fs, rootDir: {}}}]\n",
            disco.display()
        ),
    );
    let storm = |seed, streams| {
        let storm = Storm {
            router: world.routers[0].address(),
            seed,
            left: AtomicUsize::new(streams),
            tally: Tally::default(),
            faults: Mutex::default(),
        };
        world.runtime().block_on(storm.rage());
        let faults = storm.faults.into_inner().expect("nobody panicked");
        let calm = &endpoints[..ENDPOINTS];
        let at_endpoints: Vec<_> = calm.iter().flat_map(Streamed::faults).collect();
        assert!(
            faults.is_empty() && at_endpoints.is_empty(),
            "seed {seed}: {faults:#?}, and at endpoints {at_endpoints:?}"
        );
        storm.tally
    };
    let _ = storm(1, streams / 10);
    let early = left(&world, &endpoints);
    let tally = storm(2, streams - streams / 10);
    let late = left(&world, &endpoints);
    println!("{tally}; {early:?}, then {late:?}");
    assert!(tally.answered.load(Ordering::Relaxed) > streams as u64 / 4);
    assert!(
        late.channels <= (2 * endpoints.len()) as f64 * cores(),
        "{late:?}"
    );
    assert!(late.tasks - late.channels <= early.tasks - early.channels);
    if is_full() {
        let growth = late.resident as f64 / early.resident as f64 - 1.0;
        assert!(growth < MORE_MEMORY, "{growth}");
    }
}

/// How many workers the router has.
fn cores() -> f64 {
    thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

/// Waits until nothing is left but what is kept for the next stream, and tells what that is.
fn left(world: &World, endpoints: &[Streamed]) -> Left {
    let mut counts = Vec::new();
    until("all is over", FORGOTTEN_WITHIN, || {
        let metrics = world.metrics(0);
        let at_endpoints = endpoints.iter().map(Streamed::open).sum::<u64>() as f64;
        let open = [
            sum(&metrics, "", "/pending"),
            sum(&metrics, "/server/", "/connections"),
            at_endpoints,
        ];
        let tasks = metrics["process/tasks"].as_f64().expect("it is counted");
        counts.push((tasks, sum(&metrics, "/client/", "/connections")));
        let has_settled = counts.iter().rev().take(SETTLED).collect::<Vec<_>>();
        let has_settled =
            counts.len() > SETTLED && has_settled.iter().all(|count| *count == has_settled[0]);
        open == [0.0; 3] && has_settled
    });
    let (tasks, channels) = counts.pop().expect("one was taken");
    Left {
        resident: world.routers[0].process.resident(),
        tasks,
        channels,
    }
}

/// How often in a row the same must be counted.
const SETTLED: usize = 20;

/// The sum of all metrics whose names are like this.
fn sum(metrics: &Value, middle: &str, end: &str) -> f64 {
    let metrics = metrics.as_object().expect("an object").iter();
    let meant = metrics.filter(|(name, _)| name.contains(middle) && name.ends_with(end));
    meant.filter_map(|(_, value)| value.as_f64()).sum()
}
