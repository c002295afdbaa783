//! Clients that would have a router work or hold things for nothing: it ends their connections where they go too far, holds nothing for
//! those that do not read, and serves everybody else meanwhile.

use std::time::Duration;

use h2::Reason;
use tokio::time::timeout;

use super::client::{Client, get};
use super::endpoint::Endpoint;
use super::frames::{self, END_HEADERS, END_STREAM, Flooded, Frame, Peer};
use super::{SOON, run, world};
use crate::admin::metrics;
use crate::world::World;

fn echo() -> (Endpoint, World) {
    let web = Endpoint::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    (web, world)
}

fn times(count: usize, frame: &Frame) -> Vec<u8> {
    frame.bytes().repeat(count)
}

/// What comes of a client that sends this, while another one is served.
fn flood(world: &World, bytes: Vec<u8>) -> Flooded {
    run(async {
        let mut other = Client::to(world.address()).await;
        let peer = Peer::to(world.address(), &[]).await;
        let served = async {
            for _ in 0..20 {
                let reply = other.send(get("web")).await.expect("an answer");
                assert_eq!(reply.text(), "web");
            }
        };
        let (flooded, ()) = tokio::join!(peer.flood(bytes), served);
        flooded
    })
}

fn ended(reason: Reason) -> Flooded {
    Flooded::Ended(u32::from(reason))
}

/// Requests, each reset at once.
fn resets(count: u32) -> Vec<u8> {
    let head = frames::head("GET", &[]);
    let cancel = u32::from(Reason::CANCEL).to_be_bytes();
    let streams = (0..count).map(|at| 2 * at + 1);
    let both = streams.flat_map(|stream| {
        let asks = Frame::new(frames::HEADERS, END_STREAM | END_HEADERS, stream, &head);
        let resets = Frame::new(frames::RST_STREAM, 0, stream, &cancel);
        [asks.bytes(), resets.bytes()].concat()
    });
    both.collect()
}

#[test]
fn requests_that_are_reset_at_once_reach_no_endpoint() {
    let (web, world) = echo();
    let flooded = flood(&world, resets(20_000));
    assert_eq!(flooded, ended(Reason::ENHANCE_YOUR_CALM));
    // Those that the router has met before their resets.
    assert!(web.requests() < 2_000, "{}", web.requests());
}

#[test]
fn a_few_resets_are_no_flood() {
    let (_web, world) = echo();
    assert_eq!(flood(&world, resets(100)), Flooded::Served);
}

#[test]
fn resets_one_by_one_are_a_flood_as_well() {
    let never = Endpoint::new(|mut call| async move {
        call.reset().await;
    });
    let dtab = format!("/svc/web => {}", never.path());
    let world = world(&dtab, ", maxEarlyResets: 50", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let mut asked = 0;
        while client.is_open().await && asked < 500 {
            let (_, mut sink) = client.begin(get("web")).await;
            tokio::task::yield_now().await;
            sink.send_reset(Reason::CANCEL);
            asked += 1;
            tokio::time::sleep(SOON / 50).await;
        }
        let error = client.has_ended().await.expect_err("it was ended");
        assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM), "{error}");
        assert!((50..200).contains(&asked), "{asked}");
    });
    let floods = &metrics(&world)["rt/h2/server/127.0.0.1/0/stream/reset_floods"];
    assert_eq!(floods, 1);
}

