//! Whoever takes a body slowly is waited for: nothing piles up in between, and other streams of the same connection pass as ever.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use tests::{Asked, Http2, STREAM_WINDOW, Streamed, World, call, is_full, pattern, read, send};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

/// How much there is to take.
const BODY: usize = 1 << 30;

/// How much of it is taken each second.
const SIP: usize = 1024;

/// How much more memory the router may have meanwhile.
const MORE_MEMORY: u64 = 2 << 20;

/// What others ask with, and get.
const OTHERS: usize = 16 * 1024;

/// How long it is looked at what others get, and how often.
const LITTLE: (Duration, u32) = (Duration::from_millis(200), 5);
const FULL: (Duration, u32) = (Duration::from_secs(1), 30);

/// At most so much is on its way: a window on each side of the router, and a piece that is neither sent nor not.
const ON_ITS_WAY: usize = 2 * STREAM_WINDOW as usize + PIECE;

const PIECE: usize = 16 * 1024;

/// Sends, and counts what was taken.
async fn pour(mut out: SendStream<Bytes>, taken: Arc<AtomicUsize>) -> Result<(), h2::Error> {
    let piece = pattern(1, PIECE);
    for _ in 0..BODY / PIECE {
        send(&mut out, piece.clone(), false).await?;
        taken.fetch_add(PIECE, Ordering::Relaxed);
    }
    out.send_data(Bytes::new(), true)
}

/// Takes a little every second.
async fn sip(mut body: RecvStream) -> Result<(), h2::Error> {
    let mut held = 0;
    loop {
        while held < SIP {
            match body.data().await {
                Some(chunk) => held += chunk?.len(),
                None => return Ok(()),
            }
        }
        sleep(Duration::from_secs(1)).await;
        body.flow_control().release_capacity(SIP)?;
        held -= SIP;
    }
}

async fn serve(mut asked: Asked, poured: Arc<AtomicUsize>) -> Result<(), h2::Error> {
    match asked.request.uri().path() {
        "/pour" => return pour(asked.answer()?, poured).await,
        "/sip" => {
            let Asked {
                request,
                mut respond,
                ..
            } = asked;
            return tokio::select! {
                sipped = sip(request.into_body()) => sipped,
                reset = poll_fn(|cx| respond.poll_reset(cx)) => reset.map(drop),
            };
        }
        _ => {}
    }
    let mut out = asked.answer()?;
    let mut body = asked.request.into_body();
    while let Some(chunk) = read(&mut body).await? {
        send(&mut out, chunk, false).await?;
    }
    out.send_trailers(Asked::end())
}

/// A router, its endpoint, and how much of what that pours was taken.
fn start() -> (World, Streamed, Arc<AtomicUsize>) {
    let mut world = World::new();
    let poured = Arc::<AtomicUsize>::default();
    let pouring = Arc::clone(&poured);
    let endpoint = Streamed::start(world.runtime().handle(), move |asked| {
        serve(asked, Arc::clone(&pouring))
    });
    world.start_router_for("h2", &format!("  dtab: /svc/web => {}\n", endpoint.path()));
    (world, endpoint, poured)
}

/// How many streams a second pass, one after the other.
async fn rate(connection: &Http2, time: Duration) -> f64 {
    let body = pattern(2, OTHERS);
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        let asked = connection.ask(call("web", "/echo"), body.clone()).await;
        let whole = asked.expect("an answer");
        assert!(whole.grpc_status() == Some(0) && whole.body == body);
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Compares what others get beside something that flows slowly, and on a connection where nothing does; and how the router's memory grows.
/// Returns the figures.
fn compare(world: &World, flow: impl AsyncFnOnce(&Http2) -> AbortHandle) -> String {
    let router = &world.routers[0];
    let (time, times) = if is_full() { FULL } else { LITTLE };
    world.runtime().block_on(async {
        let connect = || Http2::connect(router.address());
        let beside = connect().await.expect("it accepts");
        let alone = connect().await.expect("it accepts");
        rate(&beside, time).await;
        rate(&alone, time).await;
        let resident = router.process.resident();
        let flowing = flow(&beside).await;
        let (mut best_beside, mut best_alone) = (0.0_f64, 0.0_f64);
        // By turns, and only the best counts: other programs may take the time of some.
        for _ in 0..times {
            best_beside = best_beside.max(rate(&beside, time).await);
            best_alone = best_alone.max(rate(&alone, time).await);
        }
        let grown = router.process.resident().saturating_sub(resident);
        assert!(!flowing.is_finished(), "it flows on");
        flowing.abort();
        assert!(grown <= MORE_MEMORY, "{grown} bytes");
        let least = if is_full() { 0.8 } else { 0.5 };
        assert!(best_beside > least * best_alone);
        format!("+ {grown} bytes; others {best_beside:.0}/s, elsewhere {best_alone:.0}/s")
    })
}

#[test]
fn a_download_that_is_read_slowly_waits_at_the_endpoint() {
    let (world, endpoint, poured) = start();
    let began = Instant::now();
    let figures = compare(&world, async |connection| {
        let opened = connection.open(call("web", "/pour"), true).await;
        let (response, _) = opened.expect("a stream");
        let body = response.await.expect("an answer").into_body();
        let sipping = world.runtime().spawn(async { drop(sip(body).await) });
        sipping.abort_handle()
    });
    println!("a download: {figures}");
    within_bounds(poured.load(Ordering::Relaxed), began);
    is_over(&endpoint);
}

#[test]
fn an_upload_that_is_read_slowly_waits_at_the_client() {
    let (world, endpoint, _) = start();
    let (began, poured) = (Instant::now(), Arc::<AtomicUsize>::default());
    let figures = compare(&world, async |connection| {
        let opened = connection.open(call("web", "/sip"), false).await;
        let (response, upload) = opened.expect("a stream");
        let pouring = pour(upload, Arc::clone(&poured));
        let pouring = world.runtime().spawn(async move {
            // The answer never comes.
            tokio::select! { _ = pouring => {}, _ = response => {} }
        });
        pouring.abort_handle()
    });
    println!("an upload: {figures}");
    within_bounds(poured.load(Ordering::Relaxed), began);
    is_over(&endpoint);
}

/// What was taken is what could be, and not much less.
fn within_bounds(poured: usize, began: Instant) {
    let sips = began.elapsed().as_secs_f64().ceil() as usize * SIP;
    assert!(poured <= ON_ITS_WAY + sips, "{poured} bytes");
    assert!(poured > PIECE, "{poured} bytes");
}

/// The endpoint has heard that nobody waits any more.
fn is_over(endpoint: &Streamed) {
    tests::until("the stream is over", Duration::from_secs(5), || {
        endpoint.open() == 0
    });
}
