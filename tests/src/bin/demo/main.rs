//! Shows what Switchyard is for: two hosts, two versions of a service, and one command that moves traffic on both.
//!
//! Everything runs here: namerd, two routers, the versions, and applications that send requests all the time. It ends
//! with Ctrl-C, and takes all of that along.

mod arguments;
mod audience;
mod fleet;
mod picture;
mod play;
mod screen;
mod script;
mod signals;
mod stage;
mod tally;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use tokio::runtime::Builder;

use crate::arguments::Arguments;
use crate::play::Play;
use crate::signals::Signals;
use crate::stage::Stage;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The stage is taken down at the end, also by an error: its processes end with their values.
fn run(arguments: &Arguments) -> Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let _inside = runtime.enter();
    // Taken before there is a process that could be left behind.
    let mut signals = Signals::take()?;
    let stage = Stage::set(runtime.handle(), arguments)?;
    let play = Play::new(stage, arguments)?;
    runtime.block_on(play.run(&mut signals))
}