#[test]
fn small_talk_is_borne_as_long_as_it_is_read() {
    let (_web, world) = echo();
    for frame in [
        Frame::new(frames::PING, 0, 0, b"12345678"),
        Frame::new(frames::SETTINGS, 0, 0, &[]),
        Frame::new(frames::PRIORITY, 0, 1, &[0, 0, 0, 0, 16]),
        Frame::new(frames::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        // Nobody knows this kind.
        Frame::new(99, 0, 0, b"whatever"),
    ] {
        let kind = frame.kind;
        assert_eq!(
            flood(&world, times(20_000, &frame)),
            Flooded::Served,
            "{kind}"
        );
    }
}

#[test]
fn who_does_not_read_is_not_read_either() {
    let (_web, world) = echo();
    for frame in [
        Frame::new(frames::PING, 0, 0, b"12345678"),
        Frame::new(frames::SETTINGS, 0, 0, &[]),
    ] {
        let some = times(10_000, &frame);
        run(async {
            let mut peer = Peer::to(world.address(), &[]).await;
            let mut sent = 0;
            // As much as both sockets hold, and then no more.
            while let Ok(taken) = timeout(SOON * 4, peer.write(&some)).await {
                assert!(taken, "it is not ended");
                sent += some.len();
                assert!(sent < 200_000_000, "it is read for ever");
            }
        });
    }
}

#[test]
fn data_without_content_is_borne_a_few_times() {
    let (_web, world) = echo();
    let asks = Frame::new(frames::HEADERS, END_HEADERS, 1, &frames::head("POST", &[]));
    let empty = Frame::new(frames::DATA, 0, 1, &[]);
    let few = [asks.bytes(), times(50, &empty)].concat();
    assert_eq!(flood(&world, few), Flooded::Served);
    let many = [asks.bytes(), times(1_000, &empty)].concat();
    assert_eq!(flood(&world, many), ended(Reason::ENHANCE_YOUR_CALM));
}

#[test]
fn a_head_does_not_go_on_for_ever() {
    let (_web, world) = echo();
    let begins = Frame::new(frames::HEADERS, END_STREAM, 1, &frames::head("GET", &[]));
    for more in [&[][..], &frames::block(&[("x", "y")])] {
        let more = Frame::new(frames::CONTINUATION, 0, 1, more);
        let bytes = [begins.bytes(), times(10_000, &more)].concat();
        let flooded = flood(&world, bytes);
        assert_eq!(flooded, ended(Reason::ENHANCE_YOUR_CALM), "{more:?}");
    }
}

#[test]
fn heads_that_are_far_too_long_end_the_connection() {
    let (web, world) = echo();
    let value = "x".repeat(60_000);
    let asks = Frame::new(
        frames::HEADERS,
        END_STREAM,
        1,
        &frames::head("GET", &[("x", &value)])[..16_384],
    );
    let block = frames::head("GET", &[("x", &value)]);
    let mut bytes = asks.bytes();
    for piece in block[16_384..].chunks(16_384) {
        bytes.extend(Frame::new(frames::CONTINUATION, 0, 1, piece).bytes());
    }
    let flooded = flood(&world, bytes);
    assert!(matches!(flooded, Flooded::Ended(_)), "{flooded:?}");
    assert_eq!(web.requests(), 20, "those of the other client");
}

#[test]
fn windows_have_their_bounds() {
    let (_web, world) = echo();
    let asks = Frame::new(frames::HEADERS, END_HEADERS, 1, &frames::head("POST", &[])).bytes();
    let update = |stream, more: u32| {
        Frame::new(frames::WINDOW_UPDATE, 0, stream, &more.to_be_bytes()).bytes()
    };
    let most = 0x7fff_ffff;
    for (what, bytes, expected) in [
        ("nothing more", update(0, 0), ended(Reason::PROTOCOL_ERROR)),
        (
            "too much",
            [update(0, most), update(0, most)].concat(),
            ended(Reason::FLOW_CONTROL_ERROR),
        ),
        (
            "too much of a stream",
            [asks.clone(), update(1, most), update(1, most)].concat(),
            Flooded::Served,
        ),
        ("of no stream", update(1, 1), ended(Reason::PROTOCOL_ERROR)),
        (
            "more data than there is room for",
            [
                asks.clone(),
                times(5, &Frame::new(frames::DATA, 0, 1, &[7; 16_384])),
            ]
            .concat(),
            // It is taken as fast as it comes, or it is not.
            Flooded::Served,
        ),
        (
            "a window that cannot be",
            Frame::new(frames::SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]).bytes(),
            ended(Reason::PROTOCOL_ERROR),
        ),
    ] {
        let flooded = flood(&world, bytes);
        if what.starts_with("more data") {
            let too_much = Flooded::Ended(u32::from(Reason::FLOW_CONTROL_ERROR));
            assert!(flooded == expected || flooded == too_much, "{flooded:?}");
        } else {
            assert_eq!(flooded, expected, "{what}");
        }
    }
}

#[test]
fn frames_out_of_place_end_the_connection() {
    let (_web, world) = echo();
    let block = frames::head("GET", &[]);
    let asks = |stream| {
        let flags = END_STREAM | END_HEADERS;
        Frame::new(frames::HEADERS, flags, stream, &block).bytes()
    };
    for (what, bytes) in [
        ("a stream of ours", asks(2)),
        (
            "data of no stream",
            Frame::new(frames::DATA, 0, 1, b"x").bytes(),
        ),
        ("a stream from before", [asks(5), asks(3)].concat()),
        (
            "a push",
            Frame::new(5, END_HEADERS, 1, &[0, 0, 0, 2]).bytes(),
        ),
        (
            "settings of a stream",
            Frame::new(frames::SETTINGS, 0, 1, &[]).bytes(),
        ),
        (
            "data of the connection",
            Frame::new(frames::DATA, 0, 0, b"x").bytes(),
        ),
        (
            "a head in another head",
            [
                Frame::new(frames::HEADERS, END_STREAM, 1, &block).bytes(),
                asks(3),
            ]
            .concat(),
        ),
    ] {
        let flooded = flood(&world, bytes);
        assert_eq!(flooded, ended(Reason::PROTOCOL_ERROR), "{what}");
    }
    let long = Frame::new(frames::PING, 0, 0, &[0; 9]).bytes();
    assert!(matches!(flood(&world, long), Flooded::Ended(_)));
    let bad = Frame::new(frames::HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 8]).bytes();
    assert!(matches!(flood(&world, bad), Flooded::Ended(_)));
}

#[test]
fn errors_that_make_a_router_reset_are_a_flood_at_last() {
    let (web, world) = echo();
    let head = frames::head("POST", &[]);
    let streams = (0..3_000).map(|at| 2 * at + 1);
    // Each is reset for its second update.
    let update = 0x7fff_ffff_u32.to_be_bytes();
    let bytes: Vec<u8> = streams
        .flat_map(|stream| {
            let asks = Frame::new(frames::HEADERS, END_HEADERS, stream, &head).bytes();
            let update = Frame::new(frames::WINDOW_UPDATE, 0, stream, &update);
            [asks, times(2, &update)].concat()
        })
        .collect();
    let flooded = flood(&world, bytes);
    assert_eq!(flooded, ended(Reason::ENHANCE_YOUR_CALM));
    assert!(web.requests() < 2_000, "{}", web.requests());
}

#[test]
fn a_drop_at_a_time_keeps_nobody_from_being_served() {
    let (_web, world) = echo();
    run(async {
        let mut slow = Peer::to(world.address(), &[]).await;
        let asks = Frame::new(
            frames::HEADERS,
            END_STREAM | END_HEADERS,
            1,
            &frames::head("GET", &[]),
        );
        for byte in asks.bytes() {
            assert!(slow.write(&[byte]).await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let data = slow.next_of(frames::DATA).await.expect("an answer");
        assert_eq!(data.payload, b"web");
    });
}
