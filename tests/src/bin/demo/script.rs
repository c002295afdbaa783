//! Moves traffic by itself, and judges whether every router followed.

use std::fs;
use std::mem;
use std::time::Duration;

use anyhow::{Result, bail};
use tests::{Answer, Process};
use tokio::time::Instant;

use crate::stage::Stage;
use crate::tally::Tally;

/// The weights of v1 and v2 in each step.
const STEPS: [(u32, u32); 3] = [(99, 1), (50, 50), (0, 100)];

/// A router confirms a revision when it has its trees; the routes take theirs from there right after.
const SETTLES_WITHIN: Duration = Duration::from_millis(250);

/// Fewer requests than this say nothing about shares.
const ENOUGH: u64 = 200;

/// The steps, and how far they are.
#[derive(Debug)]
pub(crate) struct Script {
    began: Instant,
    lasts: Duration,
    step: usize,
    state: State,
    tallies: Vec<Tally>,
    verdicts: Vec<String>,
    complaints: Vec<String>,
}

#[derive(Debug)]
enum State {
    /// Every router is said to run the step's dtab; requests that start later than this are counted.
    Counting(Instant),
    /// namerctl makes the change, and waits for all routers.
    Updating(Process),
}

impl Script {
    pub(crate) fn new(lasts: Duration, now: Instant, routers: usize) -> Self {
        Self {
            began: now,
            lasts,
            step: 0,
            state: State::Counting(now),
            tallies: vec![Tally::default(); routers],
            verdicts: Vec::new(),
            complaints: Vec::new(),
        }
    }

    /// Counts what a router's applications got.
    pub(crate) fn see(&mut self, router: usize, answers: &[Answer]) {
        let State::Counting(since) = self.state else {
            return;
        };
        let counted = answers.iter().filter(|answer| answer.started > since);
        counted.for_each(|answer| self.tallies[router].add(answer));
    }

    /// Does what is due. True when it is over.
    ///
    /// # Errors
    /// If a change cannot be made, or is not confirmed by every router.
    pub(crate) fn advance(&mut self, stage: &Stage, now: Instant) -> Result<bool> {
        let ends = self.step_ends();
        match &mut self.state {
            State::Counting(_) if now < ends => {}
            State::Counting(_) => {
                self.judge(stage);
                self.step += 1;
                let Some(&(v1, v2)) = STEPS.get(self.step) else {
                    return Ok(true);
                };
                self.state = State::Updating(update(stage, v1, v2)?);
            }
            State::Updating(namerctl) => match namerctl.ended()? {
                None => {}
                Some(status) if status.success() => {
                    self.state = State::Counting(now + SETTLES_WITHIN);
                }
                Some(status) => bail!("the update ended with {status}: {}", namerctl.said()),
            },
        }
        Ok(false)
    }

    /// What it does now.
    pub(crate) fn line(&self) -> String {
        let (v1, v2) = STEPS[self.step.min(STEPS.len() - 1)];
        let doing = match self.state {
            State::Counting(_) => "counting at",
            State::Updating(_) => "moving to",
        };
        let (step, steps) = (self.step + 1, STEPS.len());
        format!("script, step {step} of {steps}: {doing} {v1} to {v2}")
    }

    /// What every step showed.
    pub(crate) fn verdicts(&self) -> &[String] {
        &self.verdicts
    }

    /// What was wrong.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn step_ends(&self) -> Instant {
        self.began + self.lasts * (self.step as u32 + 1) / STEPS.len() as u32
    }

    fn judge(&mut self, stage: &Stage) {
        let (v1, v2) = STEPS[self.step];
        let probability = f64::from(v2) / f64::from(v1 + v2);
        for (router, tally) in stage.routers.iter().zip(&mut self.tallies) {
            let tally = mem::take(tally);
            let verdict = format!(
                "{} at {v1} to {v2}: {} requests to v1, {} to v2",
                router.name(),
                tally.v1,
                tally.v2
            );
            if tally.requests() < ENOUGH {
                let complaint = format!("{verdict}: too few to tell; needs more time");
                self.complaints.push(complaint);
            } else if !tally.follows(probability) {
                let complaint = format!("{verdict}: that is not the share it was given");
                self.complaints.push(complaint);
            }
            self.verdicts.push(verdict);
        }
    }
}

/// As a person would: edits the file, and waits until every router runs it.
fn update(stage: &Stage, v1: u32, v2: u32) -> Result<Process> {
    fs::write(stage.file(), stage.dtab(v1, v2))?;
    let message = format!("{v1} to {v2}");
    stage.namerctl().start(&[
        "dtab",
        "update",
        "default",
        "web.dtab",
        "--message",
        &message,
        "--wait",
    ])
}
