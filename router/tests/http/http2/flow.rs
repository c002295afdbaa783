//! Who does not take what there is for it holds up whoever sends it, and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::StatusCode;
use tokio::time::sleep;

use super::client::{Client, Reply, answer, get, request, write};
use super::endpoint::Endpoint;
use super::{SOON, run, world};

const MEGABYTE: usize = 1024 * 1024;

/// An endpoint that sends as much as is taken, ten megabytes at most, and how much that is.
fn generous() -> (Endpoint, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let web = Endpoint::new(move |mut call| {
        let counted = Arc::clone(&counted);
        async move {
            let mut out = call.begin(answer(200));
            let chunk = Bytes::from(vec![7; 16_384]);
            for _ in 0..10 * MEGABYTE / chunk.len() {
                if write(&mut out, chunk.clone(), 16_384).await.is_err() {
                    return;
                }
                if call.head.uri.path() == "/stuck" {
                    counted.fetch_add(chunk.len(), Ordering::SeqCst);
                }
            }
            let _ = out.send_data(Bytes::new(), true);
        }
    });
    (web, sent)
}

/// Waits until this has not changed for a while.
async fn settled(count: &AtomicUsize) -> usize {
    loop {
        let before = count.load(Ordering::SeqCst);
        sleep(SOON * 2).await;
        if before > 0 && count.load(Ordering::SeqCst) == before {
            return before;
        }
    }
}

#[test]
fn a_client_that_does_not_read_holds_up_its_own_stream() {
    let (web, sent) = generous();
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::with(world.address(), |builder| {
            builder.initial_connection_window_size(16 * 1024 * 1024);
        })
        .await;
        let stuck = client.ask(request("GET", "http://web/stuck")).await;
        let mut stuck = stuck.await.expect("a head");
        let sent_at_most = settled(&sent).await;
        // The windows of both connections, and what each side has prepared.
        assert!(sent_at_most < MEGABYTE / 2, "{sent_at_most} bytes");
        let reply = client.send(get("web")).await.expect("an answer");
        assert_eq!(reply.body.len(), 10 * MEGABYTE);
        let (rest, _) = super::client::read(stuck.body_mut())
            .await
            .expect("the rest");
        assert_eq!(rest.len(), 10 * MEGABYTE);
    });
}

/// An endpoint that reads when it may, and says how much it was.
fn hesitant() -> (Endpoint, Arc<tokio::sync::Semaphore>) {
    let leave = Arc::new(tokio::sync::Semaphore::new(0));
    let waits = Arc::clone(&leave);
    let web = Endpoint::with(
        |builder| {
            builder.data_frame_budget(usize::MAX);
        },
        move |mut call| {
            let waits = Arc::clone(&waits);
            async move {
                if call.head.uri.path() != "/quick" {
                    waits.acquire().await.expect("open").forget();
                }
                let (body, _) = call.read().await.expect("a body");
                let mut head = answer(200);
                head.headers_mut().insert("x-length", body.len().into());
                call.end(head);
            }
        },
    );
    (web, leave)
}

#[test]
fn an_endpoint_that_does_not_read_holds_back_the_client() {
    let (web, leave) = hesitant();
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let sent = AtomicUsize::new(0);
        let (response, mut sink) = client.begin(request("POST", "http://web/")).await;
        let sending = async {
            let chunk = Bytes::from(vec![7; 16_384]);
            for _ in 0..10 * MEGABYTE / chunk.len() {
                write(&mut sink, chunk.clone(), 16_384)
                    .await
                    .expect("taken");
                sent.fetch_add(chunk.len(), Ordering::SeqCst);
            }
            sink.send_data(Bytes::new(), true).expect("taken");
        };
        let looking = async {
            let sent_at_most = settled(&sent).await;
            assert!(sent_at_most < MEGABYTE / 2, "{sent_at_most} bytes");
            leave.add_permits(1);
        };
        let ((), (), reply) = tokio::join!(sending, looking, Reply::read(response));
        let reply = reply.expect("an answer");
        assert_eq!(reply.field("x-length"), Some(&*(10 * MEGABYTE).to_string()));
    });
}

#[test]
fn many_small_frames_end_no_connection() {
    const FRAMES: usize = 100_000;
    let (web, leave) = hesitant();
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let (response, mut sink) = client.begin(request("POST", "http://web/")).await;
        let sent = AtomicUsize::new(0);
        let sending = async {
            for _ in 0..FRAMES {
                write(&mut sink, Bytes::from_static(b"0123456789"), 10)
                    .await
                    .expect("taken");
                sent.fetch_add(1, Ordering::SeqCst);
            }
            sink.send_data(Bytes::new(), true).expect("taken");
        };
        let looking = async {
            let frames = settled(&sent).await;
            assert!(frames < FRAMES, "it is held back");
            leave.add_permits(1);
        };
        let ((), (), reply) = tokio::join!(sending, looking, Reply::read(response));
        let reply = reply.expect("an answer");
        assert_eq!(reply.field("x-length"), Some(&*(10 * FRAMES).to_string()));
    });
}

#[test]
fn small_frames_of_many_streams_that_wait_for_an_endpoint_end_no_connection() {
    // What may be sent of a stream before any of it is passed on.
    const FULL: usize = 65_535;
    // It accepts, and says nothing.
    let mute = Endpoint::on_connection(|stream, _| async move {
        sleep(crate::world::PATIENCE).await;
        drop(stream);
    });
    let quick = hesitant().0;
    let dtab = format!("/svc/mute => {}; /svc/web => {}", mute.path(), quick.path());
    let world = world(&dtab, "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let mut waiting = Vec::new();
        for _ in 0..12 {
            let (response, mut sink) = client.begin(request("POST", "http://mute/")).await;
            for _ in 0..FULL / 10 {
                let some = Bytes::from_static(b"0123456789");
                write(&mut sink, some, 10).await.expect("taken");
            }
            waiting.push((response, sink));
        }
        let quick = request("POST", "http://web/quick");
        let reply = client.send_with(quick, b"body").await.expect("an answer");
        assert_eq!(reply.status, StatusCode::OK);
    });
}
