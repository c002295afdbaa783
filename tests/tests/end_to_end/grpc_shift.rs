//! An update of a dtab moves new calls, and leaves open streams where they are.

use std::time::Duration;

use anyhow::Result;
use tests::World;
use tests::grpc::{Calls, Client, GrpcServer, Talk, channel, client};
use tokio::task::JoinSet;

/// Calls of which the shares are taken.
const CALLS: u64 = 2_000;

const STREAMS: usize = 20;

/// How long the streams go on after each update.
const GO_ON: Duration = Duration::from_millis(300);

/// Makes these the weights of both servers at once.
fn shift(world: &World, servers: &[GrpcServer; 2], weights: [u32; 2]) {
    let ([v1, v2], [one, two]) = (weights, servers);
    let dtab = format!(
        "/svc/web => {v1} * {} & {v2} * {} ;",
        one.path(),
        two.path()
    );
    world.dtab("default", &dtab);
    world
        .namerctl(0)
        .ok(&["dtab", "update", "default", &dtab, "--wait=10s"]);
}

/// Asserts that new calls go by the weights. Chance strays further than five and a half standard deviations once in 26
/// million times.
fn check_share(world: &World, client: &Client, share: f64) {
    let clients = std::slice::from_ref(client);
    let tally = Calls::make(world.runtime().handle(), clients, 20, CALLS);
    tally.assert_well();
    let got = tally.share("two");
    let deviation = (share * (1.0 - share) / CALLS as f64).sqrt();
    assert!(
        (got - share).abs() <= 5.5 * deviation,
        "{got}, not {share}: {:?}",
        tally.answered
    );
}

/// Lets all streams go on for a while, at the servers where they are.
fn go_on(world: &World, talks: Vec<Talk>) -> Vec<Talk> {
    let mut going: JoinSet<Result<Talk>> = JoinSet::new();
    for mut talk in talks {
        let go_on = async move {
            talk.go_on_for(GO_ON).await?;
            Ok(talk)
        };
        going.spawn_on(go_on, world.runtime().handle());
    }
    let gone = world.runtime().block_on(going.join_all());
    let gone: Result<_> = gone.into_iter().collect();
    gone.expect("every stream goes on")
}

#[test]
fn new_calls_follow_the_dtab_and_open_streams_stay() {
    let mut world = World::new();
    world.start_namerd();
    let servers = ["one", "two"].map(|name| GrpcServer::start(world.runtime().handle(), name));
    shift(&world, &servers, [99, 1]);
    let interpreter = world.interpreter();
    world.start_router_for("h2", &interpreter);
    let router = world.routers[0].address();
    let connected = world.runtime().block_on(channel(router, "web"));
    let client = client(connected.expect("the router accepts"));
    check_share(&world, &client, 0.01);
    let open = async {
        let mut talks = Vec::new();
        for _ in 0..STREAMS {
            talks.push(Talk::begin(&client).await?);
        }
        anyhow::Ok(talks)
    };
    let mut talks = world.runtime().block_on(open).expect("streams open");
    let open = || servers.each_ref().map(|server| server.seen().open());
    let before = open();
    assert_eq!(before.iter().sum::<u64>(), STREAMS as u64);
    for weights in [[50, 50], [1, 99], [0, 100]] {
        shift(&world, &servers, weights);
        check_share(&world, &client, f64::from(weights[1]) / 100.0);
        talks = go_on(&world, talks);
        assert_eq!(open(), before, "after {weights:?}");
    }
    for talk in talks {
        let ended = world.runtime().block_on(talk.end());
        ended.expect("a stream ends as its client wants");
    }
}
