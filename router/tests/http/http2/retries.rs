//! Answers that have failed, as far as their names say what that is: asked for again where that helps, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::client::{Client, Reply, answer, call, get, read, request, text_of};
use super::endpoint::{Call, Endpoint, grpc, grpc_status, only};
use super::{SOON, run, world};
use crate::admin::metrics;
use crate::world::World;

const AT_ONCE: &str =
    "retries: {budget: {minRetriesPerSec: 1000}, backoff: {kind: constant, ms: 0}}";

/// A router to this endpoint for all names, with more in its `service:`.
fn world_with(web: &Endpoint, service: &str) -> World {
    world(
        &format!("/svc => {}", web.path()),
        "",
        &format!("  service: {{{AT_ONCE}, {service}}}\n"),
    )
}

fn kind(kind: &str) -> String {
    format!("responseClassifier: {{kind: io.l5d.h2.{kind}}}")
}

/// An endpoint that fails the first of all requests like this, and answers the others.
fn recovering(fail: impl Fn(&mut Call) + Send + Sync + 'static) -> Endpoint {
    let fail = Arc::new(fail);
    Endpoint::new(move |mut call| {
        let fail = Arc::clone(&fail);
        async move {
            if call.number == 0 {
                return fail(&mut call);
            }
            let Ok((body, _)) = call.read().await else {
                return;
            };
            let mut out = call.begin(grpc());
            let _ = out.send_data(body.into(), false);
            let _ = out.send_trailers(grpc_status(0));
        }
    })
}

fn ends_late(status: u32) -> impl Fn(&mut Call) + Send + Sync {
    move |call| {
        let mut out = call.begin(grpc());
        let _ = out.send_data(Bytes::from_static(b"part"), false);
        let _ = out.send_trailers(grpc_status(status));
    }
}

fn retries(world: &World, what: &str) -> Value {
    metrics(world)[format!("rt/h2/service/svc/web/retries/{what}")].clone()
}

/// What a call gets of which the first try fails, and how many tries there were.
fn asked(web: &Endpoint, service: &str) -> (String, usize) {
    let world = world_with(web, service);
    let reply = run(async {
        let mut client = Client::to(world.address()).await;
        let asks = call("web", "/a.B/C");
        client.send_with(asks, b"body").await
    });
    let said = match &reply {
        Ok(reply) => reply
            .last("grpc-status")
            .unwrap_or(reply.status.as_str())
            .to_owned(),
        Err(error) => format!("{:?}", error.reason()),
    };
    if said == "0" {
        assert_eq!(reply.expect("an answer").body, b"body");
    }
    let tries = web.requests();
    let expected = match tries {
        1 => Value::Null,
        more => (more - 1).into(),
    };
    assert_eq!(retries(&world, "total"), expected, "{service}");
    (said, tries)
}

#[test]
fn each_kind_knows_which_calls_to_send_again() {
    for (name, early, late, retried) in [
        ("grpc.default", Some(14), None, true),
        ("grpc.default", None, Some(14), true),
        ("grpc.default", Some(13), None, false),
        ("grpc.default", None, Some(13), false),
        ("grpc.compliant", Some(14), None, true),
        ("grpc.compliant", None, Some(14), true),
        ("grpc.alwaysRetryable", Some(3), None, true),
        ("grpc.alwaysRetryable", None, Some(3), true),
        ("grpc.neverRetryable", Some(14), None, false),
        ("grpc.neverRetryable", None, Some(14), false),
        (
            "grpc.retryableStatusCodes, retryableStatusCodes: [4]",
            None,
            Some(4),
            true,
        ),
        (
            "grpc.retryableStatusCodes, retryableStatusCodes: [4]",
            None,
            Some(14),
            false,
        ),
    ] {
        let web = match (early, late) {
            (Some(code), _) => recovering(move |call| call.end(only(code))),
            (None, code) => recovering(ends_late(code.unwrap_or_default())),
        };
        let failed = early.or(late).map(|code| code.to_string());
        let expected = match retried {
            true => ("0".to_owned(), 2),
            false => (failed.unwrap_or_default(), 1),
        };
        assert_eq!(
            asked(&web, &kind(name)),
            expected,
            "{name} {early:?} {late:?}"
        );
    }
}

