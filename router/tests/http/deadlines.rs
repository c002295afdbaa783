//! Requests that take too long.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::admin::metrics;
use crate::world::{Addresses, Backend, PATIENCE, Reply, World, silent, wait_until};

const READ: &str = "responseClassifier: {kind: io.l5d.http.retryableRead5XX}";

/// A limit that no machine is too busy to keep, and that is worth waiting for.
const LIMIT: Duration = Duration::from_millis(200);

/// How much two clocks may differ about it.
const CLOCKS: Duration = Duration::from_millis(5);

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
    let check = |server: &'static str, router: &'static str, name: &'static str, label| {
        thread::spawn(move || check_limit(server, router, name, label))
    };
    let checks = [
        check(
            "",
            "service: {totalTimeoutMs: 200}",
            "totalTimeoutMs",
            "total_timeout",
        ),
        check(", timeoutMs: 200", "", "timeoutMs", "server_timeout"),
        check("", "", "l5d-ctx-deadline", "deadline"),
        check(
            "",
            "client: {requestAttemptTimeoutMs: 200}",
            "200 ms",
            "attempt_timeout",
        ),
    ];
    for check in checks {
        check.join().expect("as it should be");
    }
}

/// That a limit of 200 ms, which is the caller's if nobody else sets one, ends a request, and says which one it is.
fn check_limit(server: &str, router: &str, name: &str, label: &str) {
    let ((slow, ends), web) = (silent(), Backend::named("web"));
    let world = world(&slow, &web, server, &format!("  {router}\n"));
    let mut client = world.client();
    for body in ["", "hello"] {
        let began = Instant::now();
        let caller = match name {
            "l5d-ctx-deadline" => format!("l5d-ctx-deadline: 1 {}\r\n", in_nanoseconds(LIMIT)),
            _ => String::new(),
        };
        let reply = client.send(&format!(
            "POST / HTTP/1.1\r\nHost: slow\r\n{caller}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert_eq!(reply.status(), 504, "{name}");
        assert!(reply.body.contains(name), "{name} is not in {}", reply.body);
        let error = reply.header("l5d-err").unwrap_or_default();
        assert!(error.contains(&name.replace(' ', "+")), "{error}");
        assert_eq!(reply.header("l5d-retryable"), None);
        assert!(
            began.elapsed() >= LIMIT - CLOCKS,
            "{name}: {:?}",
            began.elapsed()
        );
        let ended = ends.recv_timeout(PATIENCE).expect("the connection ends");
        let late = ended.saturating_duration_since(began + LIMIT);
        assert!(late < Duration::from_secs(2), "{name}: {late:?}");
        // The client's connection is as good as before. The limit is for this request, too.
        let get = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
        wait_until("answered", || client.send(get).body == "web");
    }
    let metrics = metrics(&world);
    assert_eq!(
        metrics[format!("rt/http/service/svc/slow/failures/{label}")],
        2
    );
    assert_eq!(metrics["rt/http/service/svc/slow/pending"], 0.0);
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
fn an_endpoint_is_left_alone_that_is_too_slow_for_its_operator_but_not_for_a_caller() {
    let check = |router: &str, is_callers: bool| {
        let ((slow, _), web) = (silent(), Backend::named("web"));
        let addresses = Addresses::of(&[slow.address, web.address]);
        let balancer = "  client: {loadBalancer: {kind: roundRobin}}\n";
        let world = addresses.world(&format!("{router}{balancer}"));
        let mut client = world.client();
        for _ in 0..12 {
            let caller = match is_callers {
                true => format!("l5d-ctx-deadline: 1 {}\r\n", in_nanoseconds(LIMIT / 4)),
                false => String::new(),
            };
            client.send(&format!("GET / HTTP/1.1\r\nHost: web\r\n{caller}\r\n"));
        }
        let removals = "rt/http/client/#/io.l5d.fs/web/failure_accrual/removals";
        metrics(&world)[removals].as_u64().unwrap_or_default() > 0
    };
    assert!(check("  service: {totalTimeoutMs: 100}\n", false));
    assert!(!check("", true));
}

#[test]
fn a_bound_name_gets_what_all_entries_for_it_say() {
    let ((slow, _), web) = (silent(), Backend::named("web"));
    let port = slow.address.port();
    let router = format!(
        "  service: {{totalTimeoutMs: 20000}}\n  client:\n    kind: io.l5d.static\n    configs:\n    - {{prefix: \"/$/inet\", requestAttemptTimeoutMs: 10000}}\n    - {{prefix: \"/$/inet/{{host}}/{port}\", requestAttemptTimeoutMs: 100}}\n    - {{prefix: \"/$/inet/*/{port}\", failFast: true}}\n"
    );
    let world = world(&slow, &web, "", &router);
    let reply = world.get("slow");
    assert_eq!(reply.status(), 504);
    assert!(reply.body.contains("100 ms"), "{}", reply.body);
    let now = in_nanoseconds(Duration::ZERO);
    assert_eq!(world.get("web").body, "web");
    let left = Duration::from_nanos((deadline(&web.last()) - now) as u64);
    let around = Duration::from_secs(9)..Duration::from_secs(15);
    assert!(around.contains(&left), "{left:?}");
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
        thread::sleep(4 * LIMIT);
        connection.write("b");
    });
    let router = "  service: {totalTimeoutMs: 400}\n  client: {requestAttemptTimeoutMs: 400}\n";
    let world = world(&slow, &slow, ", timeoutMs: 400", router);
    assert_eq!(world.get("slow").body, "ab");
}
