//! gRPC's interoperability cases: what a call through the router is, is what it is without one.

pub(crate) mod cases;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tests::grpc::testing::StreamingOutputCallRequest;
use tests::grpc::{Client, GrpcServer, Talk, channel, client};
use tests::{Lineage, World, until};
use tokio::time::timeout;

use self::cases::{CASES, LONG, output};

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
fn cases_pass_through_a_router_for_http_that_takes_both_versions() {
    let world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    let yaml = format!(
        "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  label: proxy\n  \
         servers: [{{port: 0, h2c: true}}]\n  client: {{h2: true}}\n  dtab: /svc/web => {}\n",
        server.path()
    );
    let router = Lineage::start(world.dir(), &yaml);
    check(&world, router.address());
    until("no call is left", WITHIN, || server.seen().open() == 0);
}

#[test]
fn a_client_that_goes_away_ends_its_calls_at_the_server() {
    let mut world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    let router = router(&mut world, &server.path());
    let seen = server.seen();
    let runtime = world.runtime();
    let connect = || runtime.block_on(channel(router, "web")).map(client);
    let stays = connect().expect("the router accepts");
    // The second message never comes.
    let mut asked = output(&[1, 1], LONG);
    let begin = async |client: &Client, asked: &StreamingOutputCallRequest| {
        let call = client.clone().streaming_output_call(asked.clone()).await;
        call.expect("it begins").into_inner()
    };
    let abandoned = |what: &str, count| {
        until(what, WITHIN, || {
            (seen.abandoned(), seen.open()) == (count, 0)
        });
    };
    drop(runtime.block_on(begin(&stays, &asked)));
    abandoned("a call before its first message is over", 1);

    asked.response_parameters[0].interval_us = 0;
    let mut answers = runtime.block_on(begin(&stays, &asked));
    let first = runtime.block_on(answers.message()).expect("a message");
    assert!(first.is_some());
    drop(answers);
    abandoned("a call after its first message is over", 2);

    let goes = connect().expect("the router accepts");
    let calls: Vec<_> = (0..10)
        .map(|_| runtime.block_on(begin(&goes, &asked)))
        .collect();
    assert_eq!(seen.open(), 10);
    drop((goes, calls));
    abandoned("the calls of a connection that is lost are over", 12);

    // Whose end tonic takes for the end of the requests.
    drop(runtime.block_on(Talk::begin(&stays)).expect("it begins"));
    until("a call with a stream of requests is over", WITHIN, || {
        seen.open() == 0
    });
}
