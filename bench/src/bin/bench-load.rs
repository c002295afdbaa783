//! Asks a server, and prints as JSON what came of it.

use std::io::{Write as _, stdout};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use bench::{Asked, Pace, Plan, Watched};
use clap::Parser;

/// Asks an HTTP/1.1 server, and prints as JSON how long answers took
#[derive(Debug, Parser)]
struct Args {
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
    #[arg(long)]
    rate: Option<f64>,
    /// Idle connections beside them
    #[arg(long, default_value_t = 0)]
    idle: usize,
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.names > 0 && args.connections > 0, "nothing is asked");
    let pace = match args.rate {
        Some(per_second) => {
            ensure!(per_second >= 1.0, "a rate is at least 1 a second");
            Pace::Constant { per_second }
        }
        None if args.new_connections => Pace::NewConnections,
        None => Pace::KeepAlive,
    };
    let plan = Plan {
        to: args.to,
        asked: args.ask,
        names: args.names,
        connections: args.connections,
        pace,
        idle_connections: args.idle,
        warm_up: Duration::try_from_secs_f64(args.warm_up)?,
        window: Duration::try_from_secs_f64(args.seconds)?,
        watched: args.watch.map(Watched::tree).transpose()?,
    };
    let sample = plan.run().await?;
    writeln!(stdout(), "{}", serde_json::to_string(&sample)?)?;
    Ok(())
}
