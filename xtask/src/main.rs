//! The developer loop: `cargo xtask <command>`. It needs cargo and nothing else.

mod program;
mod release;
mod steps;
mod tidy;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::program::cargo;

const HELP: &str = "\
usage: cargo xtask <command>

  test            everything that must pass before a change lands
  tidy            layers, versions, licences, dead file names; prints sizes
  codegen         write the checked-in code of the .proto files again
  fuzz [ARGS]     fuzz dtab, http1 or http2, else each, for a number of seconds, else 60, on a stable toolchain
  release         the programs as they ship, into target/dist: the router is built with a profile of itself under load
  demo [ARGS]     one namerd, two routers, two versions of a service, and a change; see demo --help
  memory [WHAT]   what router or namerd, else both, need when they have little and much to do
  soak [SECONDS]  a router under traffic of all kinds while all around it changes, else for 600 seconds
  bench [ARGS]    the router beside Envoy, nginx and HAProxy: bench http1, bench grpc; see bench http1 --help
                  its balancers beside each other, in simulated time: bench balance
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let command = words.next();
    let rest: Vec<String> = words.collect();
    match command.as_deref() {
        Some("test") => steps::test(),
        Some("tidy") => tidy::run(),
        Some("codegen") => cargo("test -q -p mesh --test generated")
            .env("UPDATE_GENERATED", "1")
            .run(),
        Some("fuzz") => steps::fuzz(&rest),
        Some("release") => release::run(),
        Some("demo") => steps::demo(&rest),
        Some("memory") => steps::memory(&rest),
        Some("soak") => steps::soak(&rest),
        Some("bench") => steps::bench(&rest),
        Some("help" | "--help" | "-h") => {
            eprint!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("no command {other}\n\n{HELP}"),
        None => bail!("which command?\n\n{HELP}"),
    }
}

/// The project's folder.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
