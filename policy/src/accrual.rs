//! When an endpoint is left alone because it fails, and how it comes back.
//!
//! ```text
//! Alive ──the rule says so──▶ Dead ──its time is over──▶ ProbeOpen ──one request is admitted──▶ ProbeClosed
//!   ▲                          ▲                            ▲                                     │ │ │
//!   └──────── success ─────────┼────────────────────────────┼─────────────────────────────────────┘ │ │
//!                              └── failure, a longer time ──┼───────────────────────────────────────┘ │
//!                                                           └── neither of both ──────────────────────┘
//! ```
//!
//! No timer runs: the state is a number, and what it means depends on the time. Source: linkerd `FailureAccrualFactory`.

mod record;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::backoff::{Backoff, Waits};
use crate::classifier::Class;
use crate::instant::nanos;
use crate::node::Status;
use record::Record;

/// What makes an endpoint dead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// So many failures in a row. Source: finagle `ConsecutiveFailuresPolicy`.
    ConsecutiveFailures(u32),
    /// A failure while the success rate is low. Source: finagle `SuccessRatePolicy`.
    SuccessRate {
        /// The least that the average may be, 0..1.
        rate: f64,
        /// The window of the average, and how many requests there must have been.
        requests: u32,
    },
    /// The same by time. Source: finagle `SuccessRateWindowedPolicy`.
    SuccessRateWindowed {
        /// The least that the average may be, 0..1.
        rate: f64,
        /// The window of the average, and for how long there must have been requests.
        window: Duration,
    },
    /// Nothing.
    Never,
}

/// What makes an endpoint dead, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccrualPolicy {
    /// What makes it dead.
    pub rule: Rule,
    /// For how long.
    pub backoff: Backoff,
}

impl Default for AccrualPolicy {
    fn default() -> Self {
        Self {
            rule: Rule::ConsecutiveFailures(5),
            backoff: Backoff::ACCRUAL,
        }
    }
}

/// Why an endpoint was removed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// So many failures in a row.
    Failures(u32),
    /// The success rate.
    SuccessRate {
        /// What it was.
        rate: f64,
        /// What it should have been at least.
        least: f64,
        /// Of how many requests, or of those within which time.
        over: Span,
    },
}

/// What a success rate is an average over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So many requests.
    Requests(u32),
    /// This time.
    Time(Duration),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures(1) => write!(f, "a failure"),
            Self::Failures(count) => write!(f, "{count} failures in a row"),
            Self::SuccessRate { rate, least, over } => {
                // Rounded up it might say what it should have been.
                let shown = (rate * 1000.0).floor() / 10.0;
                write!(f, "success rate {shown} % below {} % over ", least * 100.0)?;
                match over {
                    Span::Requests(count) => write!(f, "{count} requests"),
                    Span::Time(time) => write!(f, "{time:?}"),
                }
            }
        }
    }
}

/// How a request to an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Success,
    /// It did not, or there was no connection.
    Failure,
    /// Nobody can say: it was cancelled, or others are to blame.
    Ignorable,
}

impl From<Class> for Outcome {
    fn from(class: Class) -> Self {
        if class.is_failure() {
            Self::Failure
        } else {
            Self::Success
        }
    }
}

/// What an outcome has changed: to be counted, logged and shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It was alive and is dead.
    Removed {
        /// Why.
        reason: Reason,
        /// Until the first probe.
        until: Duration,
    },
    /// It was dead and stays so.
    ProbeFailed {
        /// Until the next probe.
        until: Duration,
    },
    /// It was dead and is alive.
    Revived {
        /// How long it was dead.
        removed_for: Duration,
    },
}

/// Where an endpoint is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It gets requests.
    Alive,
    /// It gets none until then.
    Dead {
        /// Then.
        until: Duration,
    },
    /// The next request is the probe.
    ProbeOpen,
    /// The probe is under way.
    ProbeClosed,
}

/// The last removal of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Removal {
    /// When it was.
    pub at: Duration,
    /// Why.
    pub reason: Reason,
}

/// Leave to use an endpoint. It goes back to [`Accrual::settle`], whatever happens: with a probe that is lost, its endpoint is.
#[derive(Debug)]
#[must_use = "a probe that is never settled keeps its endpoint closed for ever"]
pub struct Admission(u64);

impl Admission {
    /// Whether this request decides about the endpoint's return.
    pub fn is_probe(&self) -> bool {
        self.0 == PROBE_CLOSED
    }

    /// Whether the endpoint was closed, perhaps since the pick: another request has become the probe. If there is no other
    /// endpoint the request may be sent nevertheless; how it ends does not count.
    pub fn is_to_closed(&self) -> bool {
        self.0 == CLOSED
    }
}

/// From here on a phase is of an endpoint that is alive, with the number of its life. Below, it is the time at which a probe
/// may go out. So one comparison tells both that it is alive and that its time is over.
const ALIVE: u64 = 1 << 63;
const PROBE_CLOSED: u64 = ALIVE - 1;
/// Only in admissions.
const CLOSED: u64 = 0;

/// An endpoint's life. All who use the endpoint share it.
#[derive(Debug)]
pub struct Accrual {
    policy: AccrualPolicy,
    phase: AtomicU64,
    /// Failures in a row.
    failures: AtomicU32,
    ledger: Mutex<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    record: Record,
    waits: Waits,
    /// The number of its life.
    life: u64,
    removal: Option<Removal>,
}

