//! Asks a server, and prints as JSON what came of it.

use std::io::{Write as _, stdout};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use bench::{Asked, Calls, Pace, Plan, Sample, Until, Watched, Window};
use clap::{Args, Parser};

/// Asks a server, and prints as JSON how long answers took; fails if one of them did not come or was not the right one
#[derive(Debug, Parser)]
enum Command {
    /// HTTP/1.1
    Http1(Http1),
    /// gRPC: unary calls of helloworld.Greeter/SayHello
    Grpc(Grpc),
}

#[derive(Debug, Args)]
struct Http1 {
    /// Who is asked
    to: SocketAddr,
    /// What is asked
    #[arg(long, value_enum, default_value = "get-1k")]
    ask: Asked,
    /// How many hosts are asked for, in turn: name-0, name-1 and so on
    #[arg(long, default_value_t = 1)]
    names: usize,
    /// How many connections ask at the same time
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// A new connection for each request
    #[arg(long, conflicts_with = "rate")]
    new_connections: bool,
    /// Requests a second at fixed times; as fast as answers come if it isn't said
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Idle connections beside them
    #[arg(long, default_value_t = 0)]
    idle: usize,
    #[command(flatten)]
    window: WindowArgs,
}

#[derive(Debug, Args)]
struct Grpc {
    /// Who is called
    to: SocketAddr,
    /// How many connections share the calls
    #[arg(long, default_value_t = 6)]
    connections: usize,
    /// How many calls are made at the same time, of all connections together
    #[arg(long, default_value_t = 200)]
    concurrent: usize,
    /// Calls a second at fixed times, however many are open then; as fast as replies come if it isn't said
    #[arg(long, value_parser = rate, conflicts_with = "concurrent")]
    rate: Option<f64>,
    /// Makes so many calls and counts all of them, instead of those in a window
    #[arg(long, conflicts_with_all = ["warm_up", "seconds", "watch"])]
    calls: Option<u64>,
    #[command(flatten)]
    window: WindowArgs,
}

#[derive(Debug, Args)]
struct WindowArgs {
    /// Seconds to ask before the window
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// The window's length in seconds
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// A process whose CPU time and memory are measured, with all that it has started
    #[arg(long, value_name = "PID")]
    watch: Option<u32>,
}

fn rate(said: &str) -> Result<f64> {
    let rate = said.parse()?;
    ensure!(rate >= 1.0, "a rate is at least 1 a second");
    Ok(rate)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let sample = match Command::parse() {
        Command::Http1(args) => args.run().await?,
        Command::Grpc(args) => args.run().await?,
    };
    writeln!(stdout(), "{}", serde_json::to_string(&sample)?)?;
    Ok(match sample.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

impl Http1 {
    async fn run(self) -> Result<Sample> {
        ensure!(self.names > 0 && self.connections > 0, "nothing is asked");
        let pace = match self.rate {
            Some(per_second) => Pace::Constant { per_second },
            None if self.new_connections => Pace::NewConnections,
            None => Pace::KeepAlive,
        };
        let plan = Plan {
            to: self.to,
            asked: self.ask,
            names: self.names,
            connections: self.connections,
            pace,
            idle_connections: self.idle,
            window: self.window.read()?,
        };
        plan.run().await
    }
}

impl Grpc {
    async fn run(self) -> Result<Sample> {
        ensure!(self.connections > 0, "nobody calls");
        ensure!(
            self.concurrent >= self.connections,
            "some connections have no call to make"
        );
        let until = match self.calls {
            Some(calls) => Until::Made(calls),
            None => Until::Over(self.window.read()?),
        };
        let calls = Calls {
            to: self.to,
            connections: self.connections,
            concurrent: self.concurrent,
            rate: self.rate,
            until,
        };
        calls.run().await
    }
}

impl WindowArgs {
    fn read(self) -> Result<Window> {
        Ok(Window {
            warm_up: Duration::try_from_secs_f64(self.warm_up)?,
            length: Duration::try_from_secs_f64(self.seconds)?,
            watched: self.watch.map(Watched::tree).transpose()?,
        })
    }
}
