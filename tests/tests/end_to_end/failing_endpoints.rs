//! Endpoints that fail: clients see little of one among ten, it comes back when it is well, and if all fail nobody makes it worse.

use std::thread;
use std::time::Duration;

use tests::{Act, Rush, Scripted, Served, World, is_full, until};
use tokio::time::Instant;

/// How much is done.
struct Size {
    /// Requests a second.
    per_second: u32,
    /// How long each part lasts.
    lasts: Duration,
}

const LITTLE: Size = Size {
    per_second: 200,
    lasts: Duration::from_secs(3),
};
const FULL: Size = Size {
    per_second: 500,
    lasts: Duration::from_secs(20),
};

const ENDPOINTS: usize = 10;
/// So many failures in a row take an endpoint out,
const FAILURES: u64 = 5;
/// for so long.
const BACKOFF: Duration = Duration::from_millis(500);

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n";

const WELL: Act = Act::Answer(200, Duration::from_millis(1));
const ILL: Act = Act::Answer(500, Duration::from_millis(1));

fn size() -> Size {
    if is_full() { FULL } else { LITTLE }
}

fn start(policy: &str) -> (World, Vec<Scripted>) {
    let mut world = World::new();
    let endpoints = world.endpoints(ENDPOINTS, WELL, policy);
    (world, endpoints)
}

fn rush(world: &World, request: &str, per_second: u32) -> Rush {
    let (runtime, router) = (world.runtime().handle(), world.routers[0].address());
    Rush::start(runtime, router, request, per_second)
}

fn failed(served: &[Served]) -> Vec<&Served> {
    let failed = served.iter().filter(|served| served.status != Ok(200));
    failed.collect()
}

fn requests(endpoints: &[Scripted]) -> u64 {
    endpoints.iter().map(Scripted::requests).sum()
}

#[test]
fn one_of_ten_that_fails_is_left_alone_until_it_is_well() {
    let size = size();
    let (world, endpoints) = start(&format!(
        "  service: {{responseClassifier: {{kind: io.l5d.http.retryableRead5XX}}}}\n  \
           client: {{failureAccrual: {{kind: io.l5d.consecutiveFailures, failures: {FAILURES}, \
           backoff: {{kind: constant, ms: {}}}}}}}\n",
        BACKOFF.as_millis()
    ));
    let accrual = |name: &str| {
        let client = "client/#/io.l5d.fs/web/failure_accrual";
        world.metric(0, &format!("{client}/{name}"))
    };
    let gets = rush(&world, GET, size.per_second);
    until("all get requests", Duration::from_secs(20), || {
        endpoints.iter().all(|endpoint| endpoint.requests() > 0)
    });
    gets.take();

    let bad = &endpoints[0];
    let (before, began) = (bad.requests(), Instant::now());
    bad.acts(ILL);
    thread::sleep(size.lasts);
    let lasted = began.elapsed();
    let (removals, probes) = (accrual("removals"), accrual("probes"));
    let got = bad.requests() - before;
    let served = gets.take();
    let share = 1.0 - failed(&served).len() as f64 / served.len() as f64;

    let well = Instant::now();
    bad.acts(WELL);
    until("it is back", Duration::from_secs(20), || {
        accrual("revivals") > 0
    });
    let back = well.elapsed();
    let (all, own) = (requests(&endpoints), bad.requests());
    thread::sleep(size.lasts);
    let regained = (bad.requests() - own) as f64 / (requests(&endpoints) - all) as f64;

    println!(
        "{} requests in {lasted:?}, {:.3} % succeeded; the bad endpoint got {got} of them, {probes} of these probes, \
         at most {} at once; it was back {back:?} after it was well, and got {:.1} % then",
        served.len(),
        share * 100.0,
        bad.open_most(),
        regained * 100.0,
    );
    assert!(share >= 0.999, "{:?}", failed(&served));
    assert_eq!(removals, 1);
    // What it had in its hands when it fell ill came before; and more were on their way when it was known to fail.
    let in_hand = bad.open_most();
    let counted = got - probes;
    let expected = FAILURES.saturating_sub(in_hand)..=FAILURES + in_hand + 10;
    assert!(expected.contains(&counted), "{counted}");
    let times = lasted.as_millis() / BACKOFF.as_millis();
    assert!(u128::from(probes) <= times + 1, "{probes} probes");
    assert!(back < BACKOFF + Duration::from_secs(1), "{back:?}");
    assert!(regained > 0.05, "{regained}");
    assert_eq!(failed(&gets.take()).len(), 0);
}