impl Accrual {
    /// An endpoint that is alive.
    pub fn new(policy: AccrualPolicy) -> Self {
        Self {
            policy,
            phase: AtomicU64::new(ALIVE),
            failures: AtomicU32::new(0),
            ledger: Mutex::new(Ledger {
                record: Record::default(),
                waits: policy.backoff.waits(),
                life: 0,
                removal: None,
            }),
        }
    }

    /// Whether it should be given requests. One atomic load.
    pub fn status(&self, now: Duration) -> Status {
        let phase = self.phase.load(Ordering::Relaxed);
        if phase >= ALIVE || phase <= nanos(now) {
            Status::Open
        } else {
            Status::Busy
        }
    }

    /// Where it is, for display.
    pub fn state(&self, now: Duration) -> State {
        match self.phase.load(Ordering::Relaxed) {
            ALIVE.. => State::Alive,
            PROBE_CLOSED => State::ProbeClosed,
            until if until <= nanos(now) => State::ProbeOpen,
            until => State::Dead {
                until: Duration::from_nanos(until),
            },
        }
    }

    /// Why it is dead, or why it last was.
    pub fn removal(&self) -> Option<Removal> {
        self.ledger().removal
    }

    /// Counts a request in that is about to be sent. If a probe is due, this one is it.
    pub fn admit(&self, now: Duration) -> Admission {
        let phase = self.phase.load(Ordering::Relaxed);
        if phase >= ALIVE {
            return Admission(phase);
        }
        let is_probe = phase <= nanos(now)
            && self
                .phase
                .compare_exchange(phase, PROBE_CLOSED, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        Admission(if is_probe { PROBE_CLOSED } else { CLOSED })
    }

    /// Learns how a request ended. It counts if it was the probe, or if the endpoint still leads the life in which the request
    /// was admitted: what was slow to fail does not speak against an endpoint that has been revived meanwhile.
    pub fn settle(
        &self,
        admission: Admission,
        now: Duration,
        outcome: Outcome,
        draw: &mut impl FnMut() -> f64,
    ) -> Option<Change> {
        match admission.0 {
            CLOSED => None,
            PROBE_CLOSED => self.settle_probe(now, outcome, draw),
            _ if outcome == Outcome::Ignorable => None,
            life => self.settle_alive(life, now, outcome, draw),
        }
    }

    fn settle_probe(
        &self,
        now: Duration,
        outcome: Outcome,
        draw: &mut impl FnMut() -> f64,
    ) -> Option<Change> {
        let mut ledger = self.ledger();
        match outcome {
            Outcome::Ignorable => {
                self.phase.store(nanos(now), Ordering::Relaxed);
                None
            }
            Outcome::Failure => {
                let until = self.close(&mut ledger, now, draw);
                Some(Change::ProbeFailed { until })
            }
            Outcome::Success => {
                ledger.life += 1;
                ledger.record = Record::default();
                ledger.waits.reset();
                self.failures.store(0, Ordering::Relaxed);
                self.phase.store(ALIVE + ledger.life, Ordering::Relaxed);
                let removed = ledger.removal.map_or(now, |removal| removal.at);
                Some(Change::Revived {
                    removed_for: now.saturating_sub(removed),
                })
            }
        }
    }

    fn settle_alive(
        &self,
        life: u64,
        now: Duration,
        outcome: Outcome,
        draw: &mut impl FnMut() -> f64,
    ) -> Option<Change> {
        if self.phase.load(Ordering::Relaxed) != life || !self.is_of_interest(outcome) {
            return None;
        }
        let mut ledger = self.ledger();
        if self.phase.load(Ordering::Relaxed) != life {
            return None;
        }
        let reason = match self.policy.rule {
            Rule::ConsecutiveFailures(_) => {
                Some(Reason::Failures(self.failures.load(Ordering::Relaxed)))
            }
            rule => ledger.record.add(rule, now, outcome),
        }?;
        ledger.removal = Some(Removal { at: now, reason });
        let until = self.close(&mut ledger, now, draw);
        Some(Change::Removed { reason, until })
    }

    /// Whether more than counting is needed. Failures in a row are counted without a lock, and successes only end the row.
    fn is_of_interest(&self, outcome: Outcome) -> bool {
        match (self.policy.rule, outcome) {
            (Rule::Never, _) => false,
            (Rule::ConsecutiveFailures(most), Outcome::Failure) => {
                self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= most
            }
            (Rule::ConsecutiveFailures(_), _) => {
                if self.failures.load(Ordering::Relaxed) != 0 {
                    self.failures.store(0, Ordering::Relaxed);
                }
                false
            }
            (Rule::SuccessRate { .. } | Rule::SuccessRateWindowed { .. }, _) => true,
        }
    }

    /// Sends nobody there until the next wait is over.
    fn close(
        &self,
        ledger: &mut Ledger,
        now: Duration,
        draw: &mut impl FnMut() -> f64,
    ) -> Duration {
        let until = now.saturating_add(ledger.waits.next(draw));
        let phase = nanos(until).min(PROBE_CLOSED - 1);
        self.phase.store(phase, Ordering::Relaxed);
        until
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
