//! The router's binary: arguments, configuration, logs, and then [`Process`].

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use config::RouterConfig;
use router::{Args, Command, ConfigFile, HELP, Process, Program, Running};
use transport::{Condition, Inherited, notify};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    match Command::parse(std::env::args().skip(1), |name| std::env::var(name).ok())? {
        Command::Help => {
            eprint!("{HELP}");
            Ok(ExitCode::FAILURE)
        }
        Command::Version => {
            writeln!(std::io::stdout(), "router {}", env!("CARGO_PKG_VERSION"))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check(args) => {
            router::check(&read(&ConfigFile::new(&args.config))?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run(args) => {
            let mut inherited = Inherited::from_env().context("cannot take over any sockets")?;
            let started = start(&args, &mut inherited);
            if let Some(predecessor) = inherited.predecessor() {
                match &started {
                    Ok(_) => predecessor.tell_ready(),
                    Err(error) => predecessor.tell_failure(&format!("{error:#}")),
                }
            }
            let running = started?;
            notify(Condition::Ready);
            running.run();
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn start(args: &Args, inherited: &mut Inherited) -> anyhow::Result<Running> {
    let file = ConfigFile::new(&args.config);
    let config = read(&file)?;
    telemetry::init_logs(&args.log_level)?;
    for flag in &args.ignored {
        tracing::warn!("{flag} has no meaning here and is ignored");
    }
    tracing::info!("router {}", env!("CARGO_PKG_VERSION"));
    let mut process = Process {
        snapshot_interval: args.snapshot_interval,
        heeds_signals: true,
        config_file: Some(file),
        program: Program::this().ok(),
        ..Process::default()
    };
    process.workers = args.workers.unwrap_or(process.workers);
    Ok(process.start_with(&config, inherited)?)
}

/// The configuration; warnings go to stderr, and all complaints are one error.
fn read(file: &ConfigFile) -> anyhow::Result<RouterConfig> {
    let (config, warnings) = file.read()?;
    for warning in warnings {
        eprintln!("{warning}");
    }
    Ok(config)
}
