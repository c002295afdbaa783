//! Moments as whole numbers, which fit into an atomic.

use std::time::Duration;

/// Nanoseconds since the start of the caller's clock. They last for 584 years.
pub(crate) fn nanos(now: Duration) -> u64 {
    now.as_secs()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(u64::from(now.subsec_nanos()))
}
