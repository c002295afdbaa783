//! The connections to endpoints: how many there are, what ends them, and what becomes of their streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::Reason;
use http::StatusCode;
use tokio::sync::Barrier;
use tokio::time::sleep;

use super::client::{Client, Reply, answer, call, get, request, write};
use super::endpoint::Endpoint;
use super::frames::{self, END_HEADERS, END_STREAM, Peer};
use super::{SOON, run, world};
use crate::admin::metrics;
use crate::world::{World, wait_until};

/// A router that knows these as the endpoints of one client.
fn world_of_one_client(folder: &tempfile::TempDir, of: &[&Endpoint], client: &str) -> World {
    let lines = of
        .iter()
        .map(|one| format!("{} {}\n", one.address.ip(), one.address.port()));
    std::fs::write(folder.path().join("web"), lines.collect::<String>()).expect("written");
    world(
        "/svc => /#/io.l5d.fs",
        "",
        &format!(
            "  client: {{{client}}}\nnamers:\n- {{kind: io.l5d.fs, rootDir: {}}}\n",
            folder.path().display()
        ),
    )
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// What is counted of the client `web` in a file.
fn counted(world: &World, what: &str) -> serde_json::Value {
    metrics(world)[format!("rt/h2/client/#/io.l5d.fs/web/{what}")].clone()
}

/// Reads requests until there are so many, or the connection ends; their streams.
async fn requests(peer: &mut Peer, count: usize) -> Vec<u32> {
    let mut streams = Vec::new();
    while streams.len() < count
        && let Some(request) = peer.next_of(frames::HEADERS).await
    {
        streams.push(request.stream);
    }
    streams
}

async fn ok(peer: &mut Peer, stream: u32, text: &str) {
    let head = frames::block(&[(":status", "200")]);
    peer.send(frames::HEADERS, END_HEADERS, stream, &head).await;
    peer.send(frames::DATA, END_STREAM, stream, text.as_bytes())
        .await;
}

#[test]
fn an_endpoint_that_allows_few_streams_has_many_connections() {
    for most in 1..=3 {
        // All wait until as many as possible are there at once.
        let now = Arc::new(AtomicUsize::new(0));
        let web = Endpoint::with(
            move |builder| {
                builder.max_concurrent_streams(most);
            },
            move |mut call| {
                let now = Arc::clone(&now);
                async move {
                    now.fetch_add(1, Ordering::SeqCst);
                    while now.load(Ordering::SeqCst) < 50 {
                        sleep(SOON / 10).await;
                    }
                    call.say("web");
                }
            },
        );
        let world = world(&format!("/svc/web => {}", web.path()), "", "");
        run(async {
            let mut client = Client::to(world.address()).await;
            let mut waiting = Vec::new();
            for _ in 0..50 {
                waiting.push(Reply::read(client.ask(get("web")).await));
            }
            for reply in join_all(waiting).await {
                assert_eq!(reply.expect("an answer").text(), "web");
            }
        });
        let least = 50_usize.div_ceil(usize::try_from(most).expect("a few"));
        assert_eq!(web.connections(), least, "with {most} on each");
    }
}

#[test]
fn streams_that_are_given_up_make_room_for_others() {
    let web = Endpoint::with(
        |builder| {
            builder.max_concurrent_streams(2);
        },
        |mut call| async move {
            if call.head.uri.path() == "/never" {
                call.reset().await;
            } else {
                call.say("web");
            }
        },
    );
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        for _ in 0..100 {
            let (_never, mut sink) = client.begin(request("GET", "http://web/never")).await;
            sink.send_reset(Reason::CANCEL);
            let reply = client.send(get("web")).await.expect("an answer");
            assert_eq!(reply.text(), "web");
        }
    });
    assert!(web.connections() <= 3, "{}", web.connections());
}

