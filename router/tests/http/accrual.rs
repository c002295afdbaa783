//! Endpoints that fail: when they are left alone, and how they come back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::admin::{metrics, state};
use crate::world::{Addresses, Backend, PATIENCE, World, inet, nobody, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const ID: &str = "/#/io.l5d.fs/web";

/// Longer than any test.
const LONG: &str = "backoff: {kind: constant, ms: 600000}";

/// An endpoint that fails as long as it is told to.
fn failing() -> (Backend, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(true));
    let is_told = Arc::clone(&fails);
    let backend = Backend::answering(move |_| {
        let status = if is_told.load(Ordering::Relaxed) {
            500
        } else {
            200
        };
        format!("HTTP/1.1 {status} Said\r\nContent-Length: 3\r\n\r\nbad")
    });
    (backend, fails)
}

fn shown(world: &World, address: SocketAddr) -> Value {
    state(world, ID)["endpoints"][address.to_string()].clone()
}

fn count(world: &World, what: &str) -> Value {
    metrics(world)[format!("rt/http/client{ID}/{what}")].clone()
}

/// How often a failing endpoint is asked, beside one that is well, by 100 requests.
fn asked(client: &str) -> (usize, Value, Value) {
    let ((bad, _), good) = (failing(), Backend::named("good"));
    let addresses = Addresses::of(&[bad.address, good.address]);
    let world = addresses.world(&format!("  client: {{{client}}}\n"));
    let mut client = world.client();
    for _ in 0..100 {
        client.send(GET);
    }
    let removals = count(&world, "failure_accrual/removals");
    (bad.requests(), removals, shown(&world, bad.address))
}

#[test]
fn an_endpoint_is_left_alone_when_its_rule_says_so() {
    let check = |accrual: &str, expected: usize, reason: &str| {
        let (asked, removals, shown) = asked(accrual);
        assert_eq!(asked, expected, "{accrual}");
        assert_eq!(removals, 1, "{accrual}");
        assert_eq!(shown["status"], "busy", "{accrual}");
        assert_eq!(shown["lastRemoved"]["reason"], reason, "{accrual}");
        let wait = shown["triedAgainInSeconds"].as_f64();
        assert!(wait.is_some_and(|wait| wait > 1.0), "{shown}");
    };
    check("", 5, "5 failures in a row");
    check(
        &format!("failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: 2, {LONG}}}"),
        2,
        "2 failures in a row",
    );
    check(
        &format!(
            "failureAccrual: {{kind: io.l5d.successRate, successRate: 0.9, requests: 8, {LONG}}}"
        ),
        8,
        "success rate 0 % below 90 % over 8 requests",
    );
    let (asked, removals, shown) = asked("failureAccrual: {kind: none}");
    assert!(asked > 20, "{asked}");
    assert_eq!(
        (removals, &shown["status"]),
        (Value::Null, &Value::from("open"))
    );
}

#[test]
fn an_endpoint_is_left_alone_when_it_failed_for_a_time() {
    let ((bad, _), good) = (failing(), Backend::named("good"));
    let addresses = Addresses::of(&[bad.address, good.address]);
    let world = addresses.world(&format!(
        "  client: {{failureAccrual: {{kind: io.l5d.successRateWindowed, successRate: 0.9, window: 1, {LONG}}}}}\n"
    ));
    let mut client = world.client();
    let began = Instant::now();
    wait_until("removed", || {
        for _ in 0..10 {
            client.send(GET);
        }
        shown(&world, bad.address)["status"] == "busy"
    });
    assert!(began.elapsed() >= Duration::from_secs(1));
    let reason = &shown(&world, bad.address)["lastRemoved"]["reason"];
    assert_eq!(reason, "success rate 0 % below 90 % over 1s");
    let asked = bad.requests();
    for _ in 0..20 {
        assert_eq!(client.send(GET).body, "good");
    }
    assert_eq!(bad.requests(), asked);
}

