//! Requests that are sent again because their answer was a failure.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::admin::metrics;
use crate::world::{Addresses, Backend, World};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

/// Budgets that nobody exhausts, and no waits.
const AT_ONCE: &str =
    "retries: {budget: {minRetriesPerSec: 1000}, backoff: {kind: constant, ms: 0}}";

/// Answers the first request for each target like this, all others well.
fn recovering(first: &'static str) -> Backend {
    let seen = Mutex::<HashMap<String, usize>>::default();
    Backend::answering(move |request| {
        let mut seen = seen.lock().expect("not poisoned");
        let count = seen.entry(request.first_line().to_owned()).or_default();
        *count += 1;
        if *count == 1 { first } else { OK }.to_owned()
    })
}

/// A router to this backend for all names, with a `service:` for some of them.
fn world(backend: &Backend, configs: &str) -> World {
    World::with(
        &format!(
            "  dtab: /svc => {}\n  service:\n    kind: io.l5d.static\n    configs:\n{configs}",
            backend.path()
        ),
        "",
    )
}

#[test]
fn the_kind_and_the_method_decide() {
    const KINDS: [(&str, usize); 5] = [
        ("nonRetryable5XX", 0),
        ("retryableRead5XX", 4),
        ("retryableIdempotent5XX", 6),
        ("retryableAll5XX", 8),
        ("allSuccessful", 0),
    ];
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "PURGE",
    ];
    let backend = recovering(FAILED);
    let configs = KINDS.map(|(kind, _)| {
        format!(
            "    - {{prefix: /svc/{kind}, responseClassifier: {{kind: io.l5d.http.{kind}}}, {AT_ONCE}}}\n"
        )
    });
    let world = world(&backend, &configs.concat());
    let mut client = world.client();
    for (kind, retried) in KINDS {
        for (number, method) in METHODS.into_iter().enumerate() {
            let request = format!("{method} /{kind} HTTP/1.1\r\nHost: {kind}\r\n\r\n");
            let reply = client.send(&request);
            let expected = if number < retried { 200 } else { 500 };
            assert_eq!(reply.status(), expected, "{method} with {kind}");
            let is_success = expected == 200 || kind == "allSuccessful";
            let class = if is_success { "1.0" } else { "0.0" };
            assert!(reply.has("l5d-success-class", class), "{}", reply.head);
        }
    }
    let metrics = metrics(&world);
    let retries = |kind: &str| metrics[format!("rt/http/service/svc/{kind}/retries/total")].clone();
    for (kind, retried) in KINDS {
        let expected = if retried > 0 {
            retried.into()
        } else {
            Value::Null
        };
        assert_eq!(retries(kind), expected, "{kind}");
    }
    assert_eq!(
        metrics["rt/http/service/svc/retryableRead5XX/requests"],
        METHODS.len()
    );
    let all: usize = KINDS
        .iter()
        .map(|(_, retried)| METHODS.len() + retried)
        .sum();
    let sent = format!("rt/http/client{}/requests", backend.path());
    assert_eq!(metrics[sent], all);
    let failures = |kind: &str| metrics[format!("rt/http/service/svc/{kind}/failures")].clone();
    assert_eq!(failures("nonRetryable5XX"), METHODS.len());
    assert_eq!(failures("allSuccessful"), 0);
}

#[test]
fn an_endpoint_may_say_that_it_did_nothing() {
    let check = |first: &'static str, is_retried: bool| {
        let backend = recovering(first);
        let world = World::with_dtab(&format!("/svc => {}", backend.path()));
        for method in ["POST", "PURGE"] {
            let request = format!("{method} / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n\r\nx");
            let status = world.client().send(&request).status();
            assert_eq!(status == 200, is_retried, "{method} after {first}");
        }
        assert_eq!(backend.requests(), if is_retried { 4 } else { 2 });
    };
    check(
        "HTTP/1.1 500 No\r\nl5d-retryable: true\r\nContent-Length: 0\r\n\r\n",
        true,
    );
    check(
        "HTTP/1.1 500 No\r\nl5d-retryable: false\r\nContent-Length: 0\r\n\r\n",
        false,
    );
    check(
        "HTTP/1.1 429 No\r\nl5d-retryable: true\r\nContent-Length: 0\r\n\r\n",
        false,
    );
}

const READ: &str = "responseClassifier: {kind: io.l5d.http.retryableRead5XX}";

