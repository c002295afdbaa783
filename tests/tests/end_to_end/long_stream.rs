//! A stream that goes on for long does not notice what changes around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tests::{Asked, Http2, Streamed, World, call, is_full, pattern, read, send, until};
use tokio::time::sleep;

/// How often everything changes. In each turn the stream has at least so many rounds.
const LITTLE: usize = 2;
const FULL: usize = 60;
const ROUNDS: u64 = 30;

/// How long there is nothing on the stream from one message to the next.
const BETWEEN: Duration = Duration::from_millis(2);

/// How soon a change is live.
const LIVE_WITHIN: Duration = Duration::from_secs(5);

/// How soon the router forgets what nobody asks for. The stream's own name is among that.
const IDLE: &str = "  bindingCache: {idleTtlSecs: 1}\n";

const ALPHA: &str = "/svc => /#/io.l5d.fs; /svc/web => /#/io.l5d.fs/alpha;";
const BETA: &str = "/svc => /#/io.l5d.fs; /svc/web => /#/io.l5d.fs/beta;";
const BOTH: &str =
    "/svc => /#/io.l5d.fs; /svc/web => 1 * /#/io.l5d.fs/alpha & 3 * /#/io.l5d.fs/beta;";

/// Tells its name, and echoes what follows.
fn named(world: &World, name: &'static str) -> Streamed {
    Streamed::start(world.runtime().handle(), move |mut asked| async move {
        let mut out = asked.answer()?;
        if asked.request.uri().path() == "/name" {
            send(&mut out, Bytes::from_static(name.as_bytes()), false).await?;
            return out.send_trailers(Asked::end());
        }
        let mut body = asked.request.into_body();
        while let Some(chunk) = read(&mut body).await? {
            send(&mut out, chunk, false).await?;
        }
        out.send_trailers(Asked::end())
    })
}

/// Sends messages and waits for each to come back, until nobody counts any more.
async fn converse(connection: Http2, rounds: Arc<AtomicU64>) -> anyhow::Result<()> {
    let (response, mut upload) = connection.open(call("web", "/echo"), false).await?;
    let mut body = response.await?.into_body();
    while Arc::strong_count(&rounds) > 1 {
        let round = rounds.load(Ordering::Relaxed);
        let message = pattern(u32::try_from(round)?, 100);
        send(&mut upload, message.clone(), false).await?;
        let mut back = Vec::new();
        while back.len() < message.len() {
            let chunk = read(&mut body).await?;
            back.extend_from_slice(&chunk.unwrap_or_default());
            anyhow::ensure!(message.starts_with(&back), "round {round}: {back:?}");
        }
        rounds.fetch_add(1, Ordering::Relaxed);
        sleep(BETWEEN).await;
    }
    upload.send_data(Bytes::new(), true)?;
    while let Some(chunk) = read(&mut body).await? {
        anyhow::ensure!(chunk.is_empty(), "more than was sent");
    }
    let trailers = body.trailers().await?.unwrap_or_default();
    anyhow::ensure!(trailers == Asked::end(), "{trailers:?}");
    Ok(())
}

#[test]
fn a_stream_goes_on_whatever_changes_around_it() {
    let mut world = World::new();
    world.start_namerd();
    let stays = named(&world, "stays");
    let comes = named(&world, "comes");
    let beta = named(&world, "beta");
    world.disco_of("alpha", [stays.address()]);
    world.disco_of("beta", [beta.address()]);
    world.dtab("default", ALPHA);
    world.start_router_for("h2", &format!("{}{IDLE}", world.interpreter()));
    let router = world.routers[0].address();
    let rounds = Arc::<AtomicU64>::default();
    let connection = world.runtime().block_on(Http2::connect(router));
    let connection = connection.expect("the router accepts");
    let conversing = converse(connection, Arc::clone(&rounds));
    let conversing = world.runtime().spawn(conversing);
    // What others get shows that a change has come to the router.
    let names = |world: &World| {
        let names = world.runtime().block_on(async {
            let connection = Http2::connect(router).await?;
            let mut names = Vec::new();
            for _ in 0..10 {
                let whole = connection.ask(call("web", "/name"), Bytes::new()).await?;
                names.push(String::from_utf8(whole.body)?);
            }
            anyhow::Ok(names)
        });
        names.expect("the router answers")
    };
    let becomes = |world: &World, wanted: &[&str], forbidden: &[&str]| {
        let what = format!("{wanted:?} answer, and none of {forbidden:?}");
        until(&what, LIVE_WITHIN, || {
            assert!(
                !conversing.is_finished(),
                "{}",
                rounds.load(Ordering::Relaxed)
            );
            let names = names(world);
            let has = |name: &&str| names.iter().any(|answered| answered == name);
            wanted.iter().all(has) && !forbidden.iter().any(has)
        });
        let least = rounds.load(Ordering::Relaxed) + ROUNDS;
        until("the stream goes on", LIVE_WITHIN, || {
            assert!(
                !conversing.is_finished(),
                "{}",
                rounds.load(Ordering::Relaxed)
            );
            rounds.load(Ordering::Relaxed) >= least
        });
    };
    let turns = if is_full() { FULL } else { LITTLE };
    for _ in 0..turns {
        becomes(&world, &["stays"], &["comes", "beta"]);
        world.disco_of("alpha", [stays.address(), comes.address()]);
        // The other one has a stream already.
        becomes(&world, &["comes"], &["beta"]);
        world.disco_of("alpha", [stays.address()]);
        becomes(&world, &["stays"], &["comes", "beta"]);
        world.dtab("default", BOTH);
        becomes(&world, &["stays", "beta"], &["comes"]);
        world.dtab("default", BETA);
        becomes(&world, &["beta"], &["comes", "stays"]);
        world.namerds[0].process.kill();
        becomes(&world, &["beta"], &["comes", "stays"]);
        world.namerds[0].restart();
        world.dtab("default", ALPHA);
    }
    becomes(&world, &["stays"], &["comes", "beta"]);
    let count = rounds.load(Ordering::Relaxed);
    drop(rounds);
    let ended = world.runtime().block_on(conversing);
    ended
        .expect("it does not panic")
        .expect("an undisturbed stream");
    println!("{count} rounds, and {} changes", 5 * turns);
    until("the stream is over", LIVE_WITHIN, || stays.open() == 0);
}
