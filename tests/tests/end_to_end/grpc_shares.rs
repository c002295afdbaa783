//! Calls are balanced, not connections: servers of one service get even shares, however few connections the calls come on,
//! and again after a rolling restart, in which no call fails.

use std::net::SocketAddr;
use std::time::Duration;

use tests::grpc::{Calls, Client, GrpcServer, Tally, channel, client};
use tests::{World, is_full, until};

/// How much is done.
struct Size {
    calls: u64,
    callers: usize,
    /// By how much the shares of two servers may differ.
    ///
    /// A fair coin for each of n calls, which is the worst that may be, makes the difference of two shares one whose standard
    /// deviation is 1/√n: 1 % of 10,000 calls, 0.32 % of 100,000. So chance exceeds the bound once in 1.7 million runs
    /// (5 deviations) or in 4 thousand million (6.3).
    difference: f64,
}

const LITTLE: Size = Size {
    calls: 10_000,
    callers: 200,
    difference: 0.05,
};
const FULL: Size = Size {
    calls: 100_000,
    callers: 200,
    difference: 0.02,
};

/// How soon after a restart the shares must be even again.
const EVEN_WITHIN: Duration = Duration::from_secs(5);

/// A server that was away is tried again so soon. By default it takes five seconds and more.
const POLICY: &str = "  client: {failureAccrual: {kind: io.l5d.consecutiveFailures, failures: 5, backoff: {kind: constant, ms: 500}}}\n";

/// Two servers of one service, and a router in front of them.
fn service(world: &mut World, policy: &str) -> ([GrpcServer; 2], SocketAddr) {
    let servers = ["one", "two"].map(|name| GrpcServer::start(world.runtime().handle(), name));
    world.disco_of("web", servers.iter().map(GrpcServer::address));
    let yaml = world.by_files(policy);
    world.start_router_for("h2", &yaml);
    (servers, world.routers[0].address())
}

/// Clients with a connection each.
fn clients(world: &World, router: SocketAddr, count: usize) -> Vec<Client> {
    let connect = async || Ok(client(channel(router, "web").await?));
    let clients = (0..count).map(|_| world.runtime().block_on(connect()));
    let clients: anyhow::Result<_> = clients.collect();
    clients.expect("the router accepts")
}

fn difference(tally: &Tally) -> f64 {
    (tally.share("one") - tally.share("two")).abs()
}

fn check_even(connections: usize) {
    let size = if is_full() { FULL } else { LITTLE };
    let mut world = World::new();
    let (_servers, router) = service(&mut world, "");
    let clients = clients(&world, router, connections);
    let runtime = world.runtime().handle();
    let tally = Calls::make(runtime, &clients, size.callers, size.calls);
    tally.assert_well();
    assert_eq!(tally.sum(), size.calls);
    let difference = difference(&tally);
    eprintln!("{connections} connections: {:?}", tally.answered);
    assert!(difference <= size.difference, "{:?}", tally.answered);
}

#[test]
fn six_connections_are_shared_evenly() {
    check_even(6);
}

#[test]
fn one_connection_is_shared_evenly() {
    check_even(1);
}

#[test]
fn a_rolling_restart_fails_no_call_and_leaves_even_shares() {
    let mut world = World::new();
    let (mut servers, router) = service(&mut world, POLICY);
    let clients = clients(&world, router, 6);
    let calls = Calls::start(world.runtime().handle(), &clients, 50);
    let flow = |server: &GrpcServer| {
        let before = server.seen().begun();
        until("calls come to the server", EVEN_WITHIN, || {
            server.seen().begun() > before + 100
        });
    };
    servers.iter().for_each(flow);
    for index in 0..servers.len() {
        servers[index].stop();
        // It is away for a while, and the other one has all the calls.
        flow(&servers[1 - index]);
        servers[index].resume();
        // As whoever rolls waits for a server to be well before the next one goes.
        flow(&servers[index]);
    }
    calls.take().assert_well();
    let mut last = Tally::default();
    until("the shares are even", EVEN_WITHIN, || {
        if last.sum() >= 2_000 {
            last = Tally::default();
        }
        let more = calls.take();
        more.assert_well();
        for (name, count) in more.answered {
            *last.answered.entry(name).or_default() += count;
        }
        // 1/√2000 is 2.2 %, and chance exceeds five times that as seldom as above.
        last.sum() >= 2_000 && difference(&last) <= 0.11
    });
    eprintln!("after the restart: {:?}", last.answered);
}
