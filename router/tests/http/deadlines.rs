//! Requests that take too long.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::admin::metrics;
use crate::world::{Addresses, Backend, PATIENCE, Reply, World, silent, wait_until};

const READ: &str = "responseClassifier: {kind: io.l5d.http.retryableRead5XX}";

/// A limit that no machine is too busy to keep, and that is worth waiting for.
const LIMIT: Duration = Duration::from_millis(200);

fn world(slow: &Backend, web: &Backend, server: &str, router: &str) -> World {
    World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: /svc/slow => {}; /svc/web => {}\n  servers: [{{port: 0{server}}}]\n{router}",
        slow.path(),
        web.path()
    ))
}

fn in_nanoseconds(after: Duration) -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    (now.expect("a time after 1970") + after).as_nanos()
}

/// Until when a request may take, as its endpoint was told.
fn deadline(seen: &Reply) -> u128 {
    let line = seen.header("l5d-ctx-deadline").expect("a deadline");
    let (_, deadline) = line.split_once(' ').expect("two times");
    deadline.parse().expect("a time")
}

#[test]
fn whoever_sets_a_limit_has_it_kept() {
    let total = format!("  service: {{totalTimeoutMs: {}}}\n", LIMIT.as_millis());
    let server = format!(", timeoutMs: {}", LIMIT.as_millis());
    let attempt = format!(
        "  client: {{requestAttemptTimeoutMs: {}}}\n",
        LIMIT.as_millis()
    );
    for (server, router, caller, name, label) in [
        ("", &*total, false, "totalTimeoutMs", "total_timeout"),
        (&*server, "", false, "(timeoutMs)", "server_timeout"),
        ("", "", true, "l5d-ctx-deadline", "deadline"),
        (
            "",
            &*attempt,
            false,
            "longer than 200 ms",
            "attempt_timeout",
        ),
    ] {
        let ((slow, ends), web) = (silent(), Backend::named("web"));
        let world = world(&slow, &web, server, router);
        let mut client = world.client();
        let now = in_nanoseconds(Duration::ZERO);
        let caller = match caller {
            true => format!("l5d-ctx-deadline: {now} {}\r\n", in_nanoseconds(LIMIT)),
            false => String::new(),
        };
        for body in ["", "hello"] {
            let began = Instant::now();
            let reply = client.send(&format!(
                "POST / HTTP/1.1\r\nHost: slow\r\n{caller}Content-Length: {}\r\n\r\n{body}",
                body.len()
            ));
            let told = Instant::now();
            assert_eq!(reply.status(), 504, "{name}");
            assert!(reply.body.contains(name), "{name} is not in {}", reply.body);
            let error = reply.header("l5d-err").unwrap_or_default();
            let word = name.trim_matches(['(', ')']).split(' ').next();
            assert!(word.is_some_and(|word| error.contains(word)), "{error}");
            assert_eq!(reply.header("l5d-retryable"), None);
            if caller.is_empty() {
                assert!(told - began >= LIMIT, "{name}: {:?}", told - began);
                let ended = ends.recv_timeout(PATIENCE).expect("the connection ends");
                let late = ended.saturating_duration_since(began + LIMIT);
                println!("{name}: the endpoint is told after {late:?}");
                assert!(late < Duration::from_secs(1), "{name}: {late:?}");
            }
            // The client's connection is as good as before. The limit is for this request, too.
            let get = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
            wait_until("answered", || client.send(get).body == "web");
        }
        let metrics = metrics(&world);
        let failures = format!("rt/http/service/svc/slow/failures/{label}");
        let failures = metrics[&failures].as_u64();
        assert!(failures.is_some_and(|count| count > 0), "{label}");
        assert_eq!(metrics["rt/http/service/svc/slow/pending"], 0.0);
    }
}

#[test]
fn a_deadline_that_has_passed_begins_nothing() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc => {}", web.path()));
    let mut client = world.client();
    let get = |lines: &str| format!("GET / HTTP/1.1\r\nHost: web\r\n{lines}\r\n");
    assert_eq!(client.send(&get("")).body, "web");
    let now = in_nanoseconds(Duration::ZERO);
    let reply = client.send(&get(&format!("l5d-ctx-deadline: {now} {now}\r\n")));
    assert_eq!(reply.status(), 504, "{}", reply.body);
    assert!(reply.body.contains("l5d-ctx-deadline"), "{}", reply.body);
    assert_eq!(web.requests(), 1);
    assert_eq!(client.send(&get("")).body, "web");
}