#[test]
fn an_endpoint_is_probed_and_comes_back() {
    let ((bad, fails), good) = (failing(), Backend::named("good"));
    let addresses = Addresses::of(&[bad.address, good.address]);
    let world = addresses.world(
        "  client: {failureAccrual: {kind: io.l5d.consecutiveFailures, failures: 3, backoff: {kind: constant, ms: 100}}}\n",
    );
    let mut client = world.client();
    let began = Instant::now();
    // Three failures, and two probes.
    wait_until("probed in vain", || {
        client.send(GET);
        bad.requests() >= 5
    });
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(count(&world, "failure_accrual/removals"), 1);
    assert_eq!(count(&world, "failure_accrual/revivals"), 0);
    fails.store(false, Ordering::Relaxed);
    wait_until("back", || {
        client.send(GET);
        count(&world, "failure_accrual/revivals") == 1
    });
    let probes = count(&world, "failure_accrual/probes").as_u64();
    assert!(probes.is_some_and(|probes| probes >= 3), "{probes:?}");
    let shown = shown(&world, bad.address);
    assert_eq!(shown["status"], "open");
    assert_eq!(shown["triedAgainInSeconds"], Value::Null);
    assert_eq!(shown["lastRemoved"]["reason"], "3 failures in a row");
    let asked = bad.requests();
    for _ in 0..60 {
        assert_eq!(client.send(GET).status(), 200);
    }
    assert!(bad.requests() - asked > 5);
}

#[test]
fn the_waits_between_probes_grow_as_they_are_told() {
    let (bad, _) = failing();
    let addresses = Addresses::of(&[bad.address]);
    let check = |backoff: &str, around: std::ops::Range<f64>| {
        let world = addresses.world(&format!(
            "  client: {{failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: 1{backoff}}}}}\n"
        ));
        world.get("web");
        let wait = shown(&world, bad.address)["triedAgainInSeconds"].as_f64();
        assert!(
            wait.is_some_and(|wait| around.contains(&wait)),
            "{backoff}: {wait:?}"
        );
    };
    check("", 1.0..5.01);
    check(", backoff: {kind: constant, ms: 40000}", 30.0..40.01);
    check(
        ", backoff: {kind: jittered, minMs: 80000, maxMs: 90000}",
        70.0..80.01,
    );
}

#[test]
fn when_all_are_dead_they_are_asked_all_the_same() {
    let (bad, fails) = failing();
    let addresses = Addresses::of(&[bad.address]);
    let world = addresses.world(&format!(
        "  client: {{failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: 1, {LONG}}}}}\n"
    ));
    let mut client = world.client();
    for _ in 0..10 {
        assert_eq!(client.send(GET).status(), 500);
    }
    assert_eq!(bad.requests(), 10);
    fails.store(false, Ordering::Relaxed);
    assert_eq!(client.send(GET).status(), 200);
    assert_eq!(shown(&world, bad.address)["status"], "busy");
}

#[test]
fn an_endpoint_that_refuses_connections_is_left_alone() {
    let (gone, good) = (nobody(), Backend::named("good"));
    let addresses = Addresses::of(&[gone, good.address]);
    let world = addresses.world("");
    let mut client = world.client();
    for _ in 0..100 {
        assert_eq!(client.send(GET).body, "good");
    }
    assert_eq!(count(&world, "retries/requeues"), 5);
    assert_eq!(shown(&world, gone)["status"], "busy");
}

#[test]
fn whether_an_answer_is_a_failure_is_for_the_name_to_say() {
    let (bad, _) = failing();
    let addresses = Addresses::of(&[bad.address]);
    let world =
        addresses.world("  service: {responseClassifier: {kind: io.l5d.http.allSuccessful}}\n");
    for _ in 0..10 {
        assert_eq!(world.get("web").status(), 500);
    }
    assert_eq!(shown(&world, bad.address)["status"], "open");
}

#[test]
fn fail_fast_does_not_even_try_to_connect() {
    let check = |fail_fast: bool| {
        let gone = nobody();
        let world = World::with(
            &format!(
                "  dtab: /svc => {}\n  client: {{failFast: {fail_fast}}}\n",
                inet(gone)
            ),
            "",
        );
        let began = Instant::now();
        let replies = [(); 3].map(|()| world.get("web"));
        let is_within_the_first_wait = began.elapsed() < Duration::from_secs(1);
        for reply in &replies {
            assert_eq!(reply.status(), 502);
            assert!(reply.has("l5d-retryable", "true"), "{}", reply.head);
        }
        assert!(replies[0].body.contains("refused"), "{}", replies[0].body);
        let connects = metrics(&world)[format!("rt/http/client{}/connects", inet(gone))].clone();
        if !fail_fast {
            assert_eq!(connects, 3);
        } else if is_within_the_first_wait {
            assert_eq!(connects, 1);
            assert!(
                replies[2].body.contains("(failFast)"),
                "{}",
                replies[2].body
            );
        }
    };
    check(false);
    check(true);
}

