//! Streams on which nothing flows cost a little memory, and nothing of it stays.

use std::time::Duration;

use tests::{Idle, Streamed, World, is_full, until};

/// Connections, and streams of each.
const LITTLE: (usize, usize) = (20, 50);
const FULL: (usize, usize) = (100, 100);

/// What each stream may cost. With the program that is shipped it is less.
const BYTES_EACH: u64 = 12 * 1024;

#[test]
fn streams_on_which_nothing_flows_cost_memory_only() {
    let (connections, each) = if is_full() { FULL } else { LITTLE };
    let mut world = World::new();
    let endpoint = Streamed::idle(world.runtime().handle());
    world.start_router_for("h2", &format!("  dtab: /svc/web => {}\n", endpoint.path()));
    let router = &world.routers[0];
    let open = |connections, each| {
        let opening = Idle::open(router.address(), "web", connections, each);
        world.runtime().block_on(opening).expect("all are answered")
    };
    let first = open(2, 2);
    let resident = router.process.resident();
    let idle = open(connections, each);
    let grown = router.process.resident().saturating_sub(resident);
    let streams = (connections * each) as u64;
    println!("{} bytes for each of {streams} streams", grown / streams);
    assert!(grown <= streams * BYTES_EACH, "{grown} bytes");
    let all = streams + first.count() as u64;
    assert_eq!(endpoint.open(), all);
    drop((first, idle));
    until("all are forgotten", Duration::from_secs(10), || {
        endpoint.open() == 0
    });
}
