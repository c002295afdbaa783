//! A run: scenario by scenario, each contender in turn, and what is said of it.

use std::fs;
use std::io::{Write as _, stdout};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::contender::{Contender, Kind};
use crate::machine::Machine;
use crate::report::{Layout, Report};
use crate::scenario::Scenario;
use crate::stand::{Setting, Stand};

/// How to measure, and whom.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Windows for each scenario and proxy; medians are shown
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Where, and how long.
    #[command(flatten)]
    pub setting: Setting,
    /// Proxies; the first is compared with the others
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "router,envoy,nginx,haproxy"
    )]
    pub peers: Vec<Kind>,
    /// Also ask the backend without a proxy
    #[arg(long)]
    pub direct: bool,
    /// Another build of the router, to compare the router with
    #[arg(long, value_name = "PROGRAM")]
    pub before: Option<PathBuf>,
    /// Requests a second of the scenario "rate"; half of what the slowest proxy can do if it isn't said
    #[arg(long)]
    pub rate: Option<f64>,
    /// Writes all figures of all windows into a file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Prints the tables of docs/performance.md
    #[arg(long)]
    pub markdown: bool,
}

const LEGEND: &str = "\
Medians. × is what the first row's figure is to that of a row: the median of the ratios of single rounds, and between which the
middle half of them lies.";

/// Measures scenarios and prints what comes of it. Where one name is compared with many, they are `names`.
///
/// # Errors
/// If something cannot be measured, or a request failed.
pub fn run(options: &Options, scenarios: &[Scenario], names: usize) -> Result<()> {
    ensure!(options.rounds > 0, "no round, no figure");
    let mut run = Run {
        options,
        names,
        contenders: find(options)?,
        reports: Vec::new(),
    };
    let machine = Machine::here(&run.contenders);
    let layout = Layout::of(options.markdown);
    say(&machine.line())?;
    say(LEGEND)?;
    for scenario in scenarios {
        let report = run.report(*scenario)?;
        let mark = if options.markdown { "### " } else { "" };
        say(&format!("\n{mark}{}\n", report.title()))?;
        say(report.table(layout).trim_end())?;
        for verdict in report.verdicts() {
            say(&format!("\n{verdict}"))?;
        }
        run.reports.push(report);
    }
    say(&format!("\n{}", Report::summary(&run.reports, layout)))?;
    if let Some(path) = &options.json {
        let reports: Vec<_> = run.reports.iter().map(Report::json).collect();
        let all = json!({"machine": machine, "rounds": options.rounds, "scenarios": reports});
        fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    let failed: u64 = run.reports.iter().map(Report::failed).sum();
    ensure!(failed == 0, "{failed} requests failed");
    Ok(())
}

fn say(text: &str) -> Result<()> {
    writeln!(stdout(), "{text}")?;
    Ok(())
}

/// The contenders that are here; of the others it is said how to get them.
fn find(options: &Options) -> Result<Vec<Contender>> {
    let mut found = Vec::new();
    for kind in &options.peers {
        match Contender::find(*kind) {
            Some(contender) => found.push(contender),
            None => eprintln!("without {kind:?}: {}", kind.advice()),
        }
    }
    ensure!(!found.is_empty(), "there is nothing to measure");
    if let Some(program) = &options.before {
        ensure!(program.is_file(), "there is no {}", program.display());
        found.push(Contender {
            name: "before".to_owned(),
            ..Contender::new(Kind::Router, program.clone())
        });
    }
    if options.direct {
        found.extend(Contender::find(Kind::Direct));
    }
    Ok(found)
}

/// A run, and what it has found until now.
struct Run<'a> {
    options: &'a Options,
    names: usize,
    contenders: Vec<Contender>,
    reports: Vec<Report>,
}

impl Run<'_> {
    fn report(&self, scenario: Scenario) -> Result<Report> {
        match scenario.paced_by() {
            Some(fastest) => self.measure(scenario, Some(self.rate(fastest)?)),
            None => self.measure(scenario, None),
        }
    }

    /// Half of what the slowest proxy can do, in whole hundreds so that titles stay readable.
    fn rate(&self, fastest: Scenario) -> Result<f64> {
        if let Some(rate) = self.options.rate {
            return Ok(rate);
        }
        let mut reports = self.reports.iter();
        let slowest = match reports.find(|report| report.is_of(fastest)) {
            Some(report) => report.slowest(),
            None => self.measure(fastest, None)?.slowest(),
        };
        let slowest = slowest.context("no proxy has answered")?;
        Ok((slowest / 2.0 / 100.0).floor().max(1.0) * 100.0)
    }

    /// Measures the contenders in turn. Each round begins with another one, so that none always runs first.
    fn measure(&self, scenario: Scenario, rate: Option<f64>) -> Result<Report> {
        let contenders = scenario.contenders(&self.contenders, self.names);
        let stand = Stand::start(self.options.setting, scenario)?;
        let mut report = Report::new(scenario, rate, &contenders);
        let rounds = self.options.rounds;
        for round in 0..rounds {
            for turn in 0..contenders.len() {
                let number = (round + turn) % contenders.len();
                let contender = &contenders[number];
                let title = report.title();
                eprintln!("{title} {}/{rounds}: {}", round + 1, contender.name);
                report.add(number, stand.measure(contender, rate)?);
            }
        }
        Ok(report)
    }
}
