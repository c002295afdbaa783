//! The time of a router: what its rules count by, and when its routes were last used.

use std::time::Duration;

use tokio::time::Instant;

/// Coarse time, for what may be off by a little.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The time since it was started, as the rules of retries, accrual and balancing want it.
    pub(crate) fn time_at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// Counts sixteenths of a second, about.
    pub(crate) fn tick(&self) -> u32 {
        self.tick_at(Instant::now())
    }

    /// The count at a time that is known already.
    pub(crate) fn tick_at(&self, now: Instant) -> u32 {
        ticks(now.duration_since(self.started))
    }

    /// The tick that was this long ago.
    pub(crate) fn before(&self, time: Duration) -> u32 {
        self.tick().saturating_sub(ticks(time))
    }
}

fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() >> 6).unwrap_or(u32::MAX)
}
