//! The time in which what is seen counts.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{REST_WITHIN, Tally};
use crate::sample::Sample;
use crate::usage::Watched;

/// What of a load counts, and what else is measured meanwhile.
#[derive(Clone, Debug)]
pub struct Window {
    /// How long to ask before.
    pub warm_up: Duration,
    /// How long what is seen counts.
    pub length: Duration,
    /// Whose CPU time and memory to measure.
    pub watched: Option<Watched>,
}

const WARM_UP_AT_MOST: Duration = Duration::from_secs(120);

impl Window {
    /// Lets a load run that ends after the window by itself. At least so many answers must have come before it.
    pub(super) async fn measure(
        &self,
        mut load: JoinSet<()>,
        tally: &Tally,
        least: u64,
    ) -> Result<Sample> {
        self.warm_up(tally, least).await?;
        let cpu = self.watched.as_ref().map(Watched::cpu).transpose()?;
        let begin = Instant::now();
        tally.begin(begin);
        sleep(self.length).await;
        let end = Instant::now();
        tally.end(end);
        let mut sample = Sample {
            seconds: end.duration_since(begin).as_secs_f64(),
            ..Sample::default()
        };
        if let (Some(watched), Some(before)) = (&self.watched, cpu) {
            sample.cpu_seconds = Some(watched.cpu()?.since(&before).as_secs_f64());
            sample.resident_bytes = Some(watched.resident()?);
        }
        if timeout(REST_WITHIN, ended(&mut load)).await.is_err() {
            tally.failed("no answer for a long time");
        }
        tally.fill(&mut sample);
        Ok(sample)
    }

    async fn warm_up(&self, tally: &Tally, least: u64) -> Result<()> {
        let begin = Instant::now();
        loop {
            sleep(Duration::from_millis(20)).await;
            if begin.elapsed() >= self.warm_up && tally.answered() >= least {
                return Ok(());
            }
            ensure!(
                begin.elapsed() < WARM_UP_AT_MOST,
                "{} answers in {WARM_UP_AT_MOST:?} ({})",
                tally.answered(),
                tally.first_failure().unwrap_or_default()
            );
        }
    }
}

/// Counts all that a load sees that ends by itself.
pub(super) async fn count(mut load: JoinSet<()>, tally: &Tally) -> Result<Sample> {
    let begin = Instant::now();
    tally.begin(begin);
    let mut seen = 0;
    while timeout(REST_WITHIN, ended(&mut load)).await.is_err() {
        let now = tally.answered() + tally.failures();
        ensure!(
            now > seen,
            "no answer in {REST_WITHIN:?}, after {} answers and {} failures",
            tally.answered(),
            tally.failures()
        );
        seen = now;
    }
    let end = Instant::now();
    tally.end(end);
    let mut sample = Sample {
        seconds: end.duration_since(begin).as_secs_f64(),
        ..Sample::default()
    };
    tally.fill(&mut sample);
    Ok(sample)
}

async fn ended(load: &mut JoinSet<()>) {
    while load.join_next().await.is_some() {}
}
