//! Limits of time: a request whose endpoint says nothing goes elsewhere, and nobody works on for a client who was told that it is over.

use std::thread;
use std::time::Duration;

use tests::{Act, Bare, Rush, Served, World, is_full, p99, until};
use tokio::time::Instant;

const ENDPOINTS: usize = 10;
/// `requestAttemptTimeoutMs`
const ATTEMPT: Duration = Duration::from_millis(200);
/// `totalTimeoutMs`
const TOTAL: Duration = Duration::from_millis(300);

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

#[test]
fn an_endpoint_that_never_answers_costs_an_attempt() {
    // With failure accrual the silent endpoint would be left alone after five requests, and no percentile would show it.
    for accrual in ["none", "io.l5d.consecutiveFailures, failures: 5"] {
        check_one_silent(accrual);
    }
}

fn check_one_silent(accrual: &str) {
    let (per_second, lasts) = match is_full() {
        true => (500, Duration::from_secs(20)),
        false => (200, Duration::from_secs(3)),
    };
    let mut world = World::new();
    let endpoints = world.endpoints(
        ENDPOINTS,
        Act::Answer(200, Duration::from_millis(1)),
        &format!(
            "  service: {{responseClassifier: {{kind: io.l5d.http.retryableRead5XX}}, \
             retries: {{backoff: {{kind: constant, ms: 0}}}}}}\n  \
             client: {{requestAttemptTimeoutMs: {}, failureAccrual: {{kind: {accrual}}}}}\n",
            ATTEMPT.as_millis()
        ),
    );
    let (runtime, router) = (world.runtime().handle(), world.routers[0].address());
    let rush = Rush::start(runtime, router, GET, per_second);
    until("all get requests", Duration::from_secs(20), || {
        endpoints.iter().all(|endpoint| endpoint.requests() > 0)
    });
    rush.take();
    thread::sleep(lasts);
    let normal = rush.take();
    let before = endpoints[0].requests();
    endpoints[0].acts(Act::Silence);
    thread::sleep(lasts);
    let beside = rush.take();
    let silent = endpoints[0].requests() - before;
    for served in normal.iter().chain(&beside) {
        assert_eq!(served.status, Ok(200), "{}", served.said);
    }
    let (normal, beside, longest) = (p99(&normal), p99(&beside), longest(&beside));
    eprintln!(
        "accrual {accrual}: p99 {normal:?}, with one silent {beside:?}, longest {longest:?}; it got {silent} requests"
    );
    assert!(silent > 0, "nobody asked it");
    // Where tests run side by side, another may take the time of all that is asked meanwhile.
    let slack = Duration::from_millis(if is_full() { 0 } else { 300 });
    assert!(beside <= ATTEMPT + normal + slack, "{beside:?}");
}

fn longest(served: &[Served]) -> Duration {
    let times = served.iter().map(|served| served.took);
    times.max().unwrap_or_default()
}

#[test]
fn a_limit_of_time_ends_the_work_of_the_endpoint() {
    let total = format!("  service: {{totalTimeoutMs: {}}}\n", TOTAL.as_millis());
    let attempt = ATTEMPT.as_millis();
    let attempt = format!("  client: {{requestAttemptTimeoutMs: {attempt}}}\n");
    for (policy, limit) in [(total, TOTAL), (attempt, ATTEMPT)] {
        check_end(&policy, limit);
    }
}

/// The endpoint sees the end of a request's connection as soon as its time is over, which begins before the endpoint has it.
fn check_end(policy: &str, limit: Duration) {
    let requests = if is_full() { 100 } else { 10 };
    let mut world = World::new();
    let endpoints = world.endpoints(1, Act::Silence, policy);
    let endpoint = &endpoints[0];
    let router = world.routers[0].address();
    let (mut ends, mut told) = (Vec::new(), Vec::new());
    for _ in 0..requests {
        let heard = world.runtime().block_on(async {
            let mut bare = Bare::connect(router).await?;
            let heard = bare.ask(GET.as_bytes()).await?;
            anyhow::Ok((heard, Instant::now()))
        });
        let (heard, answered) = heard.expect("an answer");
        assert_eq!(heard.status, 504, "{}", heard.head);
        let mut abandoned = Vec::new();
        until("the endpoint knows", Duration::from_secs(5), || {
            abandoned.extend(endpoint.abandoned());
            !abandoned.is_empty()
        });
        for abandoned in abandoned {
            let lasted = abandoned.ended - abandoned.asked;
            ends.push(lasted.saturating_sub(limit));
            told.push(abandoned.ended.saturating_duration_since(answered));
        }
    }
    assert_eq!(ends.len(), requests);
    ends.sort_unstable();
    told.sort_unstable();
    let (median, most, last) = (
        ends[requests / 2],
        ends[requests * 95 / 100],
        ends[requests - 1],
    );
    eprintln!(
        "{}: the endpoint saw the end {median:?} after the limit (median), {most:?} (95 of 100), {last:?} at most; {:?} after the client's answer at most",
        policy.trim(),
        told[requests - 1]
    );
    let soon = Duration::from_millis(50);
    let slowest = if is_full() { most } else { median };
    assert!(slowest < soon, "{ends:?}");
}
