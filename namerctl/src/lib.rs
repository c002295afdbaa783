//! The command line of namerd: the verbs of Linkerd 1's namerctl, and those that it lacked.
//!
//! [`run`] reads the arguments, runs one command and gives the exit status. Each command is a module, which asks namerd
//! through [`mesh::NamerdClient`] and writes to the [`Console`] that it is given.
//!
//! The exit status says what happened: 0 done; 1 the sides of a `diff` differ; 2 wrong usage, or an error without a status of its
//! own; 3 somebody else changed the dtab; 4 not found; 5 denied; 6 not all routers confirmed in time; 7 refused by lint or a guard.
//!
//! ```
//! # async fn example() {
//! use namerctl::{Console, Sink};
//!
//! let (mut out, mut err) = (Vec::new(), Vec::new());
//! let mut console = Console {
//!     input: &mut std::io::empty(),
//!     out: Sink::new(&mut out, false, false),
//!     err: Sink::new(&mut err, false, false),
//! };
//! let args = ["namerctl", "dtab", "list"].map(Into::into).to_vec();
//! let exit_code = namerctl::run(args, &mut console).await;
//! # let _ = exit_code;
//! # }
//! ```

mod cli;
mod usage;

mod bind;
mod check;
mod completion;
mod delegate;
mod dtab;
mod export;
mod fleet;
mod import;

mod author;
mod config_file;
mod connection;
mod console;
mod difference;
mod duration;
mod failure;
mod format;
mod input;
mod review;
mod table;
mod tree;
mod wait;

use std::error::Error;
use std::ffi::OsString;
use std::io::ErrorKind;

use clap::Parser as _;

pub use console::{Console, Sink};

use cli::{Cli, Command};
use failure::Failure;

/// What a command that did its work has to say to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done,
    /// The two sides differ.
    Differs,
}

/// Runs the program with these arguments, its own name first, and gives its exit status.
///
/// Cancelling it is like interrupting the program: what was sent stays sent.
pub async fn run(args: Vec<OsString>, console: &mut Console<'_>) -> u8 {
    let cli = match Cli::try_parse_from(usage::flags_after_commands(args)) {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error, console),
    };
    match command(cli, console).await {
        Ok(Exit::Done) => 0,
        Ok(Exit::Differs) => 1,
        Err(failure) => {
            // With nowhere to write to there is nobody to tell.
            drop(report(&failure, console));
            failure.exit_code()
        }
    }
}

async fn command(cli: Cli, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let connection = &cli.connection;
    match cli.command {
        None => usage::help(&[], console)?,
        Some(Command::Dtab(args)) => {
            // Boxed because it is large, and happens once.
            return Box::pin(dtab::run(args, connection, console)).await;
        }
        Some(Command::Delegate(args)) => delegate::run(args, connection, console).await?,
        Some(Command::Bind(args)) => bind::run(args, connection, console).await?,
        Some(Command::Fleet(args)) => fleet::run(args, connection, console).await?,
        Some(Command::Check) => check::run(connection, console).await?,
        Some(Command::Export(args)) => export::run(args, connection, console).await?,
        Some(Command::Import(args)) => import::run(args, connection, console).await?,
        Some(Command::Completion(args)) => completion::run(&args, console)?,
    }
    Ok(Exit::Done)
}

fn report(failure: &Failure, console: &mut Console<'_>) -> std::io::Result<()> {
    if matches!(failure, Failure::Output(error) if error.kind() == ErrorKind::BrokenPipe) {
        // Whoever stops reading does not want to hear more.
        return Ok(());
    }
    let err = &mut console.err;
    let label = err.paint(console::Ink::Bad, "Error:");
    err.line(&format!("{label} {}", chain(failure)))?;
    let reason = failure.reason().trim_end();
    if !reason.is_empty() {
        err.line(reason)?;
    }
    if let Some(hint) = failure.hint() {
        err.line(&format!("Hint: {hint}"))?;
    }
    Ok(())
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