#[test]
fn what_stands_for_a_code_counts_for_those_who_comply() {
    let refuses = |call: &mut Call| call.respond.send_reset(Reason::REFUSED_STREAM);
    let (again, not) = (("0".to_owned(), 2), ("Some(REFUSED_STREAM)".to_owned(), 1));
    assert_eq!(asked(&recovering(refuses), &kind("grpc.compliant")), again);
    assert_eq!(asked(&recovering(refuses), &kind("grpc.default")), not);
    let unavailable = |call: &mut Call| call.end(answer(503));
    let not = ("503".to_owned(), 1);
    assert_eq!(
        asked(&recovering(unavailable), &kind("grpc.compliant")),
        again
    );
    assert_eq!(asked(&recovering(unavailable), &kind("grpc.default")), not);
}

#[test]
fn other_kinds_go_by_method_and_status() {
    for (name, method, retried) in [
        ("nonRetryable5XX", "GET", false),
        ("retryableRead5XX", "GET", true),
        ("retryableRead5XX", "PUT", false),
        ("retryableIdempotent5XX", "PUT", true),
        ("retryableIdempotent5XX", "POST", false),
        ("retryableAll5XX", "POST", true),
        ("allSuccessful", "GET", false),
    ] {
        let web = recovering(|call| call.end(answer(500)));
        let world = world_with(&web, &kind(name));
        let reply = run(async {
            let mut client = Client::to(world.address()).await;
            client.send(request(method, "http://web/")).await
        });
        let reply = reply.expect("an answer");
        let expected = if retried { 200 } else { 500 };
        assert_eq!(reply.status.as_u16(), expected, "{name} {method}");
        assert_eq!(web.requests(), 1 + usize::from(retried));
        let class = match retried || name == "allSuccessful" {
            true => "1.0",
            false => "0.0",
        };
        assert_eq!(reply.field("l5d-success-class"), Some(class), "{name}");
    }
}

#[test]
fn an_upload_is_kept_within_its_bound() {
    for (length, retried) in [(1000, true), (1001, false)] {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let web = Endpoint::new(move |mut call| {
            let counted = Arc::clone(&counted);
            async move {
                let (body, _) = call.read().await.expect("a body");
                counted.store(body.len(), Ordering::SeqCst);
                let code = if call.number == 0 { 14 } else { 0 };
                call.end(only(code));
            }
        });
        let bounds = "retryBufferSize: {requestBytes: 1000}";
        let world = world_with(&web, &format!("{}, {bounds}", kind("grpc.default")));
        let reply = run(async {
            let mut client = Client::to(world.address()).await;
            let (response, mut sink) = client.begin(call("web", "/a.B/C")).await;
            sink.send_data(vec![1; length].into(), true).expect("taken");
            Reply::read(response).await
        });
        let expected = if retried { "0" } else { "14" };
        let reply = reply.expect("an answer");
        assert_eq!(reply.last("grpc-status"), Some(expected), "{length}");
        assert_eq!(web.requests(), 1 + usize::from(retried));
        assert_eq!(read.load(Ordering::SeqCst), length, "the last try had all");
    }
}

#[test]
fn an_answer_is_held_within_its_bounds() {
    let long = recovering(|call| {
        let mut out = call.begin(grpc());
        let _ = out.send_data(vec![1; 1001].into(), false);
        let _ = out.send_trailers(grpc_status(14));
    });
    let bounds = "retryBufferSize: {responseBytes: 1000}";
    let world = world_with(&long, &format!("{}, {bounds}", kind("grpc.default")));
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(call("web", "/a.B/C")).await.expect("an answer");
        assert_eq!(reply.body.len(), 1001);
        assert_eq!(reply.last("grpc-status"), Some("14"));
        assert_eq!(reply.last("l5d-success-class"), Some("0.0"));
    });
    assert_eq!(retries(&world, "response_stream_too_long"), 1);
    assert_eq!(long.requests(), 1);
}

