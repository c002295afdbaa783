//! Many streams that end at the same moment take no others of their connections with them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use h2::Reason;
use tests::{Asked, Http2, Streamed, World, call, pattern, read, send, until};
use tokio::sync::watch;
use tokio::time::sleep;

/// How many end at once: as many as fit one connection to an endpoint, beside the one that stays.
const AT_ONCE: usize = 240;

/// How often.
const WAVES: usize = 8;

/// More than fits all windows and sockets on the way together.
const MUCH: usize = 32 << 20;

/// Does what the path says. `/refuse` takes nothing more once the wave with the number behind it is over.
async fn serve(mut asked: Asked, mut waves: watch::Receiver<usize>) -> Result<(), h2::Error> {
    let path = asked.request.uri().path().to_owned();
    if path == "/pour" {
        let mut out = asked.answer()?;
        let piece = pattern(1, 16 * 1024);
        for _ in 0..MUCH / piece.len() {
            send(&mut out, piece.clone(), false).await?;
        }
        return Ok(());
    }
    let wave = path.strip_prefix("/refuse/").map(str::parse::<usize>);
    let mut body = asked.request.into_body();
    if let Some(Ok(wave)) = wave {
        tokio::select! {
            _ = waves.wait_for(|over| *over > wave) => {}
            () = async { while let Ok(Some(_)) = read(&mut body).await {} } => {}
        }
        asked.respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    }
    let mut out = asked
        .respond
        .send_response(http::Response::new(()), false)?;
    while let Some(chunk) = read(&mut body).await? {
        send(&mut out, chunk, false).await?;
    }
    out.send_trailers(Asked::end())
}

struct Stage {
    world: World,
    endpoint: Streamed,
    waves: watch::Sender<usize>,
}

impl Stage {
    fn set() -> Self {
        let mut world = World::new();
        let (waves, told) = watch::channel(0);
        let endpoint = Streamed::start(world.runtime().handle(), move |asked| {
            serve(asked, told.clone())
        });
        world.start_router_for("h2", &format!("  dtab: /svc/web => {}\n", endpoint.path()));
        Self {
            world,
            endpoint,
            waves,
        }
    }

    /// Has many streams end by `wave`, again and again, beside one that echoes all the time.
    fn beside_another(&self, wave: impl AsyncFn(Arc<Http2>, usize)) {
        let router = self.world.routers[0].address();
        self.world.runtime().block_on(async {
            let connection = Http2::connect(router).await.expect("it accepts");
            let connection = Arc::new(connection);
            let stays = connection.open(call("web", "/echo"), false).await;
            let (response, mut upload) = stays.expect("a stream");
            let mut body = response.await.expect("an answer").into_body();
            for number in 0..WAVES {
                wave(Arc::clone(&connection), number).await;
                let message = pattern(number as u32, 100);
                let sent = send(&mut upload, message.clone(), false).await;
                sent.unwrap_or_else(|error| panic!("after wave {number}: {error}"));
                let echoed = read(&mut body).await;
                let echoed = echoed.unwrap_or_else(|error| panic!("after wave {number}: {error}"));
                assert_eq!(echoed, Some(message));
            }
        });
        let one = Duration::from_secs(5);
        until("the others are over", one, || self.endpoint.open() <= 1);
        assert_eq!(
            self.endpoint.connections(),
            1,
            "all had the same connection"
        );
    }
}

#[test]
fn downloads_that_are_cancelled_at_once_leave_the_endpoints_connection() {
    let stage = Stage::set();
    stage.beside_another(async |connection, _| {
        let opening = (0..AT_ONCE).map(async |_| {
            let (response, _) = connection.open(call("web", "/pour"), true).await?;
            let mut body = response.await?.into_body();
            read(&mut body).await?;
            Ok::<_, h2::Error>(body)
        });
        let bodies = try_join_all(opening).await.expect("they begin");
        let flowing = join_all(bodies.into_iter().map(async |mut body| {
            // All of them flow when all of them end.
            while let Ok(Some(_)) = read(&mut body).await {}
        }));
        let _ = tokio::time::timeout(Duration::from_millis(50), flowing).await;
    });
}

#[test]
fn uploads_that_are_reset_at_once_leave_the_clients_connection() {
    let stage = Stage::set();
    let much = pattern(1, MUCH);
    stage.beside_another(async |connection, number| {
        let pouring = (0..AT_ONCE).map(async |_| {
            let path = format!("/refuse/{number}");
            let (_response, mut upload) = connection.open(call("web", &path), false).await?;
            send(&mut upload, much.clone(), true).await
        });
        let over = async {
            sleep(Duration::from_millis(50)).await;
            stage.waves.send_replace(number + 1);
        };
        let (poured, ()) = tokio::join!(join_all(pouring), over);
        assert!(poured.iter().all(Result::is_err), "they were reset");
    });
}

#[test]
fn streams_that_are_opened_and_cancelled_at_once_leave_the_clients_connection() {
    let stage = Stage::set();
    let router = &stage.world.routers[0].process;
    stage.beside_another(async |connection, number| {
        // It finds all of them opened and reset. Not more of them in all than a client may so soon.
        router.signal("STOP");
        let opening = (0..AT_ONCE / WAVES).map(|_| connection.open(call("web", "/echo"), false));
        let opened = try_join_all(opening).await.expect("streams");
        sleep(Duration::from_millis(10)).await;
        for (_, mut upload) in opened {
            upload.send_reset(Reason::CANCEL);
        }
        sleep(Duration::from_millis(10)).await;
        router.signal("CONT");
        let asked = connection.ask(call("web", "/echo"), Bytes::from_static(b"well"));
        let whole = asked.await;
        let whole = whole.unwrap_or_else(|error| panic!("in wave {number}: {error}"));
        assert_eq!(whole.body, b"well");
    });
}
