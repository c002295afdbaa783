//! A shift by itself, and whether the traffic followed.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

use crate::meter::{Count, Meter};
use crate::scene::Scene;

/// The weights of the two versions, one phase after the other.
const PHASES: [(u32, u32); 3] = [(99, 1), (50, 50), (0, 100)];

/// The length if none is said.
const LENGTH: Duration = Duration::from_secs(20);

/// The phases, and what was wrong with those that are over.
#[derive(Debug)]
pub(crate) struct Script {
    phase: Duration,
    next: usize,
    ends: Option<Instant>,
    complaints: Vec<String>,
}

impl Script {
    pub(crate) fn new(length: Option<Duration>) -> Self {
        // The last phase needs no end: the demo's is.
        let phase = length.unwrap_or(LENGTH) / PHASES.len() as u32;
        Self {
            phase,
            next: 0,
            ends: None,
            complaints: Vec::new(),
        }
    }

    /// Begins the next phase when the one before is over.
    pub(crate) fn follow(&mut self, scene: &Scene, meters: &mut [Meter]) -> Result<()> {
        let now = Instant::now();
        if self.ends.is_some_and(|ends| now < ends) || self.next == PHASES.len() {
            return Ok(());
        }
        self.judge(meters);
        let (v1, v2) = PHASES[self.next];
        scene.shift(v1, v2)?;
        meters.iter_mut().for_each(Meter::begin);
        self.next += 1;
        self.ends = Some(now + self.phase);
        Ok(())
    }

    /// What became of it.
    pub(crate) fn finish(mut self, meters: &[Meter]) -> Result<()> {
        self.judge(meters);
        if self.next < PHASES.len() {
            self.complaints
                .push("there was no time for all phases".to_owned());
        }
        for meter in meters {
            if let Some(reason) = &meter.first_failure {
                let failed = meter.failed;
                self.complaints
                    .push(format!("{failed} requests failed, the first: {reason}"));
            }
        }
        if self.complaints.is_empty() {
            eprintln!(
                "the traffic followed 99/1, 50/50 and 0/100 on both hosts, and no request failed"
            );
            return Ok(());
        }
        bail!(self.complaints.join("; "))
    }

    /// Looks at the phase that is over, if there is one.
    fn judge(&mut self, meters: &[Meter]) {
        let Some((v1, v2)) = self.next.checked_sub(1).map(|phase| PHASES[phase]) else {
            return;
        };
        for meter in meters {
            if !fits(meter.counted, f64::from(v2) / f64::from(v1 + v2)) {
                let Count { v1: got1, v2: got2 } = meter.counted;
                self.complaints.push(format!(
                    "{v1}/{v2} gave {got1} answers of v1 and {got2} of v2"
                ));
            }
        }
    }
}

/// Whether chance explains the difference: five standard deviations happen once in two million times.
fn fits(count: Count, share: f64) -> bool {
    let requests = count.all() as f64;
    let deviation = (share * (1.0 - share) / requests).sqrt();
    requests > 0.0 && (count.share() - share).abs() <= 5.0 * deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fit_within_what_chance_gives() {
        let check = |v1, v2, share| fits(Count { v1, v2 }, share);
        assert!(check(990, 10, 0.01) && check(980, 20, 0.01));
        assert!(!check(950, 50, 0.01));
        assert!(check(480, 520, 0.5) && !check(400, 600, 0.5));
        assert!(check(0, 1000, 1.0) && !check(1, 999, 1.0));
        assert!(!check(0, 0, 0.5), "no traffic is no success");
    }
}
