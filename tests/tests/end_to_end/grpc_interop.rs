//! gRPC's interoperability cases: what a call through the router is, is what it is without one.

pub(crate) mod cases;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tests::grpc::{GrpcServer, Seen, channel, client};
use tests::{World, until};
use tokio::time::timeout;

use self::cases::{CASES, Case, LONG, output};

/// How long a case may take.
const WITHIN: Duration = Duration::from_secs(20);

/// Runs all cases against a router or a server, and reports all that fail.
pub(crate) fn check(world: &World, address: SocketAddr) {
    let mut failed = Vec::new();
    for (name, case) in CASES {
        let ran = async {
            let channel = channel(address, "web").await?;
            timeout(WITHIN, case(channel)).await.context("no end")?
        };
        if let Err(error) = world.runtime().block_on(ran) {
            failed.push(format!("{name}: {error:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A router for gRPC in front of a server.
pub(crate) fn router(world: &mut World, server: &str) -> SocketAddr {
    world.start_router_for("h2", &format!("  dtab: /svc/web => {server}\n"));
    world.routers[0].address()
}

#[test]
fn cases_pass_without_a_router() {
    let world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    check(&world, server.address());
}

#[test]
fn cases_pass_through_the_router() {
    let mut world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    let router = router(&mut world, &server.path());
    check(&world, router);
    until("no call is left", WITHIN, || server.seen().open() == 0);
}

#[test]
fn a_client_that_goes_away_ends_its_call_at_the_server() {
    let mut world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    let router = router(&mut world, &server.path());
    let seen = server.seen();
    let abandoned = |count| {
        until("the server knows", WITHIN, || {
            (seen.abandoned(), seen.open()) == (count, 0)
        });
    };
    let begun = |case: Case, count| {
        let ran = async { case(channel(router, "web").await?).await };
        world.runtime().block_on(ran).expect("it is cancelled");
        abandoned(count);
    };
    begun(|channel| Box::pin(cases::cancel_after_begin(channel)), 1);
    begun(
        |channel| Box::pin(cases::cancel_after_first_response(channel)),
        2,
    );
    begun(
        |channel| Box::pin(cases::timeout_on_sleeping_server(channel)),
        3,
    );
    // The whole connection goes.
    world.runtime().block_on(lose_a_connection(router, seen));
    abandoned(13);
}

/// A connection with ten open calls, dropped as a process that ends drops it.
async fn lose_a_connection(router: SocketAddr, seen: &Seen) {
    let mut client = client(channel(router, "web").await.expect("it connects"));
    let mut calls = Vec::new();
    for _ in 0..10 {
        let call = client.streaming_output_call(output(&[1, 1], LONG));
        calls.push(call.await.expect("it begins"));
    }
    assert_eq!(seen.open(), 10);
}
