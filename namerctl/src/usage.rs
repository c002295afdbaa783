//! Wrong arguments, in the words of Linkerd 1's namerctl, and help.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::Cli;
use crate::console::Console;
use crate::failure::Failure;

/// Shows help, or what is wrong with the arguments; gives the exit status.
pub(crate) fn report(error: &clap::Error, console: &mut Console<'_>) -> u8 {
    let is_question = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if is_question {
        return match console.out.help(&error.render()) {
            Ok(()) => 0,
            Err(_) => 2,
        };
    }
    let rendered = error.render().to_string();
    let (first, rest) = rendered.split_once('\n').unwrap_or((&rendered, ""));
    let message = message(error).unwrap_or_else(|| {
        let first = first.strip_prefix("error: ").unwrap_or(first);
        first.to_owned()
    });
    // With nowhere to write to there is nobody to tell.
    drop(console.err.text(&format!("Error: {message}\n{rest}")));
    2
}

fn message(error: &clap::Error) -> Option<String> {
    let context = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let flag = context(ContextKind::InvalidArg)?;
            match flag.strip_prefix('-') {
                Some(long) if long.starts_with('-') => Some(format!("unknown flag: {flag}")),
                Some(short) => Some(format!("unknown shorthand flag: '{short}' in {flag}")),
                None => None,
            }
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand)?;
            let usage = error.get(ContextKind::Usage)?.to_string();
            let is_dtab = usage.contains("namerctl dtab");
            let parent = if is_dtab { "namerctl dtab" } else { "namerctl" };
            Some(format!("unknown command {name:?} for {parent:?}"))
        }
        _ => None,
    }
}

/// Wrong arguments of a command, such as `["dtab", "get"]`.
pub(crate) fn wrong(commands: &[&str], message: &str) -> Failure {
    let usage = find(commands).render_usage().to_string();
    Failure::Usage {
        message: message.to_owned(),
        usage: format!("\n{usage}\n\nFor more information, try '--help'."),
    }
}

/// Shows the help of a command.
pub(crate) fn help(commands: &[&str], console: &mut Console<'_>) -> Result<(), Failure> {
    Ok(console.out.help(&find(commands).render_help())?)
}

fn find(commands: &[&str]) -> clap::Command {
    let mut root = Cli::command();
    // Gives the commands below their full names.
    root.build();
    let mut command = &root;
    for name in commands {
        command = command.find_subcommand(name).unwrap_or(command);
    }
    command.clone()
}

/// Moves the flags of the old commands that stand before them behind them: they could stand anywhere.
pub(crate) fn flags_after_commands(args: Vec<OsString>) -> Vec<OsString> {
    let texts: Vec<String> = args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let Some(end) = verb(&texts) else {
        return args;
    };
    let (mut kept, mut moved) = (Vec::new(), Vec::new());
    let mut goes_along = false;
    for (index, (arg, text)) in args.into_iter().zip(&texts).enumerate() {
        let name = text.split('=').next().unwrap_or_default();
        let is_ours = matches!(name, "--json" | "--pretty" | "--version");
        if index < end && (goes_along || is_ours) {
            goes_along = text == "--version";
            moved.push(arg);
        } else {
            kept.push(arg);
        }
        if index == end {
            kept.append(&mut moved);
        }
    }
    kept
}

/// Where the word after `dtab` is.
fn verb(args: &[String]) -> Option<usize> {
    let mut words = args.iter().enumerate().skip(1);
    let mut seen = Vec::new();
    while let Some((index, arg)) = words.next() {
        match arg.as_str() {
            "--" => return None,
            "--base-url" | "--config" | "--version" | "--timeout" | "--ca-cert"
            | "--client-cert" | "--client-key" => {
                // Its value is no word.
                words.next();
            }
            flag if flag.starts_with('-') => {}
            word => seen.push((index, word)),
        }
        if let [(_, "dtab"), (index, _)] = seen[..] {
            return Some(index);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &str, expected: &str) {
        let args = args.split(' ').map(OsString::from).collect();
        let moved = flags_after_commands(args);
        let moved: Vec<_> = moved.iter().map(|arg| arg.to_str().unwrap()).collect();
        assert_eq!(moved.join(" "), expected);
    }

    #[test]
    fn old_flags_may_stand_before_their_command() {
        check("n --json dtab list", "n dtab list --json");
        check("n --pretty=false dtab get x", "n dtab get --pretty=false x");
        check(
            "n dtab --version V update x f",
            "n dtab update --version V x f",
        );
        check("n --version=V dtab up x f", "n dtab up --version=V x f");
        check("n --config dtab dtab list", "n --config dtab dtab list");
        check(
            "n --base-url u dtab get x --json",
            "n --base-url u dtab get x --json",
        );
        check("n --version", "n --version");
        check("n --json fleet", "n --json fleet");
    }

    #[test]
    fn the_definition_of_all_commands_is_sound() {
        Cli::command().debug_assert();
    }
}