#[test]
fn an_answer_is_held_only_so_long() {
    let leave = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&leave);
    let slow = Endpoint::new(move |mut call| {
        let waits = Arc::clone(&waits);
        async move {
            let mut out = call.begin(grpc());
            let _ = out.send_data(Bytes::from_static(b"part"), false);
            waits.acquire().await.expect("open").forget();
            let _ = out.send_trailers(grpc_status(14));
        }
    });
    let service = format!("{}, classificationTimeoutMs: 100", kind("grpc.default"));
    let world = world_with(&slow, &service);
    run(async {
        let mut client = Client::to(world.address()).await;
        let began = Instant::now();
        let mut response = client
            .ask(call("web", "/a.B/C"))
            .await
            .await
            .expect("a head");
        let first = response
            .body_mut()
            .data()
            .await
            .expect("some")
            .expect("some");
        let took = began.elapsed();
        assert_eq!(&*first, b"part");
        assert!(took >= SOON * 2, "{took:?}");
        leave.add_permits(1);
        let (_, trailers) = read(response.body_mut()).await.expect("an end");
        let trailers = trailers.expect("trailers");
        assert_eq!(text_of(&trailers, "grpc-status"), Some("14"));
        assert_eq!(text_of(&trailers, "l5d-success-class"), Some("0.0"));
    });
    assert_eq!(retries(&world, "classification_timeout"), 1);
    assert_eq!(slow.requests(), 1);
}

#[test]
fn who_sends_nothing_again_holds_nothing_back() {
    for kind_of in ["grpc.neverRetryable", "nonRetryable5XX"] {
        let web = Endpoint::new(|mut call| async move {
            let mut out = call.begin(grpc());
            let _ = out.send_data(Bytes::from_static(b"first"), false);
            super::endpoint::reset(&mut out).await;
        });
        let service = format!("{}, classificationTimeoutMs: 60000", kind(kind_of));
        let world = world_with(&web, &service);
        run(async {
            let mut client = Client::to(world.address()).await;
            let response = client.ask(call("web", "/a.B/C")).await;
            let mut response = response.await.expect("a head");
            let first = response.body_mut().data().await.expect("some");
            assert_eq!(&*first.expect("some"), b"first");
            let next = timeout(SOON, response.body_mut().data()).await;
            assert!(next.is_err(), "the stream stays open");
        });
    }
}

#[test]
fn the_trailers_of_a_request_come_again_as_well() {
    let web = Endpoint::new(|mut call| async move {
        let (body, trailers) = call.read().await.expect("a body");
        assert_eq!(body, b"body");
        let trailers = trailers.expect("trailers");
        assert_eq!(text_of(&trailers, "x-end"), Some("up"));
        let code = if call.number < 2 { 14 } else { 0 };
        call.end(only(code));
    });
    let world = world_with(&web, &kind("grpc.default"));
    run(async {
        let mut client = Client::to(world.address()).await;
        let (response, mut sink) = client.begin(call("web", "/a.B/C")).await;
        sink.send_data(Bytes::from_static(b"body"), false)
            .expect("taken");
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-end", "up".parse().expect("a value"));
        sink.send_trailers(trailers).expect("taken");
        let reply = Reply::read(response).await.expect("an answer");
        assert_eq!(reply.last("grpc-status"), Some("0"));
    });
    assert_eq!(retries(&world, "total"), 2);
}

