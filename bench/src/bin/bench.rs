//! Measures the router beside its peers, and its balancers beside each other.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::Result;
use bench::{Grpc, Http1, Layout, Options, Scenario, balance, run};
use clap::{Args, Parser, ValueEnum};

/// Measures the router beside its peers, in turn, in one run, and its balancers beside each other
#[derive(Debug, Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
enum Command {
    /// HTTP/1.1: what a request costs each proxy on one core
    Http1(Http1Args),
    /// gRPC: what a unary call costs each proxy on one core, and how many two cores carry
    Grpc(GrpcArgs),
    /// What each balancer makes of ten equal nodes, and of one among them that is slow: simulated, the same in each run
    Balance(BalanceArgs),
}

#[derive(Debug, Args)]
struct Http1Args {
    /// Scenarios; all if it isn't said
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Http1>,
    /// How many names the scenario "names" compares with one
    #[arg(long, default_value_t = 10_000)]
    names: usize,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
struct GrpcArgs {
    /// Scenarios; all if it isn't said
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Grpc>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
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

fn main() -> ExitCode {
    let ran = match Command::parse() {
        Command::Http1(args) => run(
            &args.options,
            &wanted(&args.only, Scenario::Http1),
            args.names,
        ),
        Command::Grpc(args) => run(&args.options, &wanted(&args.only, Scenario::Grpc), 1),
        Command::Balance(args) => simulate(&args),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The scenarios that are asked for, in their own order; all if none is.
fn wanted<S: ValueEnum + PartialEq + Copy>(
    only: &[S],
    scenario: fn(S) -> Scenario,
) -> Vec<Scenario> {
    let all = S::value_variants().iter().copied();
    all.filter(|one| only.is_empty() || only.contains(one))
        .map(scenario)
        .collect()
}

fn simulate(args: &BalanceArgs) -> Result<()> {
    let table = balance(args.requests, args.seed, Layout::of(args.markdown));
    writeln!(stdout(), "{}", table.trim_end())?;
    Ok(())
}
