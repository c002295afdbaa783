//! An endpoint that is stuck, and may have only so many connections: what is too much is refused at once, costs no memory, and all is well
//! when the endpoint is.

use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use tests::{Act, Bare, Heard, Rush, Scripted, World, is_full, until};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// `maxSize`
const CONNECTIONS: usize = 4;
/// `maxWaiters`
const WAITERS: usize = 10;

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

const WELL: Act = Act::Answer(200, Duration::ZERO);

/// How much more memory a router may have at the end of the overload than soon after it began.
const MORE_MEMORY: u64 = 2 << 20;

/// A router and its only endpoint, which is stuck.
fn start() -> (World, Scripted) {
    let mut world = World::new();
    let endpoint = Scripted::start(world.runtime().handle(), Act::Silence);
    world.start_router_with(&format!(
        "  dtab: /svc/web => /$/inet/127.0.0.1/{}\n  \
           client: {{hostConnectionPool: {{maxSize: {CONNECTIONS}, maxWaiters: {WAITERS}}}}}\n",
        endpoint.address().port()
    ));
    (world, endpoint)
}

/// A request that the endpoint does not answer yet.
fn ask(world: &World) -> JoinHandle<anyhow::Result<Heard>> {
    let router = world.routers[0].address();
    world.runtime().spawn(async move {
        let mut bare = Bare::connect(router).await?;
        bare.ask(GET.as_bytes()).await
    })
}

#[test]
fn the_fifteenth_request_is_refused_at_once_and_the_others_are_answered() {
    let (world, endpoint) = start();
    let router = world.routers[0].address();
    let asked: Vec<_> = (0..CONNECTIONS + WAITERS).map(|_| ask(&world)).collect();
    until("all have been taken", Duration::from_secs(5), || {
        let pending = world.metric(0, "service/svc/web/requests");
        pending == asked.len() as u64 && endpoint.open() == CONNECTIONS as u64
    });
    // They have been counted, and are about to wait.
    thread::sleep(Duration::from_millis(100));
    let mut refused_after: Vec<_> = (0..20)
        .map(|_| {
            world.runtime().block_on(async {
                let mut bare = Bare::connect(router).await.expect("it accepts");
                let began = Instant::now();
                let heard = bare.ask(GET.as_bytes()).await.expect("an answer");
                assert_eq!(heard.status, 503, "{}", heard.head);
                assert!(heard.head.contains("\r\nl5d-retryable: true\r\n"));
                began.elapsed()
            })
        })
        .collect();
    assert_eq!(endpoint.requests(), CONNECTIONS as u64);
    refused_after.sort_unstable();
    println!(
        "refused after {:?}, {:?} (median), {:?}",
        refused_after[0], refused_after[10], refused_after[19]
    );
    assert!(refused_after[0] < Duration::from_millis(5));
    assert!(refused_after[10] < Duration::from_millis(if is_full() { 5 } else { 100 }));
    endpoint.acts(WELL);
    for asked in asked {
        let heard = world.runtime().block_on(asked).expect("it ends");
        let heard = heard.expect("an answer");
        assert_eq!(heard.status, 200, "{}", heard.head);
    }
    assert_eq!(endpoint.open_most(), CONNECTIONS as u64);
}

#[test]
fn as_many_as_there_is_room_for_are_never_refused() {
    let requests = if is_full() { 2_000 } else { 100 };
    let (world, endpoint) = start();
    endpoint.acts(WELL);
    let router = world.routers[0].address();
    let clients = (0..CONNECTIONS + WAITERS).map(async |_| {
        let mut bare = Bare::connect(router).await.expect("it accepts");
        for _ in 0..requests {
            let heard = bare.ask(GET.as_bytes()).await.expect("an answer");
            assert_eq!(heard.status, 200, "{}", heard.head);
        }
    });
    world.runtime().block_on(join_all(clients));
    assert!(endpoint.open_most() <= CONNECTIONS as u64);
}

#[test]
fn a_stuck_endpoint_costs_no_memory_and_all_is_well_when_it_is() {
    let (per_second, lasts) = match is_full() {
        true => (1_000, Duration::from_secs(60)),
        false => (200, Duration::from_secs(4)),
    };
    let (world, endpoint) = start();
    let process = &world.routers[0].process;
    let rush = Rush::start(
        world.runtime().handle(),
        world.routers[0].address(),
        GET,
        per_second,
    );
    // Until then buffers are taken for the first time.
    thread::sleep(lasts / 4);
    rush.take();
    let before = process.resident();
    thread::sleep(lasts * 3 / 4);
    let after = process.resident();
    let shed = rush.take();
    let refused = shed.iter().filter(|served| served.status == Ok(503));
    let (refused, all) = (refused.count(), shed.len());
    let requests = endpoint.requests();

    let well = Instant::now();
    endpoint.acts(WELL);
    thread::sleep(Duration::from_secs(1));
    let normal = Instant::now();
    thread::sleep(Duration::from_secs(2));
    let served = rush.take();
    let answered = served.iter().filter(|served| served.status == Ok(200));
    let first = answered.map(|served| (served.due + served.took).saturating_duration_since(well));
    let first = first.min().expect("some are answered");
    let (mut later, mut refused_later) = (0, 0);
    for served in served.iter().filter(|served| served.due >= normal) {
        later += 1;
        refused_later += usize::from(served.status == Ok(503));
        assert!(
            matches!(served.status, Ok(200 | 503)),
            "{:?}",
            served.status
        );
    }
    println!(
        "{refused} of {all} refused within {lasts:?}, the endpoint had {requests}; {} KiB, then {} KiB; the first answer came \
         {first:?} after the endpoint was well; of {later} that came a second after that {refused_later} were refused",
        before / 1024,
        after / 1024,
    );
    assert_eq!(refused, all, "whoever asks a stuck endpoint is refused");
    assert_eq!(requests, CONNECTIONS as u64);
    assert!(after < before + MORE_MEMORY, "{before}, then {after}");
    assert!(first < Duration::from_secs(1), "{first:?}");
    // Where tests run side by side, many may come at once after a pause of all, and be too many.
    let few = if is_full() { later / 100 } else { later / 3 };
    assert!(
        later > 0 && refused_later <= few,
        "{refused_later} of {later}"
    );
}
