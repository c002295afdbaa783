//! Routers that are replaced, reloaded or ended say goodbye to their clients: no call fails, and streams stay for as long as
//! they may.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tests::grpc::testing::Empty;
use tests::grpc::{Calls, Client, GrpcServer, Grpcio, Talk, channel, client};
use tests::{Lineage, World, until};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::grpc_interop::cases::{output, sizes};

/// How long a process that was replaced or asked to end may take to end.
const GRACE: Duration = Duration::from_millis(1_500);

const WITHIN: Duration = Duration::from_secs(20);

fn yaml(dtab: &str) -> String {
    format!(
        "stateDir: none\nadmin: {{port: 0, shutdownGraceMs: {}}}\nrouters:\n- protocol: h2\n  label: proxy\n  servers: [{{port: 0}}]\n  dtab: \"{dtab}\"\n",
        GRACE.as_millis()
    )
}

async fn connect(router: SocketAddr) -> Client {
    let channel = channel(router, "web").await;
    client(channel.expect("the router accepts"))
}

/// A stream that lives until the grace is over, and not for much longer.
async fn lives_for_the_grace(mut talk: Talk, began: Instant) -> Result<()> {
    let most = GRACE.saturating_sub(began.elapsed());
    talk.go_on_for(most.mul_f64(0.75)).await?;
    let ended = timeout(WITHIN, talk.go_on_for(2 * WITHIN)).await;
    let error = ended?.expect_err("the grace ends it");
    eprintln!("after {:?}: {error:#}", began.elapsed());
    Ok(())
}

#[test]
fn upgrades_and_reloads_fail_no_call() {
    let world = World::new();
    let servers = ["one", "two"].map(|name| GrpcServer::start(world.runtime().handle(), name));
    let dtab = |round: usize| yaml(&format!("/svc/web => {}", servers[round % 2].path()));
    let mut router = Lineage::start(world.dir(), &dtab(0));
    let address = router.address();
    let runtime = world.runtime();
    let clients = [(); 6].map(|()| runtime.block_on(connect(address)));
    let calls = Calls::start(runtime.handle(), &clients, 20);
    let python = Grpcio::find().map(|grpcio| grpcio.load(address, 4).expect("calls flow"));
    for round in 0..2 {
        let patient = runtime.block_on(async { Talk::begin(&connect(address).await).await });
        let began = Instant::now();
        router.upgrade(round + 1);
        let lives = lives_for_the_grace(patient.expect("it begins"), began);
        runtime.block_on(lives).expect("it lives for the grace");
        let stays = runtime.block_on(async { Talk::begin(&connect(address).await).await });
        router.reload(round + 1, &dtab(round + 1));
        let mut stays = stays.expect("it begins");
        let went_on = runtime.block_on(stays.go_on_for(GRACE / 4));
        went_on.expect("a reload does not touch it");
        calls.take().assert_well();
        let next = ["two", "one"][round % 2];
        until("calls go where the new dtab says", WITHIN, || {
            let tally = calls.take();
            tally.assert_well();
            tally.sum() > 0 && tally.answered.get(next) == Some(&tally.sum())
        });
        runtime.block_on(stays.end()).expect("it ends as it wants");
    }
    calls.take().assert_well();
    if let Some(load) = python {
        load.signal("TERM");
        let said = load.says(|line| line.contains(" answered, ").then(|| line.to_owned()));
        let said = said.expect("it says what became of its calls");
        eprintln!("grpcio: {said}");
        assert!(said.contains(" 0 failed"), "{said}");
    }
}

#[test]
fn a_router_that_is_asked_to_end_lets_calls_end_and_streams_live_for_the_grace() {
    let world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    let mut router = Lineage::start(
        world.dir(),
        &yaml(&format!("/svc/web => {}", server.path())),
    );
    let address = router.address();
    let runtime = world.runtime();
    let busy = runtime.block_on(connect(address));
    let idle = runtime.block_on(connect(address));
    let talk = runtime.block_on(Talk::begin(&busy)).expect("it begins");
    let slow = runtime.spawn(slow(busy, GRACE / 2));
    until("both calls have begun", WITHIN, || {
        server.seen().open() == 2
    });

    router.process.signal("TERM");
    let began = Instant::now();
    until("nobody listens", GRACE / 2, || {
        runtime.block_on(TcpStream::connect(address)).is_err()
    });
    // Who has nothing under way has no connection any more, and no other is to be had.
    let refused = Calls::make(runtime.handle(), &[idle], 1, 1);
    let why = refused.failed.first().expect("it fails");
    assert!(why.contains("ConnectionRefused"), "{why}");
    let ended = runtime.block_on(async { timeout(WITHIN, slow).await });
    let answer = ended.expect("in time").expect("no panic");
    assert_eq!(answer.expect("the call ends well"), 1);
    let lives = runtime.block_on(lives_for_the_grace(talk, began));
    lives.expect("it lives for the grace");
    until("the process ends", WITHIN, || {
        router.process.ended().is_ok_and(|ended| ended.is_some())
    });
    assert!(
        began.elapsed() < GRACE + WITHIN / 10,
        "{:?}",
        began.elapsed()
    );
}

/// A call whose server takes its time. How many messages it had.
async fn slow(mut client: Client, pause: Duration) -> Result<usize> {
    let answers = client.streaming_output_call(output(&[1], pause)).await?;
    Ok(sizes(answers.into_inner()).await?.len())
}

#[test]
fn a_router_without_calls_ends_at_once() {
    let world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    let mut router = Lineage::start(
        world.dir(),
        &yaml(&format!("/svc/web => {}", server.path())),
    );
    let runtime = world.runtime();
    let mut client = runtime.block_on(connect(router.address()));
    let called = runtime.block_on(client.empty_call(Empty {}));
    called.expect("an answer");
    let began = Instant::now();
    router.process.signal("TERM");
    until("the process ends", GRACE / 2, || {
        router.process.ended().is_ok_and(|ended| ended.is_some())
    });
    eprintln!("it ended after {:?}", began.elapsed());
}
