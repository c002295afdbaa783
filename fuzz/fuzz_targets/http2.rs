//! What clients send to a router as HTTP/2, with an endpoint behind it: nothing makes it panic or hang, and nothing stays behind. The
//! corpus is replayed by an ordinary test of the `router` crate.

#![no_main]

#[path = "../../router/tests/http/http2/claims.rs"]
mod claims;
#[expect(dead_code, reason = "the router's tests use all of it")]
#[path = "../../router/tests/http/http2/frames.rs"]
mod frames;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tokio::signal::unix::{SignalKind, signal};

static STAND: LazyLock<claims::Stand> = LazyLock::new(|| {
    bear_broken_pipes();
    claims::Stand::new(2)
});
static RUNS: AtomicUsize = AtomicUsize::new(0);

fuzz_target!(|data: &[u8]| {
    STAND.hold(data);
    if RUNS.fetch_add(1, Ordering::Relaxed).is_multiple_of(500) {
        let is_over = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            STAND.held().is_empty()
        });
        assert!(is_over, "{:?}", STAND.held());
    }
});

/// As every program does that begins with a `main` of Rust: writing to who has gone fails, and does not end the process.
fn bear_broken_pipes() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    let heard = runtime.block_on(async { signal(SignalKind::pipe()) });
    // It stays so when nobody listens any more.
    drop(heard.expect("signals can be heard"));
}
