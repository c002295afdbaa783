//! What a router answers itself: a status for those who read one, and `grpc-status` for calls.

use http::StatusCode;

use super::client::{Client, Reply, call, get, with};
use super::endpoint::Endpoint;
use super::{run, world};
use crate::admin::metrics;
use crate::world::{World, nobody};

/// An endpoint that never answers.
fn silent() -> Endpoint {
    Endpoint::new(|mut call| async move {
        call.reset().await;
    })
}

/// What a request that is no call gets, and what a call gets.
async fn both(world: &World, name: &'static str) -> [Reply; 2] {
    let mut client = Client::to(world.address()).await;
    let plain = client.send(get(name)).await.expect("an answer");
    let call = client.send(call(name, "/a.B/C")).await.expect("an answer");
    [plain, call]
}

/// Asserts that a request for `web` is answered with this status and word, and a call with this code.
async fn check(world: &World, status: u16, word: &str, code: &str) {
    let [plain, call] = both(world, "web").await;
    assert_eq!(plain.status.as_u16(), status, "{}", plain.text());
    assert!(plain.text().contains(word), "{}", plain.text());
    assert!(plain.field("l5d-err").is_some(), "{plain:?}");
    assert_eq!(plain.field("content-type"), Some("text/plain"));
    let length = plain.body.len().to_string();
    assert_eq!(plain.field("content-length"), Some(&*length));
    assert_eq!((call.status, call.text()), (StatusCode::OK, ""));
    assert_eq!(call.trailers, None, "the head is all");
    assert_eq!(call.field("content-type"), Some("application/grpc"));
    assert_eq!(call.field("content-length"), None);
    assert_eq!(call.field("grpc-status"), Some(code), "{call:?}");
    let message = call.field("grpc-message").expect("a message");
    assert!(!message.is_empty(), "{call:?}");
}

/// How often this was counted, by the server of a router.
fn failures(world: &World, label: &str) -> serde_json::Value {
    metrics(world)[format!("rt/h2/server/127.0.0.1/0/failures/{label}")].clone()
}

#[test]
fn each_error_has_its_status() {
    let nobody = format!("/svc/web => {}", crate::world::inet(nobody()));
    let silent = silent();
    let silent = format!("/svc/web => {}", silent.path());
    for (dtab, router, status, word, code, label) in [
        ("/svc/x => /y", "", 502, "Unable to route", "14", "unbound"),
        (
            &*nobody,
            "",
            502,
            "establish connection",
            "14",
            "connect_failed",
        ),
        (
            &*silent,
            "  service: {totalTimeoutMs: 100}\n",
            504,
            "totalTimeoutMs",
            "4",
            "total_timeout",
        ),
        (
            &*silent,
            "  client: {requestAttemptTimeoutMs: 100}\n",
            504,
            "100 ms",
            "4",
            "attempt_timeout",
        ),
        (
            "",
            "  bindingTimeoutMs: 100\n  interpreter: {kind: io.l5d.mesh, dst: /$/inet/127.0.0.1/1, root: /x}\nstateDir: none\n",
            503,
            "binding timeout",
            "14",
            "binding_timeout",
        ),
        (
            "",
            "  identifier: {kind: io.l5d.header.token, header: x-name}\n",
            400,
            "Unknown destination",
            "13",
            "unidentified",
        ),
    ] {
        let world = world(dtab, "", router);
        run(check(&world, status, word, code));
        assert_eq!(failures(&world, label), 2, "{label}");
    }
}

#[test]
fn a_limit_of_the_server_counts_as_well() {
    let silent = silent();
    let world = world(
        &format!("/svc/web => {}", silent.path()),
        ", timeoutMs: 100",
        "",
    );
    run(check(&world, 504, "timeoutMs", "4"));
}

#[test]
fn what_is_too_much_is_turned_away() {
    let silent = silent();
    let dtab = format!("/svc/web => {}", silent.path());
    let world = world(&dtab, ", maxConcurrentRequests: 1", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let waiting = client.ask(get("web")).await;
        while silent.requests() == 0 {
            tokio::task::yield_now().await;
        }
        check(&world, 503, "as many requests in flight", "14").await;
        drop(waiting);
        // Its place is free as soon as the router hears of it.
        while failures(&world, "cancelled") != 1 {
            tokio::task::yield_now().await;
        }
        let _again = client.ask(get("web")).await;
        while silent.requests() == 1 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn rules_that_are_none_are_refused() {
    let world = world("/svc => /$/nil", "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(with(get("web"), "l5d-dtab", "/svc =>")).await;
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text());
    });
}

#[test]
fn an_endpoint_that_does_not_speak_http2_is_as_good_as_none() {
    for says in ["", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let old = crate::world::Backend::scripted(move |mut connection| {
            connection.write(says);
        });
        let world = world(&format!("/svc/web => {}", old.path()), "", "");
        run(check(&world, 502, "establish connection", "14"));
    }
}
