//! What a client's connection is waiting for, so that none waits for ever.
//!
//! A timer for each wait would cost more than the wait. Here the connection leaves a note of what it does and how far it is; a
//! watcher looks at the note now and then, and ends a connection whose note did not change for as long as such a wait may take.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use std::task::Waker;
use std::time::Duration;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Somebody who is not the client: it may take its time.
    Busy,
    /// The first byte of the next request.
    Idle,
    /// The next stream, where a connection has many at once: told to end, it takes its leave.
    Quiet,
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
    /// From one piece of a request's body to the next.
    pub(crate) body: Duration,
    /// From one piece of an answer that the client takes to the next.
    pub(crate) reply: Duration,
    /// Without a byte in a tunnel.
    pub(crate) tunnel: Duration,
    /// From the first request to the last.
    pub(crate) life: Option<Duration>,
}

impl Patience {
    /// How long a connection may be in this phase.
    pub(super) fn with(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Busy => None,
            Phase::Idle | Phase::Quiet => Some(self.idle),
            Phase::Head => Some(self.head),
            Phase::Body => Some(self.body),
            Phase::Reply => Some(self.reply),
            Phase::Tunnel => Some(self.tunnel),
        }
    }

    /// How often somebody has to look, so that nobody gets more than a quarter longer.
    pub(super) fn pause(&self) -> Duration {
        let limits = [self.idle, self.head, self.body, self.reply, self.tunnel];
        let shortest = limits.into_iter().chain(self.life).min();
        (shortest.unwrap_or_default() / 4).max(SHORTEST_PAUSE)
    }
}

/// However little patience there is.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// The note of one connection, and what its watcher tells it.
#[derive(Debug)]
pub(crate) struct Activity {
    /// The phase in the highest byte, and how far it is below.
    note: AtomicU64,
    is_draining: AtomicBool,
    /// Whether the connection has many requests at once.
    is_shared: AtomicBool,
    is_hurried: AtomicBool,
    has_stalled: AtomicBool,
    has_ended: AtomicBool,
    /// The phase of a stall that nobody has counted; else [`NONE`].
    uncounted: AtomicU8,
    patience: Patience,
    /// Of the task that serves the connection.
    task: OnceLock<Waker>,
}

const PHASE_SHIFT: u32 = 56;
const NONE: u8 = u8::MAX;

impl Activity {
    /// Of a connection without a request.
    pub(crate) fn new(patience: Patience) -> Self {
        let activity = Self {
            note: AtomicU64::default(),
            is_draining: AtomicBool::default(),
            is_shared: AtomicBool::default(),
            is_hurried: AtomicBool::default(),
            has_stalled: AtomicBool::default(),
            has_ended: AtomicBool::default(),
            uncounted: AtomicU8::new(NONE),
            patience,
            task: OnceLock::new(),
        };
        activity.note(Phase::Idle, 0);
        activity
    }

    /// Notes what the connection waits for. `progress` is any number that changes when something moved.
    pub(crate) fn note(&self, phase: Phase, progress: u64) {
        let below = progress & ((1 << PHASE_SHIFT) - 1);
        let note = (u64::from(phase as u8) << PHASE_SHIFT) | below;
        self.note.store(note, Ordering::Relaxed);
    }

    /// The last note.
    pub(super) fn noted(&self) -> u64 {
        self.note.load(Ordering::Relaxed)
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Whom to wake when there is something to tell. It is the same task for as long as there is a connection.
    pub(super) fn is_served_by(&self, task: &Waker) {
        if self.task.get().is_none() {
            self.task.get_or_init(|| task.clone());
            // Either it finds what is told from here on, or whoever tells finds it.
            fence(Ordering::SeqCst);
        }
    }

    /// The connection's next answer is its last. One that has many at once says so now.
    pub(super) fn drain(&self) {
        if !self.is_draining.swap(true, Ordering::Relaxed) && self.is_shared.load(Ordering::Relaxed)
        {
            self.wake();
        }
    }

    /// The connection has many requests at once.
    pub(crate) fn serves_many(&self) {
        self.is_shared.store(true, Ordering::Relaxed);
    }

    /// If it is idle, it had its last.
    pub(super) fn hurry(&self) {
        self.drain();
        if !self.is_hurried.swap(true, Ordering::Relaxed) {
            self.wake();
        }
    }

    pub(crate) fn is_hurried(&self) -> bool {
        self.is_hurried.load(Ordering::Relaxed)
    }

    /// The client takes too long. The first time it is told so, if it has a request that can be answered.
    pub(super) fn stall(&self, phase: Phase) {
        let had_stalled = self.has_stalled.swap(true, Ordering::Relaxed);
        self.uncounted.store(phase as u8, Ordering::Relaxed);
        match phase {
            Phase::Head | Phase::Body | Phase::Quiet if !had_stalled => self.wake(),
            _ => self.end(),
        }
    }

    /// The connection is closed, whatever it does.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
        self.wake();
    }

    fn wake(&self) {
        fence(Ordering::SeqCst);
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    pub(crate) fn has_stalled(&self) -> bool {
        self.has_stalled.load(Ordering::Relaxed)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// What the client took too long for, once for each time that it did.
    pub(super) fn stalled_for(&self) -> Option<Phase> {
        let phase = self.uncounted.swap(NONE, Ordering::Relaxed);
        PHASES.get(usize::from(phase)).copied()
    }
}

const PHASES: [Phase; 7] = [
    Phase::Busy,
    Phase::Idle,
    Phase::Quiet,
    Phase::Head,
    Phase::Body,
    Phase::Reply,
    Phase::Tunnel,
];

impl Phase {
    /// That of a note.
    pub(super) fn of(note: u64) -> Self {
        PHASES[(note >> PHASE_SHIFT) as usize % PHASES.len()]
    }
}