#[test]
fn retries_have_a_budget() {
    let web = Endpoint::new(|mut call| async move { call.end(only(14)) });
    let budget = "retries: {budget: {minRetriesPerSec: 1, ttlSecs: 2, percentCanRetry: 0}, backoff: {kind: constant, ms: 0}}";
    let world = world(
        &format!("/svc => {}", web.path()),
        "",
        &format!("  service: {{{budget}, {}}}\n", kind("grpc.default")),
    );
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(call("web", "/a.B/C")).await.expect("an answer");
        assert_eq!(reply.field("grpc-status"), Some("14"));
    });
    assert_eq!(web.requests(), 3);
    assert_eq!(retries(&world, "budget_exhausted"), 1);
    assert_eq!(retries(&world, "total"), 2);
}

#[test]
fn a_client_may_give_up_between_two_tries() {
    let web = Endpoint::new(|mut call| async move { call.end(only(14)) });
    let backoff = "retries: {backoff: {kind: constant, ms: 60000}}";
    let world = world(
        &format!("/svc => {}", web.path()),
        "",
        &format!("  service: {{{backoff}, {}}}\n", kind("grpc.default")),
    );
    run(async {
        let mut client = Client::to(world.address()).await;
        let response = client.ask(call("web", "/a.B/C")).await;
        while retries(&world, "total") != 1 {
            sleep(SOON / 10).await;
        }
        drop(response);
        let gone = "rt/h2/service/svc/web/failures/cancelled";
        while metrics(&world)[gone] != 1 {
            sleep(SOON / 10).await;
        }
    });
    assert_eq!(web.requests(), 1);
}

#[test]
fn calls_are_counted_by_method_and_status() {
    let web = Endpoint::new(|mut call| async move {
        let path = call.head.uri.path().to_owned();
        match &*path {
            "/a.B/Only" => call.end(only(5)),
            "/a.B/Http" => call.end(answer(404)),
            _ => ends_late(0)(&mut call),
        }
    });
    let world = world_with(&web, &kind("grpc.neverRetryable"));
    run(async {
        let mut client = Client::to(world.address()).await;
        for path in ["/a.B/Only", "/a.B/Http", "/a.B/C", "/a.B/C"] {
            client.send(call("web", path)).await.expect("an answer");
        }
        client.send(get("web")).await.expect("an answer");
    });
    let metrics = metrics(&world);
    let service = "rt/h2/service/svc/web";
    for (name, value) in [
        ("grpc/a.B/Only/status/5", 1),
        ("grpc/a.B/Http/status/none", 1),
        ("grpc/a.B/C/status/0", 2),
        ("requests", 5),
        // A GET that ends like a call is one for the classifier.
        ("success", 3),
        ("failures", 2),
    ] {
        assert_eq!(metrics[format!("{service}/{name}")], value, "{name}");
    }
    let client = format!("rt/h2/client{}", web.path());
    assert_eq!(metrics[format!("{client}/requests")], 5);
    assert_eq!(metrics[format!("{client}/success")], 3);
    assert_eq!(metrics[format!("{client}/pending")], 0.0);
    let server = "rt/h2/server/127.0.0.1/0";
    assert_eq!(metrics[format!("{server}/status/200")], 4);
    assert_eq!(metrics[format!("{server}/success")], 3);
    assert_eq!(metrics[format!("{server}/pending")], 0.0);
}

#[test]
fn an_endpoint_that_fails_is_left_alone() {
    let web = Endpoint::new(|mut call| async move {
        ends_late(14)(&mut call);
    });
    let world = world(
        &format!("/svc => {}", web.path()),
        "",
        &format!(
            "  service: {{{}}}\n  client: {{failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: 3}}}}\n",
            kind("grpc.neverRetryable")
        ),
    );
    run(async {
        let mut client = Client::to(world.address()).await;
        for _ in 0..3 {
            client.send(call("web", "/a.B/C")).await.expect("an answer");
        }
    });
    let removals = format!("rt/h2/client{}/failure_accrual/removals", web.path());
    crate::world::wait_until("left alone", || metrics(&world)[&removals] == 1);
}
