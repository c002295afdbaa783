//! Fixed times.

use std::thread;
use std::time::Duration;

use tokio::time::Instant;

/// Calls back at times that are a period apart, with the time that it was to be, as long as that is wanted. It needs a thread of
/// its own, because the runtime's timer counts whole milliseconds.
pub(super) fn tick(period: Duration, mut at: impl FnMut(Instant) -> bool) {
    // Else the system may wake us 50 µs late. Where it doesn't know this, times are less exact.
    let _ = std::fs::write("/proc/thread-self/timerslack_ns", "1");
    let mut due = Instant::now();
    while at(due) {
        due += period;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}
