//! What the router itself says to a gRPC client: a status of gRPC and words that tell what to look at, never bare HTTP.

use std::time::Duration;

use tests::grpc::testing::Empty;
use tests::grpc::{Client, GrpcServer, Grpcio, Talk, channel, client};
use tests::{Router, World, until};
use tonic::{Code, Request, Status};

use crate::grpc_interop::cases::{LONG, output};
use crate::grpc_interop::router;

const WITHIN: Duration = Duration::from_secs(10);

fn connect(world: &World, authority: &str) -> Client {
    let router = world.routers.first().map(Router::address);
    let channel = channel(router.expect("a router"), authority);
    client(world.runtime().block_on(channel).expect("it accepts"))
}

#[track_caller]
fn check(status: &Status, code: Code, says: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    assert!(status.message().contains(says), "{status:?}");
}

#[test]
fn calls_that_go_nowhere_are_unavailable() {
    let mut world = World::new();
    let mut server = GrpcServer::start(world.runtime().handle(), "one");
    server.stop();
    router(&mut world, &server.path());
    let refused = |authority| {
        let mut client = connect(&world, authority);
        let answer = world.runtime().block_on(client.empty_call(Empty {}));
        answer.expect_err("nobody answers")
    };
    check(&refused("nobody"), Code::Unavailable, "/svc/nobody");
    let port = server.address().port().to_string();
    check(&refused("web"), Code::Unavailable, &port);
}

#[test]
fn a_deadline_holds_although_neither_side_keeps_it() {
    let mut world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    router(&mut world, &server.path());
    let mut client = connect(&world, "web");
    // One message at once, the other never. With headers tonic's own clocks stop.
    let mut asked = output(&[1, 1], LONG);
    asked.response_parameters[0].interval_us = 0;
    let mut request = Request::new(asked);
    request.set_timeout(Duration::from_millis(500));
    let status = world.runtime().block_on(async {
        let mut answers = client.streaming_output_call(request).await?.into_inner();
        answers.message().await?;
        answers.message().await
    });
    check(&status.expect_err("an end"), Code::DeadlineExceeded, "");
    until("the server knows", WITHIN, || {
        server.seen().abandoned() == 1
    });
}

#[test]
fn a_call_whose_server_dies_is_unavailable() {
    let Some(grpcio) = Grpcio::find() else {
        return;
    };
    let mut world = World::new();
    let mut server = grpcio.server("python").expect("it starts");
    router(&mut world, &server.path());
    let client = connect(&world, "web");
    let runtime = world.runtime();
    let mut talk = runtime.block_on(Talk::begin(&client)).expect("it begins");
    server.process.kill();
    let error = runtime
        .block_on(talk.go_on_for(WITHIN))
        .expect_err("it ends");
    let status = error.downcast_ref::<Status>().expect("with a status");
    check(status, Code::Unavailable, "");
}
