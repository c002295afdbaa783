//! The command line of namerd. See the library of the same name.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use namerctl::{Console, Sink};

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "Error: {error}"));
            return ExitCode::from(2);
        }
    };
    let may_colour = may_colour();
    let (mut input, mut out, mut err) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let (out_shows, err_shows) = (out.is_terminal(), err.is_terminal());
    let mut console = Console {
        input: &mut input,
        out: Sink::new(&mut out, out_shows, may_colour),
        err: Sink::new(&mut err, err_shows, may_colour),
    };
    let args = std::env::args_os().collect();
    ExitCode::from(runtime.block_on(namerctl::run(args, &mut console)))
}

/// Source: <https://no-color.org>.
fn may_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
