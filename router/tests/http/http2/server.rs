//! The connections of clients: how they begin, and how a router ends them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::StatusCode;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::client::{Client, Reply, call, get, request, with, write};
use super::endpoint::Endpoint;
use super::frames::{self, ACK, END_HEADERS, END_STREAM, Peer};
use super::{SOON, run, world};
use crate::admin::metrics;
use crate::pki::Pki;
use crate::world::{PATIENCE, World};

/// An endpoint that answers when it may.
fn waiting() -> (Endpoint, Arc<Semaphore>) {
    let leave = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&leave);
    let web = Endpoint::new(move |mut call| {
        let waits = Arc::clone(&waits);
        async move {
            waits.acquire().await.expect("open").forget();
            call.say("web");
        }
    });
    (web, leave)
}

fn server(world: &World, what: &str) -> serde_json::Value {
    metrics(world)[format!("rt/h2/server/127.0.0.1/0/{what}")].clone()
}

#[test]
fn a_drain_answers_what_was_asked_and_takes_nothing_new() {
    let (web, leave) = waiting();
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    let address = world.address();
    let running = run(async {
        let mut peer = Peer::to(address, &[]).await;
        let mut idle = Peer::to(address, &[]).await;
        peer.get(1).await;
        while web.requests() == 0 {
            tokio::task::yield_now().await;
        }
        let running = world.take();
        running.shutdown().request(Some(PATIENCE));
        let ending = std::thread::spawn(move || running.run());
        let goaway = peer.next_of(frames::GOAWAY).await.expect("a goaway");
        assert_eq!((goaway.number(0), goaway.number(4)), (0x7fff_ffff, 0));
        // This one was on its way.
        peer.get(3).await;
        let ping = peer.next_of(frames::PING).await.expect("a ping");
        peer.acknowledge(&ping).await;
        let goaway = peer.next_of(frames::GOAWAY).await.expect("a goaway");
        assert_eq!((goaway.number(0), goaway.number(4)), (3, 0));
        assert_eq!(idle.goodbye().await, Some(0));
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        leave.add_permits(2);
        for _ in 0..2 {
            let data = peer.next_of(frames::DATA).await.expect("an answer");
            assert_eq!(data.payload, b"web");
        }
        while let Some(frame) = peer.next().await {
            assert_eq!(frame.kind, frames::GOAWAY, "{frame:?}");
        }
        ending
    });
    running.join().expect("the router ends");
}

#[test]
fn a_drain_does_not_wait_for_who_has_not_begun() {
    let world = world("", ", headerReadTimeoutMs: 60000", "");
    run(async {
        let silent = TcpStream::connect(world.address())
            .await
            .expect("it listens");
        let mut silent = Peer::over(silent);
        let running = world.take();
        running.shutdown().request(Some(PATIENCE * 10));
        let ending = std::thread::spawn(move || running.run());
        while silent.next().await.is_some() {}
        ending.join().expect("the router ends");
    });
}

#[test]
fn what_does_not_finish_within_the_grace_is_cut() {
    let (web, _leave) = waiting();
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let response = client.ask(get("web")).await;
        while web.requests() == 0 {
            tokio::task::yield_now().await;
        }
        let running = world.take();
        running.shutdown().request(Some(SOON));
        let ending = std::thread::spawn(move || running.run());
        assert!(response.await.is_err());
        ending.join().expect("the router ends");
    });
}

#[test]
fn idle_connections_are_told_to_go_and_busy_ones_are_not() {
    let (web, leave) = waiting();
    let dtab = format!("/svc/web => {}", web.path());
    let world = world(&dtab, ", serverSession: {idleTimeMs: 200}", "");
    run(async {
        let mut idle = Peer::to(world.address(), &[]).await;
        let mut busy = Client::to(world.address()).await;
        let response = busy.ask(get("web")).await;
        let began = Instant::now();
        assert_eq!(idle.goodbye().await, Some(0));
        assert!(began.elapsed() >= Duration::from_millis(150));
        drop(idle);
        sleep(SOON * 8).await;
        leave.add_permits(1);
        let reply = Reply::read(response).await.expect("an answer");
        assert_eq!(reply.text(), "web");
        busy.has_ended().await.expect("without an error");
    });
    assert_eq!(server(&world, "timeouts/idle"), 2);
}

#[test]
fn old_connections_finish_what_they_have() {
    let (web, leave) = waiting();
    let dtab = format!("/svc/web => {}", web.path());
    let world = world(&dtab, ", serverSession: {lifeTimeMs: 100}", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let response = client.ask(get("web")).await;
        while client.is_open().await {
            sleep(SOON / 5).await;
        }
        leave.add_permits(1);
        let reply = Reply::read(response).await.expect("an answer");
        assert_eq!(reply.text(), "web");
        client.has_ended().await.expect("without an error");
    });
}