#[test]
fn fail_fast_tries_again_when_its_time_is_over() {
    let gone = nobody();
    let world = World::with(
        &format!(
            "  dtab: /svc => {}\n  client: {{failFast: true}}\n",
            inet(gone)
        ),
        "",
    );
    assert_eq!(world.get("web").status(), 502);
    let listener = std::net::TcpListener::bind(gone).expect("the port is still free");
    std::thread::spawn(move || {
        use std::io::Write as _;
        for stream in listener.incoming() {
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.expect("a connection").write_all(answer);
        }
    });
    let began = Instant::now();
    wait_until("connected again", || world.get("web").status() != 502);
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn one_that_has_left_the_set_is_used_while_it_is_well_if_it_is_on_probation() {
    let check = |probation: bool| {
        let (one, (two, fails)) = (Backend::named("one"), failing());
        fails.store(false, Ordering::Relaxed);
        let addresses = Addresses::of(&[one.address, two.address]);
        let world = addresses.world(&format!(
            "  client: {{loadBalancer: {{kind: p2c, enableProbation: {probation}}}}}\n"
        ));
        let mut client = world.client();
        assert_eq!(client.send(GET).status(), 200);
        addresses.change(&[one.address]);
        wait_until("removed", || {
            state(&world, ID)["addresses"].as_array().map(Vec::len) == Some(1)
        });
        let before = two.requests();
        for _ in 0..60 {
            client.send(GET);
        }
        assert_eq!(two.requests() > before, probation);
        let size = if probation { 2.0 } else { 1.0 };
        assert_eq!(count(&world, "loadbalancer/size"), size);
        fails.store(true, Ordering::Relaxed);
        wait_until("dropped", || {
            client.send(GET);
            count(&world, "loadbalancer/size") == 1.0
        });
        assert_eq!(count(&world, "loadbalancer/removes"), 1);
    };
    check(false);
    check(true);
}

#[test]
fn so_many_dead_are_not_believed() {
    let check = |threshold: f64| {
        let bad = [(); 3].map(|()| failing().0);
        let good = Backend::named("good");
        let addresses: Vec<_> = bad.iter().map(|bad| bad.address).collect();
        let addresses = Addresses::of(&[&addresses[..], &[good.address]].concat());
        let world = addresses.world(&format!(
            "  client: {{loadBalancer: {{kind: p2c, panicThreshold: {threshold}}}, failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: 1, {LONG}}}}}\n"
        ));
        let mut client = world.client();
        wait_until("dead", || {
            client.send(GET);
            count(&world, "failure_accrual/removals") == 3
        });
        // An answer to the question how many are open holds for a few milliseconds.
        std::thread::sleep(Duration::from_millis(20));
        let statuses = (0..60).map(|_| client.send(GET).status());
        statuses.filter(|status| *status == 500).count()
    };
    assert_eq!(check(0.0), 0);
    assert!(check(0.5) > 20);
}

#[test]
fn as_many_are_looked_at_as_the_effort_allows() {
    let check = |kind: &str, effort: usize| {
        let bad = [(); 4].map(|()| failing().0);
        let good = Backend::named("good");
        let addresses: Vec<_> = bad.iter().map(|bad| bad.address).collect();
        let addresses = Addresses::of(&[&addresses[..], &[good.address]].concat());
        let world = addresses.world(&format!(
            "  client: {{loadBalancer: {{kind: {kind}, maxEffort: {effort}}}, failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: 1, {LONG}}}}}\n"
        ));
        let mut client = world.client();
        wait_until("dead", || {
            client.send(GET);
            count(&world, "failure_accrual/removals") == 4
        });
        let exhausted = count(&world, "loadbalancer/max_effort_exhausted");
        for _ in 0..60 {
            // Even then the one that is well is found.
            assert_eq!(client.send(GET).status(), 200);
        }
        exhausted == count(&world, "loadbalancer/max_effort_exhausted")
    };
    for kind in ["p2c", "ewma", "roundRobin"] {
        assert!(!check(kind, 1), "{kind}");
        assert!(check(kind, 1000), "{kind}");
    }
}