#[test]
fn what_an_endpoint_had_not_looked_at_goes_to_its_next_connection() {
    let web = Endpoint::on_connection(|stream, number| async move {
        let mut peer = Peer::accepted(stream, &[]).await;
        if number == 0 {
            let streams = requests(&mut peer, 3).await;
            // It has seen the first, and none behind.
            let last = [streams[0].to_be_bytes(), 0u32.to_be_bytes()].concat();
            peer.send(frames::GOAWAY, 0, 0, &last).await;
            sleep(SOON).await;
            ok(&mut peer, streams[0], "first").await;
            while peer.next().await.is_some() {}
        } else {
            loop {
                let [stream] = requests(&mut peer, 1).await[..] else {
                    return;
                };
                ok(&mut peer, stream, "second").await;
            }
        }
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let first = client.ask(get("web")).await;
        let second = client.ask(get("web")).await;
        let (third, mut sink) = client.begin(request("PUT", "http://web/")).await;
        sink.send_data(Bytes::from_static(b"body"), true)
            .expect("taken");
        let replies = join_all([first, second, third].map(Reply::read)).await;
        let texts = replies.iter().map(|reply| {
            let reply = reply.as_ref().expect("an answer");
            reply.text()
        });
        let mut texts: Vec<_> = texts.collect();
        // Which of them comes first is not said.
        texts.sort_unstable();
        assert_eq!(texts, ["first", "second", "second"]);
        let reply = client.send(get("web")).await.expect("an answer");
        assert_eq!(reply.text(), "second", "the first takes no more");
    });
    assert_eq!(web.connections(), 2);
}

#[test]
fn a_stream_that_is_refused_goes_to_another_endpoint() {
    let busy = Endpoint::new(|mut call| async move {
        call.respond.send_reset(Reason::REFUSED_STREAM);
    });
    let web = Endpoint::new(|mut call| async move {
        let (body, _) = call.read().await.expect("a body");
        assert_eq!(body, b"body");
        call.say("web");
    });
    let folder = folder();
    let world = world_of_one_client(&folder, &[&busy, &web], "failureAccrual: {kind: none}");
    run(async {
        let mut client = Client::to(world.address()).await;
        for _ in 0..20 {
            let asks = request("POST", "http://web/");
            let reply = client.send_with(asks, b"body").await.expect("an answer");
            assert_eq!(reply.text(), "web");
        }
    });
    assert!(busy.requests() > 0, "it was never asked");
    let refused = busy.requests();
    assert_eq!(counted(&world, "retries/requeues"), refused);
    assert_eq!(counted(&world, "requests"), 20);
    assert_eq!(counted(&world, "success"), 20);
}

#[test]
fn what_is_refused_everywhere_is_refused() {
    let busy = || {
        Endpoint::new(|mut call| async move {
            call.respond.send_reset(Reason::REFUSED_STREAM);
        })
    };
    let (one, two) = (busy(), busy());
    let folder = folder();
    let world = world_of_one_client(&folder, &[&one, &two], "failureAccrual: {kind: none}");
    run(async {
        let mut client = Client::to(world.address()).await;
        let error = client.send(get("web")).await.expect_err("a reset");
        assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
    });
    assert_eq!((one.requests(), two.requests()), (1, 1));
}

#[test]
fn a_long_upload_that_is_refused_cannot_go_elsewhere() {
    let busy = Endpoint::new(|mut call| async move {
        let mut read = 0;
        while read < 100_000 {
            let chunk = call.body.data().await.expect("some").expect("some");
            let _ = call.body.flow_control().release_capacity(chunk.len());
            read += chunk.len();
        }
        call.respond.send_reset(Reason::REFUSED_STREAM);
    });
    let web = Endpoint::named("web");
    let folder = folder();
    let world = world_of_one_client(&folder, &[&busy, &web], "failureAccrual: {kind: none}");
    run(async {
        let mut client = Client::to(world.address()).await;
        while busy.requests() == 0 {
            let (response, mut sink) = client.begin(request("POST", "http://web/")).await;
            let _ = write(&mut sink, vec![7; 150_000].into(), 16_384).await;
            let reply = Reply::read(response).await;
            if busy.requests() == 1 {
                let error = reply.expect_err("a reset");
                assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
            }
        }
    });
}

/// A router whose routes are soon forgotten has the whole process look more often for what is idle.
const LOOKS_OFTEN: &str =
    "- protocol: http\n  label: other\n  servers: [{port: 0}]\n  bindingCache: {idleTtlSecs: 1}\n";

#[test]
fn connections_close_when_they_are_idle_or_old() {
    let check = |session: &'static str| {
        std::thread::spawn(move || {
            let web = Endpoint::named("web");
            let world = world(
                &format!("/svc/web => {}", web.path()),
                "",
                &format!("  client: {{clientSession: {{{session}}}}}\n{LOOKS_OFTEN}"),
            );
            run(async {
                let mut client = Client::to(world.address()).await;
                let reply = client.send(get("web")).await.expect("an answer");
                assert_eq!(reply.text(), "web");
            });
            let open = format!("rt/h2/client{}/connections", web.path());
            let open = || metrics(&world)[&open].clone();
            if session.is_empty() {
                std::thread::sleep(SOON * 50);
                assert_eq!(open(), 1.0);
            } else {
                wait_until("closed", || open() == 0.0);
            }
        })
    };
    for checked in ["", "idleTimeMs: 100", "lifeTimeMs: 100"].map(check) {
        checked.join().expect("as it should be");
    }
}