/// How often a request for each of these names, one after the other, was sent to a backend that always fails.
fn sent(world: &World, backend: &Backend, names: &[&str]) -> Vec<usize> {
    let mut client = world.client();
    let counts = names.iter().map(|name| {
        let before = backend.requests();
        let reply = client.send(&format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"));
        assert_eq!(reply.status(), 500);
        backend.requests() - before
    });
    counts.collect()
}

#[test]
fn retries_have_a_budget() {
    let backend = Backend::answering(|_| FAILED.to_owned());
    let budget = |name: &str, budget: &str| {
        format!(
            "    - {{prefix: /svc/{name}, {READ}, retries: {{budget: {{{budget}}}, backoff: {{kind: constant, ms: 0}}}}}}\n"
        )
    };
    let configs = [
        budget("none", "minRetriesPerSec: 0, percentCanRetry: 0"),
        budget(
            "reserve",
            "minRetriesPerSec: 2, percentCanRetry: 0, ttlSecs: 20",
        ),
        budget(
            "half",
            "minRetriesPerSec: 0, percentCanRetry: 0.5, ttlSecs: 60",
        ),
        budget(
            "all",
            "minRetriesPerSec: 0, percentCanRetry: 1, ttlSecs: 60",
        ),
        budget(
            "soon",
            "minRetriesPerSec: 0, percentCanRetry: 1, ttlSecs: 1",
        ),
    ];
    let world = world(&backend, &configs.concat());
    assert_eq!(sent(&world, &backend, &["none", "none"]), [1, 1]);
    assert_eq!(sent(&world, &backend, &["reserve", "reserve"]), [41, 1]);
    assert_eq!(sent(&world, &backend, &["half"; 6]), [1, 2, 1, 2, 1, 2]);
    // What succeeds is saved up, as long as it counts.
    let succeed = |name: &str| {
        let request = format!("POST / HTTP/1.1\r\nHost: {name}\r\nContent-Length: 0\r\n\r\n");
        world.client().send(&request);
    };
    succeed("all");
    succeed("soon");
    std::thread::sleep(Duration::from_millis(1300));
    assert_eq!(sent(&world, &backend, &["all", "soon"]), [3, 2]);
    let metrics = metrics(&world);
    let metric = |name: &str| metrics[format!("rt/http/service/svc/{name}")].clone();
    assert_eq!(metric("reserve/retries/total"), 40);
    assert_eq!(metric("reserve/retries/budget"), 0.0);
    assert_eq!(metric("reserve/retries/budget_exhausted"), 2);
    assert_eq!(metric("half/retries/total"), 3);
    assert_eq!(metric("none/retries/budget_exhausted"), 2);
    assert_eq!(metric("half/requests"), 6);
}

#[test]
fn a_retry_waits_as_it_is_told() {
    let backend = Backend::answering(|_| FAILED.to_owned());
    let waiting = |name: &str, backoff: &str| {
        format!(
            "    - {{prefix: /svc/{name}, {READ}, retries: {{budget: {{minRetriesPerSec: 1, ttlSecs: 3, percentCanRetry: 0}}, backoff: {{{backoff}}}}}}}\n"
        )
    };
    let configs = [
        waiting("constant", "kind: constant, ms: 60"),
        waiting("jittered", "kind: jittered, minMs: 50, maxMs: 2000"),
    ];
    let world = world(&backend, &configs.concat());
    let took = |name: &str| {
        let began = Instant::now();
        assert_eq!(sent(&world, &backend, &[name]), [4]);
        began.elapsed()
    };
    assert!(took("constant") >= Duration::from_millis(180));
    // The first is 50 ms, and none is shorter than the one before.
    assert!(took("jittered") >= Duration::from_millis(150));
}

#[test]
fn a_retry_goes_to_another_endpoint() {
    let (bad, good) = (
        Backend::answering(|_| FAILED.to_owned()),
        Backend::named("good"),
    );
    let addresses = Addresses::of(&[bad.address, good.address]);
    let world = addresses.world(&format!(
        "  service: {{{READ}, {AT_ONCE}}}\n  client: {{failureAccrual: {{kind: none}}}}\n"
    ));
    let mut client = world.client();
    for _ in 0..40 {
        let before = bad.requests();
        assert_eq!(client.send(GET).body, "good");
        assert!(bad.requests() - before <= 1);
    }
    let (failed, metrics) = (bad.requests(), metrics(&world));
    assert!((1..=40).contains(&failed), "{failed}");
    assert_eq!(metrics["rt/http/service/svc/web/retries/total"], failed);
    // Signed once, however often it was sent.
    let vias = |reply: &str| reply.matches("linkerd").count();
    assert_eq!(vias(&good.last().head), 1, "{}", good.last().head);
}

#[test]
fn a_retry_draws_a_branch_anew() {
    let (bad, good) = (
        Backend::answering(|_| FAILED.to_owned()),
        Backend::named("good"),
    );
    let world = World::with(
        &format!(
            "  dtab: \"/svc/web => 1 * {} & 1 * {}\"\n  service: {{{READ}, {AT_ONCE}}}\n",
            bad.path(),
            good.path()
        ),
        "",
    );
    let mut client = world.client();
    for _ in 0..40 {
        assert_eq!(client.send(GET).body, "good");
        assert!(good.last().has("l5d-dst-client", &good.path()));
    }
    assert!(bad.requests() > 0);
}

#[test]
fn a_name_gets_what_all_entries_for_it_say() {
    let backend = recovering(FAILED);
    let configs = format!(
        "    - {{prefix: \"/svc\", {READ}}}\n    - {{prefix: \"/svc/{{app}}/x\", {AT_ONCE}}}\n    - {{prefix: /svc/never, responseClassifier: {{kind: io.l5d.http.nonRetryable5XX}}}}\n"
    );
    let world = world(&backend, &configs);
    for (name, status) in [("web", 200), ("never", 500)] {
        let request = format!("GET /{name} HTTP/1.1\r\nHost: {name}\r\n\r\n");
        assert_eq!(world.client().send(&request).status(), status, "{name}");
    }
}
