//! What a client's connection is waiting for, so that none waits for ever.
//!
//! A timer for each wait would cost more than the wait. Here the connection leaves a note of what it does and how far it is; a
//! watcher looks at the note now and then, and ends a connection whose note did not change for as long as such a wait may take.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Somebody who is not the client: it may take its time.
    Busy,
    /// The first byte of the next request.
    Idle,
    /// The rest of a head.
    Head,
    /// The next piece of a request's body.
    Body,
    /// The client taking the next piece of its answer.
    Reply,
    /// Anything, on either side of a tunnel.
    Tunnel,
}

/// How long a client may take for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// From one request to the next.
    pub(crate) idle: Duration,
    /// From the first byte of a head to its last.
    pub(crate) head: Duration,
    /// From one piece of a body to the next, either way.
    pub(crate) stall: Duration,
    /// Without a byte in a tunnel.
    pub(crate) tunnel: Duration,
}

impl Patience {
    fn with(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Busy => None,
            Phase::Idle => Some(self.idle),
            Phase::Head => Some(self.head),
            Phase::Body | Phase::Reply => Some(self.stall),
            Phase::Tunnel => Some(self.tunnel),
        }
    }
}

/// The note of one connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// The phase in the highest byte, and how far it is below.
    note: AtomicU64,
    is_draining: AtomicBool,
    is_hurried: AtomicBool,
    has_stalled: AtomicBool,
}

const PHASE_SHIFT: u32 = 56;

/// The shortest pause between two looks.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);

impl Activity {
    /// Notes what the connection waits for. `progress` is any number that changes when something moved.
    pub(crate) fn note(&self, phase: Phase, progress: u64) {
        let below = progress & ((1 << PHASE_SHIFT) - 1);
        let note = (u64::from(phase as u8) << PHASE_SHIFT) | below;
        self.note.store(note, Ordering::Relaxed);
    }

    /// The connection's next answer is its last.
    pub(super) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// If it is idle, it had its last.
    pub(super) fn hurry(&self) {
        self.is_hurried.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.is_hurried.load(Ordering::Relaxed)
    }

    /// The client took too long.
    pub(super) fn stall(&self) {
        self.has_stalled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_stalled(&self) -> bool {
        self.has_stalled.load(Ordering::Relaxed)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Waits until the connection has waited too long, at most a quarter more than that, and says for what.
    pub(super) async fn stalls(&self, patience: &Patience) -> Phase {
        let (mut seen, mut since) = (self.note.load(Ordering::Relaxed), Instant::now());
        loop {
            let phase = phase_of(seen);
            let waited = since.elapsed();
            let pause = match patience.with(phase) {
                Some(limit) if waited >= limit => return phase,
                Some(limit) => (limit - waited).min(limit / 4),
                None => patience.head,
            };
            // A head that begins during this pause must not wait for the end of a longer one.
            sleep(pause.min(patience.head / 4).max(SHORTEST_LOOK)).await;
            let now = self.note.load(Ordering::Relaxed);
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
    }
}

fn phase_of(note: u64) -> Phase {
    const PHASES: [Phase; 6] = [
        Phase::Busy,
        Phase::Idle,
        Phase::Head,
        Phase::Body,
        Phase::Reply,
        Phase::Tunnel,
    ];
    PHASES[(note >> PHASE_SHIFT) as usize % PHASES.len()]
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(86_400);

    fn patience() -> Patience {
        crate::build::patience(&config::TimeLimits::default())
    }

    /// Which wait ends the connection, and within how many seconds.
    async fn check(phase: Phase, seconds: Option<u64>) {
        let (activity, patience) = (Activity::default(), patience());
        activity.note(phase, 7);
        let began = Instant::now();
        let stalled = timeout(LONG, activity.stalls(&patience)).await;
        assert_eq!(stalled.ok(), seconds.map(|_| phase), "{phase:?}");
        if let Some(limit) = seconds {
            let took = began.elapsed().as_secs();
            assert!(
                (limit..=limit + limit / 4 + 1).contains(&took),
                "{phase:?}: {took}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_limit() {
        check(Phase::Busy, None).await;
        check(Phase::Idle, Some(600)).await;
        check(Phase::Head, Some(10)).await;
        check(Phase::Body, Some(60)).await;
        check(Phase::Reply, Some(60)).await;
        check(Phase::Tunnel, Some(3600)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_gets_on_does_not_stall() {
        let (activity, patience) = (Activity::default(), patience());
        let moving = async {
            for progress in 0..100 {
                activity.note(Phase::Body, progress);
                sleep(Duration::from_secs(20)).await;
            }
        };
        tokio::select! {
            phase = activity.stalls(&patience) => panic!("{phase:?} stalled"),
            () = moving => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_after_a_long_idle_time_is_given_no_more_than_others() {
        let (activity, patience) = (Activity::default(), patience());
        activity.note(Phase::Idle, 0);
        let idle = timeout(Duration::from_secs(500), activity.stalls(&patience)).await;
        idle.expect_err("a connection may be idle");
        activity.note(Phase::Head, 0);
        let began = Instant::now();
        assert_eq!(activity.stalls(&patience).await, Phase::Head);
        assert!(began.elapsed() < Duration::from_secs(14));
    }
}
