//! Hours in minutes: a router under traffic of all kinds, whose names, endpoints and clients come and go all the time. It ends
//! with a verdict on what the router needed in memory, and on what failed.

mod arguments;
mod changes;
mod origin;
mod record;
mod stage;
mod traffic;

use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser as _;
use tests::kept_connection;
use tokio::time::Instant;

use crate::arguments::Arguments;
use crate::changes::Changes;
use crate::record::{Record, mib};
use crate::stage::Stage;
use crate::traffic::Traffic;

/// How often something is told.
const TOLD: Duration = Duration::from_secs(5);

const MEASURED: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut stage = Stage::set();
    let mut record = Record {
        at_start: stage.router().process.resident(),
        idle_connection: stage.runtime().block_on(kept_connection(stage.router()))?,
        ..Record::default()
    };
    let traffic = Traffic::start(&stage);
    let mut changes = Changes::default();
    let (began, mut told) = (Instant::now(), Instant::now());
    while began.elapsed() < arguments.lasts() {
        thread::sleep(MEASURED);
        let resident = stage.router().process.resident();
        record.residents.push(resident);
        changes.go_on(&mut stage, began.elapsed())?;
        if told.elapsed() >= TOLD {
            told = Instant::now();
            writeln!(
                stdout(),
                "{:>5} s  router {:>5.1} MiB  namerd {:>5.1} MiB  {changes}, {}",
                began.elapsed().as_secs(),
                mib(resident),
                mib(stage.namerd().process.resident()),
                traffic.told()
            )?;
        }
    }
    record.failed = traffic.failed();
    let mut broken = 0;
    for verdict in record.verdicts() {
        broken += usize::from(!verdict.is_kept());
        writeln!(stdout(), "{verdict}")?;
    }
    match broken {
        0 => Ok(()),
        _ => bail!("{broken} of the bounds are broken"),
    }
}
