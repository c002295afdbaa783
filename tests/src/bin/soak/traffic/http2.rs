//! What clients do in HTTP/2.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use h2::Reason;
use http::Method;
use tests::{Http2, Whole, call, pattern, read, send};
use tokio::time::{Instant, sleep};

use super::{Guest, Part};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) const PARTS: [Part; 6] = [
    Part {
        what: "calls on a kept connection",
        clients: 10,
        pause: millis(20),
        visit: |guest| keep(guest).boxed(),
    },
    Part {
        what: "many calls at once",
        clients: 2,
        pause: millis(100),
        visit: |guest| ask_at_once(guest).boxed(),
    },
    Part {
        what: "a stream in both directions",
        clients: 40,
        pause: millis(50),
        visit: |guest| converse(guest).boxed(),
    },
    Part {
        what: "a large body there and back",
        clients: 4,
        pause: millis(100),
        visit: |guest| carry(guest).boxed(),
    },
    Part {
        what: "a call that is refused",
        clients: 4,
        pause: millis(50),
        visit: |guest| err(guest).boxed(),
    },
    Part {
        what: "a client that cancels",
        clients: 4,
        pause: millis(50),
        visit: |guest| cancel(guest).boxed(),
    },
];

/// Other names lead to the same services.
const NAMES: [&str; 2] = ["web", "web:80"];

const KEPT: usize = 200;
const AT_ONCE: u32 = 50;
const BETWEEN: Duration = millis(25);
const LARGE: usize = 256 * 1024;

/// How long a stream lasts: endpoints that leave finish what they have, but not for ever.
const LASTS: Duration = millis(3_000);

async fn keep(guest: Guest) -> Result<()> {
    let connection = Http2::connect(guest.streams).await?;
    for index in 0..KEPT {
        let name = NAMES[index % NAMES.len()];
        let mut request = call(name, "/");
        *request.method_mut() = Method::GET;
        let whole = connection.ask(request, Bytes::new()).await?;
        assert_whole(&guest, &whole, b"well")?;
        sleep(BETWEEN).await;
    }
    Ok(())
}

async fn ask_at_once(guest: Guest) -> Result<()> {
    let connection = Http2::connect(guest.streams).await?;
    let asking = (0..AT_ONCE).map(async |seed| {
        let body = pattern(seed, 1000);
        let whole = connection.ask(call("web", "/"), body.clone()).await?;
        assert_whole(&guest, &whole, &body)
    });
    try_join_all(asking).await?;
    Ok(())
}

async fn converse(guest: Guest) -> Result<()> {
    let connection = Http2::connect(guest.streams).await?;
    let (response, mut upload) = connection.open(call("web", "/"), false).await?;
    let response = response.await?;
    ensure!(response.status() == 200, "{response:?}");
    let mut body = response.into_body();
    let (began, mut seed) = (Instant::now(), 0);
    while began.elapsed() < LASTS {
        seed += 1;
        let message = pattern(seed, 100);
        send(&mut upload, message.clone(), false).await?;
        let mut back = Vec::new();
        while back.len() < message.len() {
            match read(&mut body).await? {
                Some(chunk) => back.extend_from_slice(&chunk),
                None => {
                    let trailers = body.trailers().await?;
                    bail!("it ended after {seed} messages: {trailers:?}");
                }
            }
        }
        ensure!(back == message, "another echo of message {seed}");
        sleep(BETWEEN).await;
    }
    upload.send_data(Bytes::new(), true)?;
    while let Some(chunk) = read(&mut body).await? {
        ensure!(chunk.is_empty(), "more than was sent");
    }
    guest.answered();
    Ok(())
}

async fn carry(guest: Guest) -> Result<()> {
    let connection = Http2::connect(guest.streams).await?;
    let (response, mut upload) = connection.open(call("web", "/"), false).await?;
    let body = pattern(1, LARGE);
    let (sent, whole) = tokio::join!(send(&mut upload, body.clone(), true), Whole::read(response));
    sent?;
    assert_whole(&guest, &whole?, &body)
}

async fn err(guest: Guest) -> Result<()> {
    let connection = Http2::connect(guest.streams).await?;
    let whole = connection.ask(call("nobody", "/"), Bytes::new()).await?;
    let status = whole.grpc_status();
    ensure!(
        whole.status == 200 && status == Some(UNAVAILABLE),
        "{whole:?}"
    );
    guest.answered();
    let mut request = call("web", "/bad");
    *request.method_mut() = Method::GET;
    let whole = connection.ask(request, Bytes::new()).await?;
    ensure!(whole.status == 500, "{whole:?}");
    guest.answered();
    Ok(())
}

/// What a call hears whose name leads nowhere.
const UNAVAILABLE: u32 = 14;

/// Before anything is answered, in the middle of a body, and with the whole connection.
async fn cancel(guest: Guest) -> Result<()> {
    let connection = Http2::connect(guest.streams).await?;
    let (response, mut upload) = connection.open(call("web", "/"), false).await?;
    upload.send_reset(Reason::CANCEL);
    drop(response);
    let (response, mut upload) = connection.open(call("web", "/"), false).await?;
    send(&mut upload, pattern(2, 1000), false).await?;
    let mut body = response.await?.into_body();
    read(&mut body).await?;
    drop((upload, body));
    let (response, mut upload) = connection.open(call("web", "/"), false).await?;
    send(&mut upload, pattern(3, 1000), false).await?;
    response.await?;
    // Its stream flows still.
    drop(connection);
    Ok(())
}

fn assert_whole(guest: &Guest, whole: &Whole, body: &[u8]) -> Result<()> {
    ensure!(whole.status == 200, "{} {:?}", whole.status, whole.headers);
    ensure!(whole.body == body, "another body: {:?}", whole.headers);
    guest.answered();
    Ok(())
}