#[test]
fn a_client_begins_in_time_or_not_at_all() {
    let world = world("", ", headerReadTimeoutMs: 100", "");
    run(async {
        for says in [&b""[..], &frames::PREFACE[..10]] {
            let stream = TcpStream::connect(world.address()).await;
            let mut peer = Peer::over(stream.expect("it listens"));
            peer.write(says).await;
            while peer.next().await.is_some() {}
        }
    });
    assert_eq!(server(&world, "timeouts/head"), 2);
}

#[test]
fn a_client_that_speaks_something_else_is_sent_away() {
    let world = world("", "", "");
    run(async {
        let stream = TcpStream::connect(world.address()).await;
        let mut peer = Peer::over(stream.expect("it listens"));
        peer.write(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n").await;
        while let Some(frame) = peer.next().await {
            assert!(
                [frames::SETTINGS, frames::WINDOW_UPDATE, frames::GOAWAY].contains(&frame.kind)
            );
        }
    });
}

#[test]
fn streams_beyond_the_limit_are_refused() {
    let (web, leave) = waiting();
    let dtab = format!("/svc/web => {}", web.path());
    let world = world(&dtab, ", maxConcurrentStreamsPerConnection: 2", "");
    run(async {
        let mut peer = Peer::to(world.address(), &[]).await;
        for stream in [1, 3, 5] {
            peer.get(stream).await;
        }
        let reset = peer.next_of(frames::RST_STREAM).await.expect("a reset");
        let refused = u32::from(Reason::REFUSED_STREAM);
        assert_eq!((reset.stream, reset.number(0)), (5, refused));
        leave.add_permits(3);
        for _ in 0..2 {
            let data = peer.next_of(frames::DATA).await.expect("an answer");
            assert_eq!(data.payload, b"web");
        }
        peer.get(7).await;
        let data = peer.next_of(frames::DATA).await.expect("an answer");
        assert_eq!(data.stream, 7);
    });
    assert_eq!(web.requests(), 3);
}

#[test]
fn heads_may_be_so_long_and_no_longer() {
    let web = Endpoint::named("web");
    let dtab = format!("/svc/web => {}", web.path());
    let world = world(&dtab, ", maxHeaderListBytes: 2000", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let long = "x".repeat(3000);
        let reply = client.send(with(get("web"), "x-long", &long)).await;
        let status = reply.expect("an answer").status;
        assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let fits = with(get("web"), "x-long", &long[..1000]);
        assert_eq!(client.send(fits).await.expect("an answer").text(), "web");
    });
}

#[test]
fn a_client_that_is_no_longer_there_is_found_out() {
    let (web, _leave) = waiting();
    let dtab = format!("/svc/web => {}", web.path());
    let world = world(&dtab, ", keepAliveMs: 50, keepAliveTimeoutMs: 500", "");
    run(async {
        let mut peer = Peer::to(world.address(), &[]).await;
        peer.get(1).await;
        let began = Instant::now();
        // Its pings are not answered.
        while peer.next().await.is_some() {}
        assert!(began.elapsed() >= Duration::from_millis(540));
        // One that answers them may wait.
        let mut client = Client::to(world.address()).await;
        let response = client.ask(get("web")).await;
        let waited = tokio::time::timeout(SOON * 15, response).await;
        assert!(waited.is_err(), "{waited:?}");
    });
}

#[test]
fn a_body_whose_length_was_told_has_to_come() {
    let web = Endpoint::new(|mut call| async move {
        if call.head.uri.path() == "/early" {
            let out = call.begin(super::client::answer(200));
            let _ = call.read().await;
            drop(out);
        } else if call.read().await.is_ok() {
            call.say("web");
        }
    });
    let dtab = format!("/svc/web => {}", web.path());
    let world = world(&dtab, ", bodyStallTimeoutMs: 100", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let promised = |uri| with(request("PUT", uri), "content-length", "10");
        let (response, mut sink) = client.begin(promised("http://web/")).await;
        sink.send_data(Bytes::from_static(b"half "), false)
            .expect("taken");
        let reply = Reply::read(response).await.expect("an answer");
        assert_eq!(
            reply.status,
            StatusCode::REQUEST_TIMEOUT,
            "{}",
            reply.text()
        );
        let (response, _sink) = client.begin(promised("http://web/early")).await;
        let error = Reply::read(response).await.expect_err("a reset");
        assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
        // A call may be silent.
        let (response, mut sink) = client.begin(call("web", "/a.B/C")).await;
        sleep(SOON * 6).await;
        sink.send_data(Bytes::new(), true).expect("taken");
        assert_eq!(
            Reply::read(response).await.expect("an answer").text(),
            "web"
        );
    });
    assert_eq!(server(&world, "timeouts/body"), 2);
    assert_eq!(server(&world, "failures/request_timeout"), 1);
}