#[test]
fn an_endpoint_is_told_until_when() {
    let check =
        |server: &str, router: &str, caller: Option<Duration>, expected: Option<Duration>| {
            let web = Backend::named("web");
            let world = world(&web, &web, server, router);
            let earliest = in_nanoseconds(Duration::ZERO);
            let caller = caller
                .map(|left| format!("l5d-ctx-deadline: {earliest} {}\r\n", in_nanoseconds(left)));
            let caller = caller.unwrap_or_default();
            let get = format!("GET / HTTP/1.1\r\nHost: web\r\n{caller}\r\n");
            assert_eq!(world.client().send(&get).status(), 200);
            let latest = in_nanoseconds(Duration::ZERO);
            let seen = web.last();
            let Some(expected) = expected else {
                return assert_eq!(seen.header("l5d-ctx-deadline"), None);
            };
            // The time that passes between looks at the two clocks.
            let around = Duration::from_secs(1).as_nanos();
            let bounds = earliest + expected.as_nanos() - around..=latest + expected.as_nanos();
            assert!(bounds.contains(&deadline(&seen)), "{}", seen.head);
        };
    let seconds = Duration::from_secs;
    check("", "", None, None);
    check(
        "",
        "  service: {totalTimeoutMs: 20000}\n",
        None,
        Some(seconds(20)),
    );
    check(
        ", timeoutMs: 30000",
        "  service: {totalTimeoutMs: 40000}\n",
        None,
        Some(seconds(30)),
    );
    check(
        "",
        "  client: {requestAttemptTimeoutMs: 20000}\n",
        None,
        Some(seconds(20)),
    );
    check("", "", Some(seconds(20)), Some(seconds(20)));
    let total = "  service: {totalTimeoutMs: 40000}\n";
    check("", total, Some(seconds(30)), Some(seconds(30)));
    check("", total, Some(seconds(50)), Some(seconds(40)));
}

#[test]
fn a_try_that_takes_too_long_is_followed_by_another_elsewhere() {
    let ((slow, _), web) = (silent(), Backend::named("web"));
    let addresses = Addresses::of(&[slow.address, web.address]);
    let world = addresses.world(&format!(
        "  service: {{{READ}}}\n  client: {{requestAttemptTimeoutMs: 250}}\n"
    ));
    let mut client = world.client();
    for _ in 0..60 {
        let before = in_nanoseconds(Duration::ZERO);
        assert_eq!(
            client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n").body,
            "web"
        );
        // Each try has its own time.
        assert!(deadline(&web.last()) >= before + LIMIT.as_nanos());
    }
    // Then it is taken for dead.
    assert_eq!(slow.connections(), 5);
    let metrics = metrics(&world);
    let timeouts = "rt/http/client/#/io.l5d.fs/web/attempt_timeouts";
    let timeouts = metrics[timeouts].as_u64().expect("a count");
    assert!(timeouts >= 5);
    assert_eq!(metrics["rt/http/service/svc/web/retries/total"], timeouts);
    assert_eq!(metrics["rt/http/service/svc/web/success"], 60);
}

#[test]
fn the_wait_for_another_try_counts() {
    let web = Backend::answering(|_| "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned());
    let router = format!(
        "  service: {{{READ}, totalTimeoutMs: 200, retries: {{backoff: {{kind: constant, ms: 60000}}}}}}\n"
    );
    let world = world(&web, &web, "", &router);
    let mut client = world.client();
    for _ in 0..2 {
        let began = Instant::now();
        let reply = client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
        let took = began.elapsed();
        assert_eq!(reply.status(), 504, "{}", reply.body);
        assert!((LIMIT..PATIENCE).contains(&took), "{took:?}");
    }
    assert_eq!(web.requests(), 2);
}

#[test]
fn a_client_that_goes_while_its_request_waits_for_another_try_takes_it_along() {
    let web = Backend::answering(|_| "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned());
    let router =
        format!("  service: {{{READ}, retries: {{backoff: {{kind: constant, ms: 60000}}}}}}\n");
    let world = world(&web, &web, "", &router);
    let pending = || metrics(&world)["rt/http/service/svc/web/pending"].as_f64();
    let mut client = world.client();
    client.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    wait_until("asked", || web.requests() == 1);
    assert_eq!(pending(), Some(1.0));
    drop(client);
    wait_until("given up", || pending() == Some(0.0));
}

#[test]
fn an_answer_that_has_begun_may_take_its_time() {
    let slow = Backend::scripted(|mut connection| {
        connection.read(false);
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
        std::thread::sleep(4 * LIMIT);
        connection.write("b");
    });
    let router = "  service: {totalTimeoutMs: 400}\n  client: {requestAttemptTimeoutMs: 400}\n";
    let world = world(&slow, &slow, ", timeoutMs: 400", router);
    assert_eq!(world.get("slow").body, "ab");
}