#[test]
fn an_endpoint_that_falls_silent_is_given_up() {
    let web = Endpoint::on_connection(|stream, number| async move {
        let mut peer = Peer::accepted(stream, &[]).await;
        let [stream] = requests(&mut peer, 1).await[..] else {
            return;
        };
        if number > 0 {
            ok(&mut peer, stream, "web").await;
        }
        // Its pings are answered by the second only.
        while let Some(frame) = peer.next().await {
            if number > 0 {
                peer.acknowledge(&frame).await;
            }
        }
    });
    let world = world(
        &format!("/svc/web => {}", web.path()),
        "",
        "  client: {keepAliveMs: 100, keepAliveTimeoutMs: 400}\n",
    );
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(call("web", "/a.B/C")).await.expect("an answer");
        assert_eq!(reply.field("grpc-status"), Some("14"), "{reply:?}");
        let reply = client.send(get("web")).await.expect("an answer");
        assert_eq!(reply.text(), "web");
    });
}

#[test]
fn an_endpoint_that_answers_pings_may_be_silent_otherwise() {
    let web = Endpoint::new(|mut call| async move {
        sleep(SOON * 30).await;
        call.say("web");
    });
    let world = world(
        &format!("/svc/web => {}", web.path()),
        "",
        "  client: {keepAliveMs: 20, keepAliveTimeoutMs: 1000}\n",
    );
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(get("web")).await.expect("an answer");
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, "web"));
    });
    assert_eq!(web.connections(), 1);
}

#[test]
fn an_endpoint_is_not_asked_before_it_says_how_many_streams_it_allows() {
    let web = Endpoint::on_connection(|stream, _| async move {
        let mut peer = Peer::over(stream);
        peer.read_preface().await;
        // Nothing but settings and what belongs to them comes, for as long as we are silent.
        let early = tokio::time::timeout(SOON, peer.next_of(frames::HEADERS)).await;
        assert!(early.is_err(), "{early:?}");
        let one_stream = [&3u16.to_be_bytes()[..], &1u32.to_be_bytes()].concat();
        peer.send(frames::SETTINGS, 0, 0, &one_stream).await;
        let [stream] = requests(&mut peer, 1).await[..] else {
            return;
        };
        ok(&mut peer, stream, "web").await;
        while peer.next().await.is_some() {}
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(get("web")).await.expect("an answer");
        assert_eq!(reply.text(), "web");
    });
}

#[test]
fn an_answer_of_unknown_ends_goes_on_when_its_connection_takes_no_more() {
    let web = Endpoint::on_connection(|stream, number| async move {
        let mut peer = Peer::accepted(stream, &[]).await;
        let [stream] = requests(&mut peer, 1).await[..] else {
            return;
        };
        if number == 0 {
            let head = frames::block(&[(":status", "200")]);
            peer.send(frames::HEADERS, END_HEADERS, stream, &head).await;
            let last = [stream.to_be_bytes(), 0u32.to_be_bytes()].concat();
            peer.send(frames::GOAWAY, 0, 0, &last).await;
            sleep(SOON).await;
            peer.send(frames::DATA, END_STREAM, stream, b"whole").await;
        } else {
            ok(&mut peer, stream, "other").await;
        }
        while peer.next().await.is_some() {}
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let first = client.ask(get("web")).await.await.expect("a head");
        let other = client.send(get("web")).await.expect("an answer");
        assert_eq!(other.text(), "other");
        let (body, _) = super::client::read(&mut first.into_body())
            .await
            .expect("a body");
        assert_eq!(body, b"whole");
    });
}

#[test]
fn many_wait_for_the_same_new_connection() {
    let barrier = Arc::new(Barrier::new(20));
    let web = Endpoint::new(move |mut call| {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await;
            call.end(answer(200));
        }
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(Reply::read(client.ask(get("web")).await));
        }
        for reply in join_all(waiting).await {
            assert_eq!(reply.expect("an answer").status, StatusCode::OK);
        }
    });
    assert_eq!(web.connections(), 1);
}
