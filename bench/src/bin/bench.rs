//! Measures the router beside its peers, and its balancers beside each other.

use std::fs;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use bench::{Contender, Kind, Layout, Machine, Policy, Report, Scenario, Setting, Stand, balance};
use clap::{Parser, ValueEnum as _};
use serde_json::json;

/// Measures the router beside its peers, in turn, in one run, and its balancers beside each other
#[derive(Debug, Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
enum Command {
    /// HTTP/1.1: what a request costs each proxy on one core
    Http1(Args),
    /// What each balancer makes of ten equal nodes, and of one among them that is slow: simulated, the same in each run
    Balance(BalanceArgs),
}

#[derive(Debug, clap::Args)]
struct BalanceArgs {
    /// How many requests are simulated for each balancer and fleet
    #[arg(long, default_value_t = 1_000_000)]
    requests: usize,
    /// What chance begins with
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints a table for a document
    #[arg(long)]
    markdown: bool,
}

#[derive(Debug, clap::Args)]
struct Args {
    /// Windows for each scenario and proxy; medians are shown
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The length of a window
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Seconds of load before each window
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Scenarios; all if it isn't said
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Proxies; the first is compared with the others
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "router,envoy,nginx,haproxy"
    )]
    peers: Vec<Kind>,
    /// Also ask the backend without a proxy
    #[arg(long)]
    direct: bool,
    /// Another build of the router, to compare the router with
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// How many names the scenario "names" compares with one
    #[arg(long, default_value_t = 10_000)]
    names: usize,
    /// Requests a second of the scenario "rate"; half of what the slowest proxy can do if it isn't said
    #[arg(long)]
    rate: Option<f64>,
    /// The core of the proxy
    #[arg(long, default_value_t = 1)]
    proxy_core: usize,
    /// The core of backend and load
    #[arg(long, default_value_t = 0)]
    load_core: usize,
    /// Writes all figures of all windows into a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Prints the tables of docs/performance.md
    #[arg(long)]
    markdown: bool,
}

