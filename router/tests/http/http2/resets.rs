//! Streams that do not come to their end: each side hears of the other's, at once.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::StatusCode;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::client::{Client, answer, call, get, read, request};
use super::endpoint::{Endpoint, grpc, reset};
use super::frames::{self, Peer};
use super::{SOON, run, world};
use crate::admin::metrics;

#[test]
fn an_endpoints_reset_reaches_the_client_as_it_is() {
    for reason in [
        Reason::INTERNAL_ERROR,
        Reason::CANCEL,
        Reason::ENHANCE_YOUR_CALM,
        Reason::REFUSED_STREAM,
        Reason::from(4711),
    ] {
        let web = Endpoint::new(move |mut call| async move {
            if call.head.uri.path() == "/late" {
                let mut out = call.begin(answer(200));
                out.send_data(Bytes::from_static(b"some"), false)
                    .expect("taken");
                // Else the library forgets what it has not sent yet.
                tokio::time::sleep(SOON).await;
                out.send_reset(reason);
            } else {
                call.respond.send_reset(reason);
            }
        });
        let world = world(&format!("/svc/web => {}", web.path()), "", "");
        run(async {
            let mut client = Client::to(world.address()).await;
            let error = client.send(get("web")).await.expect_err("a reset");
            assert!(error.is_reset() && error.is_remote(), "{error}");
            assert_eq!(error.reason(), Some(reason));
            let late = client.ask(request("GET", "http://web/late")).await;
            let mut late = late.await.expect("a head");
            assert_eq!(late.status(), StatusCode::OK);
            let error = read(late.body_mut()).await.expect_err("a reset");
            assert_eq!(error.reason(), Some(reason));
        });
        let count = &metrics(&world)["rt/h2/server/127.0.0.1/0/failures/stream_reset"];
        assert_eq!(count, 2);
    }
}

/// However busy the machine is. Without that it takes a few milliseconds.
const AT_ONCE: Duration = Duration::from_secs(1);

/// An endpoint that tells when its streams are reset, and why.
fn telling() -> (Endpoint, mpsc::Receiver<(Option<Reason>, Instant)>) {
    let (tell, told) = mpsc::channel(10);
    let web = Endpoint::new(move |mut call| {
        let tell = tell.clone();
        async move {
            let reason = if call.head.uri.path() == "/late" {
                let mut out = call.begin(answer(200));
                reset(&mut out).await
            } else {
                call.reset().await
            };
            tell.send((reason, Instant::now()))
                .await
                .expect("the test waits");
        }
    });
    (web, told)
}

#[test]
fn a_client_that_gives_up_is_heard_of_at_once() {
    let (web, mut told) = telling();
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        for uri in ["http://web/", "http://web/late"] {
            let (response, mut sink) = client.begin(request("POST", uri)).await;
            if uri.ends_with("late") {
                assert_eq!(response.await.expect("a head").status(), StatusCode::OK);
            } else {
                while web.requests() == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let gone = Instant::now();
            sink.send_reset(Reason::CANCEL);
            let (reason, heard) = told.recv().await.expect("it is told");
            assert_eq!(reason, Some(Reason::CANCEL), "{uri}");
            assert!(heard - gone < AT_ONCE, "{uri}: {:?}", heard - gone);
        }
    });
    let metrics = metrics(&world);
    let count = |of: &str| metrics[format!("rt/h2/{of}/failures/cancelled")].clone();
    assert_eq!(count("server/127.0.0.1/0"), 2);
    assert_eq!(count("service/svc/web"), 2);
    assert_eq!(count(&format!("client{}", web.path())), 2);
}

#[test]
fn a_client_whose_connection_ends_has_given_up_everything() {
    let (web, mut told) = telling();
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut peer = Peer::to(world.address(), &[]).await;
        for stream in [1, 3, 5] {
            peer.get(stream).await;
        }
        while web.requests() < 3 {
            tokio::task::yield_now().await;
        }
        let gone = Instant::now();
        drop(peer);
        for _ in 0..3 {
            let (reason, heard) = told.recv().await.expect("it is told");
            assert_eq!(reason, Some(Reason::CANCEL));
            assert!(heard - gone < AT_ONCE, "{:?}", heard - gone);
        }
    });
}

#[test]
fn an_endpoint_whose_connection_ends_has_not_answered() {
    let web = Endpoint::on_connection(|stream, _| async move {
        let mut peer = Peer::accepted(stream, &[]).await;
        // The connection ends with the function.
        peer.next_of(frames::HEADERS).await;
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(get("web")).await.expect("an answer");
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text());
        let reply = client.send(call("web", "/a.B/C")).await.expect("an answer");
        assert_eq!(reply.field("grpc-status"), Some("14"), "{reply:?}");
    });
}

#[test]
fn an_answer_whose_connection_ends_is_not_taken_for_a_whole() {
    let web = Endpoint::on_connection(|stream, _| async move {
        let mut peer = Peer::accepted(stream, &[]).await;
        let request = peer.next_of(frames::HEADERS).await.expect("a request");
        let head = frames::block(&[(":status", "200")]);
        let stream = request.stream;
        peer.send(frames::HEADERS, frames::END_HEADERS, stream, &head)
            .await;
        peer.send(frames::DATA, 0, stream, b"some").await;
        // Else the head may go with the rest.
        tokio::time::sleep(SOON).await;
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let mut response = client.ask(get("web")).await.await.expect("a head");
        let error = read(response.body_mut()).await.expect_err("a reset");
        assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
        let reply = client.send(call("web", "/a.B/C")).await.expect("an answer");
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, "some"));
        assert_eq!(reply.last("grpc-status"), Some("14"), "{reply:?}");
    });
}

#[test]
fn a_call_that_takes_longer_than_it_may_is_ended() {
    let (tell, mut told) = mpsc::channel(10);
    let web = Endpoint::new(move |mut call| {
        let tell = tell.clone();
        async move {
            let timeout = call.head.headers["grpc-timeout"].clone();
            let timeout = timeout.to_str().expect("text").to_owned();
            let reason = if call.head.uri.path() == "/a.B/Early" {
                call.reset().await
            } else {
                let mut out = call.begin(grpc());
                out.send_data(Bytes::from_static(b"some"), false)
                    .expect("taken");
                reset(&mut out).await
            };
            tell.send((timeout, reason)).await.expect("the test waits");
        }
    });
    let world = world(
        &format!("/svc/web => {}", web.path()),
        "",
        "  service: {responseClassifier: {kind: io.l5d.h2.grpc.neverRetryable}}\n",
    );
    run(async {
        let mut client = Client::to(world.address()).await;
        for path in ["/a.B/Early", "/a.B/Late"] {
            let mut asks = call("web", path);
            super::client::set(&mut asks, "grpc-timeout", "100m");
            let began = Instant::now();
            let reply = client.send(asks).await.expect("an answer");
            let took = began.elapsed().as_millis();
            assert!((100..1000).contains(&took), "{path}: {took} ms");
            assert_eq!(reply.last("grpc-status"), Some("4"), "{path}: {reply:?}");
            let (timeout, reason) = told.recv().await.expect("it is told");
            assert_eq!(reason, Some(Reason::CANCEL), "{path}");
            let micros = timeout
                .strip_suffix('u')
                .or_else(|| timeout.strip_suffix('n'));
            assert!(micros.is_some(), "less than it came with: {timeout}");
        }
    });
}