#[test]
fn an_answer_has_to_be_taken() {
    let web = Endpoint::new(|mut call| async move {
        let mut out = call.begin(super::client::answer(200));
        if call.head.uri.path() == "/slow" {
            sleep(SOON * 6).await;
            let _ = out.send_data(Bytes::from_static(b"late"), true);
        } else {
            let _ = write(&mut out, vec![1; 1_000_000].into(), 16_384).await;
            super::endpoint::reset(&mut out).await;
        }
    });
    let dtab = format!("/svc/web => {}", web.path());
    let world = world(&dtab, ", bodyStallTimeoutMs: 100", "");
    run(async {
        // A window that never opens, and one that never opened at all.
        for settings in [&[][..], &[(4, 0)]] {
            let mut peer = Peer::to(world.address(), settings).await;
            peer.get(1).await;
            let reset = peer.next_of(frames::RST_STREAM).await.expect("a reset");
            let cancel = u32::from(Reason::CANCEL);
            assert_eq!((reset.stream, reset.number(0)), (1, cancel));
        }
        // The router's own answers have to be taken as well.
        let mut peer = Peer::to(world.address(), &[(4, 0)]).await;
        let block = frames::block(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "nobody"),
        ]);
        let flags = END_STREAM | END_HEADERS;
        peer.send(frames::HEADERS, flags, 1, &block).await;
        let reset = peer.next_of(frames::RST_STREAM).await.expect("a reset");
        assert_eq!(reset.number(0), u32::from(Reason::CANCEL));
        // Where there is nothing to take nobody is slow.
        let mut client = Client::to(world.address()).await;
        let reply = client.send(request("GET", "http://web/slow")).await;
        assert_eq!(reply.expect("an answer").text(), "late");
    });
    assert_eq!(server(&world, "timeouts/reply"), 3);
}

#[test]
fn pings_are_answered() {
    let world = world("", "", "");
    run(async {
        let mut peer = Peer::to(world.address(), &[]).await;
        peer.send(frames::PING, 0, 0, b"12345678").await;
        loop {
            let frame = peer.next().await.expect("an answer");
            if frame.kind == frames::PING {
                assert_eq!((frame.flags, &*frame.payload), (ACK, &b"12345678"[..]));
                break;
            }
        }
    });
}

/// A connection to a router with TLS, by a client that offers these protocols.
async fn secured(
    world: &World,
    pki: &Pki,
    alpn: &[&str],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut config = rustls::ClientConfig::clone(&pki.client(None, false));
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(world.address()).await?;
    let name = ServerName::try_from("router").expect("a name");
    connector.connect(name, stream).await
}

#[test]
fn with_tls_both_sides_agree_on_http2() {
    let pki = Pki::new();
    pki.issue("router", "router");
    pki.issue("web", "web");
    let (mut good, mut mute) = (0, 0);
    for (alpn, agrees) in [(&["h2"][..], true), (&["http/1.1"], false), (&[], false)] {
        let mut config = rustls::ServerConfig::clone(&pki.server("web", false));
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let web = Endpoint::on_connection(move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let Ok(mut serving) = h2::server::handshake(stream).await else {
                    return;
                };
                while let Some(Ok((_, mut respond))) = serving.accept().await {
                    let answer: http::Response<()> = super::client::answer(204);
                    let _: Result<h2::SendStream<Bytes>, _> = respond.send_response(answer, true);
                }
            }
        });
        let tls = format!(
            ", tls: {{certPath: {}, keyPath: {}}}",
            pki.shown("router.pem"),
            pki.shown("router.key")
        );
        let client = format!(
            "  client: {{tls: {{commonName: web, trustCerts: [{}]}}}}\n",
            pki.shown("ca.pem")
        );
        let world = world(&format!("/svc/web => {}", web.path()), &tls, &client);
        run(async {
            let stream = secured(&world, &pki, &["http/1.1", "h2"]).await;
            let mut client = Client::over(stream.expect("they agree"), |_| {}).await;
            let reply = client.send(request("GET", "https://web/")).await;
            let reply = reply.expect("an answer");
            if agrees {
                assert_eq!(reply.status, StatusCode::NO_CONTENT);
                good += 1;
            } else {
                assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
                assert!(reply.text().contains("no TLS"), "{}", reply.text());
            }
            assert!(secured(&world, &pki, &["http/1.1"]).await.is_err());
            let stream = secured(&world, &pki, &[]).await.expect("a handshake");
            let builder = h2::client::Builder::new();
            let shaken = builder.handshake::<_, Bytes>(stream).await;
            if let Ok((_, connection)) = shaken {
                connection.await.expect_err("nothing is served there");
            }
            mute += 1;
        });
    }
    assert_eq!((good, mute), (1, 3));
}