fn main() -> ExitCode {
    let ran = match Command::parse() {
        Command::Http1(args) => run(&args),
        Command::Balance(args) => {
            say(balance(args.requests, args.seed, layout(args.markdown)).trim_end())
        }
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    ensure!(args.rounds > 0, "no round, no figure");
    let contenders = find(args)?;
    let machine = Machine::here(&contenders);
    let mut run = Run::start(args, contenders)?;
    let layout = layout(args.markdown);
    say(&machine.line())?;
    say(LEGEND)?;
    for scenario in args.scenarios() {
        let report = run.report(scenario)?;
        let mark = if args.markdown { "### " } else { "" };
        say(&format!("\n{mark}{}\n", report.title()))?;
        say(report.table(layout).trim_end())?;
        if let Some(verdict) = report.verdict() {
            say(&format!("\n{verdict}"))?;
        }
        run.reports.push(report);
    }
    say(&format!("\n{}", Report::summary(&run.reports, layout)))?;
    if let Some(path) = &args.json {
        let reports: Vec<_> = run.reports.iter().map(Report::json).collect();
        let all = json!({"machine": machine, "rounds": args.rounds, "scenarios": reports});
        fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}

fn layout(is_markdown: bool) -> Layout {
    if is_markdown {
        Layout::Markdown
    } else {
        Layout::Plain
    }
}

const LEGEND: &str = "\
Medians. × is what the first row's figure is to that of a row: the ratio of the medians, and the least and the largest ratio of
a round.";

fn say(text: &str) -> Result<()> {
    writeln!(stdout(), "{text}")?;
    Ok(())
}

/// The contenders that are here; of the others it is said how to get them.
fn find(args: &Args) -> Result<Vec<Contender>> {
    let mut found = Vec::new();
    for kind in &args.peers {
        match Contender::find(*kind) {
            Some(contender) => found.push(contender),
            None => eprintln!("without {kind:?}: {}", kind.advice()),
        }
    }
    ensure!(!found.is_empty(), "there is nothing to measure");
    if let Some(program) = &args.before {
        ensure!(program.is_file(), "there is no {}", program.display());
        found.push(Contender {
            name: "before".to_owned(),
            kind: Kind::Router,
            names: 1,
            policy: Policy::Default,
            program: program.clone(),
        });
    }
    if args.direct {
        found.extend(Contender::find(Kind::Direct));
    }
    Ok(found)
}

impl Args {
    fn scenarios(&self) -> Vec<Scenario> {
        let all = Scenario::value_variants().iter().copied();
        all.filter(|scenario| self.only.is_empty() || self.only.contains(scenario))
            .collect()
    }
}

/// A run, and what it has found until now.
struct Run<'a> {
    args: &'a Args,
    contenders: Vec<Contender>,
    stand: Stand,
    reports: Vec<Report>,
}

impl<'a> Run<'a> {
    fn start(args: &'a Args, contenders: Vec<Contender>) -> Result<Self> {
        let stand = Stand::start(Setting {
            proxy_core: args.proxy_core,
            load_core: args.load_core,
            warm_up: args.warm_up,
            seconds: args.seconds,
        })?;
        Ok(Self {
            args,
            contenders,
            stand,
            reports: Vec::new(),
        })
    }

    fn report(&self, scenario: Scenario) -> Result<Report> {
        match scenario {
            Scenario::Rate => self.measure(scenario, Some(self.rate()?)),
            _ => self.measure(scenario, None),
        }
    }

    /// Half of what the slowest proxy can do, in whole hundreds so that titles stay readable.
    fn rate(&self) -> Result<f64> {
        if let Some(rate) = self.args.rate {
            return Ok(rate);
        }
        let known = self
            .reports
            .iter()
            .find(|report| report.is_of(Scenario::Get));
        let slowest = match known {
            Some(report) => report.slowest(),
            None => self.measure(Scenario::Get, None)?.slowest(),
        };
        let slowest = slowest.context("no proxy has answered")?;
        Ok((slowest / 2.0 / 100.0).floor().max(1.0) * 100.0)
    }

    /// Measures the contenders in turn. Each round begins with another one, so that none always runs first.
    fn measure(&self, scenario: Scenario, rate: Option<f64>) -> Result<Report> {
        let contenders = self.contenders_of(scenario);
        let mut report = Report::new(scenario, rate, &contenders);
        for round in 0..self.args.rounds {
            for turn in 0..contenders.len() {
                let number = (round + turn) % contenders.len();
                let contender = &contenders[number];
                eprintln!(
                    "{} {}/{}: {}",
                    report.title(),
                    round + 1,
                    self.args.rounds,
                    contender.name
                );
                report.add(number, self.stand.measure(contender, scenario, rate)?);
            }
        }
        Ok(report)
    }

    /// Names and policy are the routers' only.
    /// Buffers matter to long bodies: nginx takes part with the usual ones as well.
    fn with_default_buffers(&self) -> Vec<Contender> {
        let mut contenders = self.contenders.clone();
        if contenders
            .iter()
            .any(|contender| contender.kind == Kind::Nginx)
        {
            contenders.extend(Contender::find(Kind::NginxDefault));
        }
        contenders
    }

    fn contenders_of(&self, scenario: Scenario) -> Vec<Contender> {
        let variants: fn(&Contender, &Args) -> [Contender; 2] = match scenario {
            Scenario::Names => one_name_and_many,
            Scenario::Policy => policy_off_and_on,
            Scenario::Download => return self.with_default_buffers(),
            _ => return self.contenders.clone(),
        };
        let routers = self.contenders.iter();
        let routers = routers.filter(|contender| contender.kind == Kind::Router);
        routers
            .flat_map(|router| variants(router, self.args))
            .collect()
    }
}

fn one_name_and_many(router: &Contender, args: &Args) -> [Contender; 2] {
    let many = Contender {
        name: format!("{}, {} names", router.name, args.names),
        names: args.names,
        ..router.clone()
    };
    [router.clone(), many]
}

fn policy_off_and_on(router: &Contender, _: &Args) -> [Contender; 2] {
    [(Policy::Off, "off"), (Policy::On, "on")].map(|(policy, word)| Contender {
        name: format!("{}, policy {word}", router.name),
        policy,
        ..router.clone()
    })
}
