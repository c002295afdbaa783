//! What the router itself does for each request, piece by piece, between the parsing of heads (`http1/benches/http1.rs`) and the
//! sockets.
//!
//! Run with `cargo bench -p router`. Baseline on one core of a small, busy cloud machine: 18 ns to identify, 75 ns to look up the
//! route, 56 ns to draw a branch, 135 ns to count, 32 ns for the clock; beyond parsing 10 ns to strip a request, 320 ns to sign
//! it, 80 ns to strip and sign an answer.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use router::bench::Bench;
use tokio::time::Instant;

const REQUEST: &[u8] = b"GET /api/v1/users/12345?fields=name,mail HTTP/1.1\r\n\
    Host: users\r\n\
    User-Agent: curl/8.5.0\r\n\
    Accept: application/json, text/plain\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n\
    Cookie: session=0123456789abcdef\r\n\
    Connection: keep-alive\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: nginx\r\n\
    Date: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 512\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: no-store\r\n\r\n";

const CALLS: u32 = 1000;

fn main() -> std::io::Result<()> {
    let mut bench = Bench::new(REQUEST, ANSWER);
    let now = Instant::now();
    let mut stdout = std::io::stdout().lock();
    let mut report = |what: &str, each: Duration| writeln!(stdout, "{what:<44}{each:>10.1?}");
    report("identify", best(|| bench.identify()))?;
    report("identify, look up the route", best(|| bench.route(now)))?;
    report("draw a branch of two", best(|| bench.draw(now)))?;
    report(
        "count for server, name and client",
        best(|| bench.count(now, now)),
    )?;
    report("the clock", best(Instant::now))?;
    report("parse the request", best(|| bench.parse_request()))?;
    report(
        "parse, admit",
        best(|| (bench.parse_request(), bench.admit())),
    )?;
    report(
        "parse, strip",
        best(|| (bench.parse_request(), bench.strip())),
    )?;
    report(
        "parse, strip, sign",
        best(|| (bench.parse_request(), bench.sign_request())),
    )?;
    report("parse the answer", best(|| bench.parse_response()))?;
    report(
        "parse, strip, sign",
        best(|| (bench.parse_response(), bench.sign_response())),
    )
}

/// The time of one call, in the best of many short rounds, which a busy machine disturbs less.
fn best<T>(mut call: impl FnMut() -> T) -> Duration {
    let round = |_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(call());
        }
        start.elapsed() / CALLS
    };
    (0..600).map(round).min().unwrap_or_default()
}