#[test]
fn who_is_killed_fails_no_more_than_what_it_had_in_its_hands() {
    let size = size();
    let (world, mut endpoints) =
        start("  service: {responseClassifier: {kind: io.l5d.http.retryableRead5XX}}\n");
    for endpoint in &endpoints {
        endpoint.acts(Act::Answer(200, Duration::from_millis(200)));
    }
    let start = |request| rush(&world, request, size.per_second / 2);
    let (gets, posts) = (start(GET), start(POST));
    let last = endpoints.len() - 1;
    until("it has some", Duration::from_secs(20), || {
        endpoints[last].requests() > 20 && endpoints[last].open() > 3
    });
    let lost = endpoints[last].kill();
    thread::sleep(size.lasts);
    let (gets, posts) = (gets.take(), posts.take());
    let (gets_failed, posts_failed) = (failed(&gets), failed(&posts));
    let (all_lost, lost) = (lost.len(), lost.iter().filter(|method| *method != "GET"));
    let lost = lost.count();
    println!(
        "killed with {all_lost} requests, {lost} of them POSTs; of {} GETs {} failed, of {} POSTs {}",
        gets.len(),
        gets_failed.len(),
        posts.len(),
        posts_failed.len()
    );
    assert!(gets_failed.is_empty(), "{gets_failed:?}");
    assert!(posts_failed.len() <= lost, "{posts_failed:?}");
}

/// A budget that is `percent` of the requests, and a few a second whatever they are.
struct Budget {
    percent: f64,
    per_second: u32,
    ttl: u32,
}

#[test]
fn when_all_fail_they_get_no_more_than_the_budget_allows() {
    // As it is if nobody says anything, and without the reserve.
    for (percent, per_second, ttl) in [(0.2, 10, 10), (0.5, 0, 5)] {
        let told = check_load(&Budget {
            percent,
            per_second,
            ttl,
        });
        println!("{told}");
    }
}

/// Tells what they got.
fn check_load(budget: &Budget) -> String {
    let size = size();
    let Budget {
        percent,
        per_second,
        ttl,
    } = *budget;
    let (world, endpoints) = start(&format!(
        "  service: {{responseClassifier: {{kind: io.l5d.http.retryableRead5XX}}, retries: {{budget: \
         {{ttlSecs: {ttl}, minRetriesPerSec: {per_second}, percentCanRetry: {percent}}}}}}}\n"
    ));
    for endpoint in &endpoints {
        endpoint.acts(ILL);
    }
    let began = Instant::now();
    let rush = rush(&world, GET, size.per_second);
    let mut served = Vec::new();
    while began.elapsed() < size.lasts {
        thread::sleep(Duration::from_millis(100));
        let got = requests(&endpoints) as f64;
        let seconds = began.elapsed().as_secs_f64();
        let offered = (seconds * f64::from(size.per_second)).floor() + 1.0;
        let reserve = f64::from(per_second) * (seconds + f64::from(ttl));
        let most = offered * (1.0 + percent) + reserve;
        assert!(got <= most, "{got} of {most} after {seconds} s");
        served.extend(rush.take());
    }
    let got = requests(&endpoints);
    let seconds = began.elapsed().as_secs_f64();
    let offered = seconds * f64::from(size.per_second);
    let ratio = got as f64 / offered;
    let reserve = f64::from(per_second) * (seconds + f64::from(ttl)) / offered;
    let told = format!(
        "{offered:.0} requests in {seconds:.1} s, {got} to endpoints: × {ratio:.3}, of × {:.3} + {reserve:.3} that may be",
        1.0 + percent
    );
    for served in &served {
        assert_eq!(served.status, Ok(500), "{}", served.said);
    }
    // And it is used: a router that never tries again would do no harm either.
    assert!(ratio > 1.0 + percent / 2.0, "{ratio}");
    told
}
