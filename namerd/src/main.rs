//! namerd: the control plane.

use std::io::Write as _;
use std::process::ExitCode;

use namerd::command::{Command, HELP};
use namerd::run;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(usage) => return fail(&usage),
    };
    let done = match command {
        Command::Serve(serve) => run::serve(serve),
        Command::Check(config) => run::check(&config),
        Command::Export { config, file } => run::export(&config, file.as_deref()),
        Command::Import {
            config,
            file,
            replace,
        } => run::import(&config, file.as_deref(), replace),
        Command::Help => return print(HELP),
        Command::Version => return print(concat!("namerd ", env!("CARGO_PKG_VERSION"), "\n")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn fail(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
