//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use telemetry::parse_duration;

/// What to do.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// Serve until told to end.
    Serve(Serve),
    /// Look for mistakes in a configuration, and open nothing.
    Check(Source),
    /// Write everything that a store has to a file, or to standard output.
    Export {
        /// Whose `storage` to read.
        config: Source,
        /// Where to write; none is standard output.
        file: Option<PathBuf>,
    },
    /// Take in what was exported, from a file or from standard input.
    Import {
        /// Whose `storage` to fill.
        config: Source,
        /// What to read; none is standard input.
        file: Option<PathBuf>,
        /// Whether to replace namespaces that are there already.
        replace: bool,
    },
    /// Explain the command line.
    Help,
    /// Say which version this is.
    Version,
}

/// How to serve.
#[derive(Debug, PartialEq)]
pub struct Serve {
    /// The configuration.
    pub config: Source,
    /// The least level that is logged, in the words of the reference.
    pub log_level: String,
    /// How often the windows of stats end; none for the usual.
    pub snapshot_interval: Option<Duration>,
    /// Flags that are understood and do nothing, with the reason.
    pub ignored: Vec<String>,
}

/// Where a configuration is.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// On standard input.
    Stdin,
    /// In a file.
    File(PathBuf),
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Not exactly one configuration. The reference's words.
    #[error("usage: namerd path/to/config\n\nnamerd --help explains the rest")]
    Count,
    /// Nothing that is known.
    #[error("unknown flag: {0}; namerd --help lists the flags")]
    Unknown(String),
    /// A flag without its value.
    #[error("flag needs a value: {0}")]
    NoValue(String),
    /// A flag with a value that makes no sense for it.
    #[error("cannot use {value:?} for {flag}: {reason}")]
    Value {
        /// Which.
        flag: String,
        /// What was given.
        value: String,
        /// Why not.
        reason: String,
    },
}

/// What `--help` says.
pub const HELP: &str = "\
namerd keeps dtabs, and tells routers what names mean.

usage:
  namerd [flags] <config | ->            serve; - reads the configuration from standard input
  namerd --check <config | ->            look for mistakes in the configuration, open nothing (also -validate)
  namerd export <config> [file]          write all namespaces with their history, to standard output without a file
  namerd import <config> [file] [--replace]
                                         take in an export, from standard input without a file;
                                         --replace overwrites namespaces that are there already

flags:
  -log.level=INFO    TRACE, DEBUG, INFO, WARNING, ERROR or OFF; RUST_LOG wins over it
  -io.buoyant.telemetry.admin.histogramSnapshotInterval=1.minute
                     how often the windows of stats end
  --version          which version this is

exit status: 0 after a graceful end, 1 for everything else
";

impl Command {
    /// Reads the arguments after the program's name.
    ///
    /// Flags begin with one dash or two, and have their value after `=` or as the next argument, as the reference's.
    ///
    /// # Errors
    /// See [`UsageError`].
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, UsageError> {
        let args: Vec<String> = args.into_iter().collect();
        match args.first().map(String::as_str) {
            Some("export") if args.len() > 1 => {
                let (config, file, replace) = transfer(&args[1..])?;
                if replace {
                    Err(UsageError::Unknown("--replace".to_owned()))
                } else {
                    Ok(Self::Export { config, file })
                }
            }
            Some("import") if args.len() > 1 => {
                let (config, file, replace) = transfer(&args[1..])?;
                Ok(Self::Import {
                    config,
                    file,
                    replace,
                })
            }
            _ => serve(args),
        }
    }
}

fn serve(args: Vec<String>) -> Result<Command, UsageError> {
    let mut configs = Vec::new();
    let mut log_level = "INFO".to_owned();
    let mut snapshot_interval = None;
    let mut ignored = Vec::new();
    let mut is_check = false;
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let Some((flag, value)) = split_flag(&arg) else {
            configs.push(source(&arg));
            continue;
        };
        let mut value = || {
            value
                .clone()
                .or_else(|| args.next())
                .ok_or_else(|| UsageError::NoValue(arg.clone()))
        };
        match flag {
            "check" | "validate" => is_check = true,
            "help" | "h" => return Ok(Command::Help),
            "version" => return Ok(Command::Version),
            "log.level" => log_level = value()?,
            SNAPSHOT_INTERVAL => snapshot_interval = Some(duration(flag, &value()?)?),
            "log.output" | "log.append" | "log.rotateCount" | "log.rollPolicy" => {
                value()?;
                ignored.push(format!("-{flag} has no effect: logs go to standard error"));
            }
            _ if flag.starts_with("com.twitter.") => {
                ignored.push(format!(
                    "-{flag} has no effect: it tunes a library that is not used here"
                ));
            }
            _ => return Err(UsageError::Unknown(arg)),
        }
    }
    let [config] = <[Source; 1]>::try_from(configs).map_err(|_| UsageError::Count)?;
    if is_check {
        return Ok(Command::Check(config));
    }
    Ok(Command::Serve(Serve {
        config,
        log_level,
        snapshot_interval,
        ignored,
    }))
}

const SNAPSHOT_INTERVAL: &str = "io.buoyant.telemetry.admin.histogramSnapshotInterval";

fn transfer(args: &[String]) -> Result<(Source, Option<PathBuf>, bool), UsageError> {
    let is_flag = |arg: &&String| split_flag(arg).is_some();
    let (flags, places): (Vec<&String>, Vec<&String>) = args.iter().partition(is_flag);
    let is_replace = |flag: &&String| flag.trim_start_matches('-') == "replace";
    if let Some(unknown) = flags.iter().find(|flag| !is_replace(flag)) {
        return Err(UsageError::Unknown((*unknown).clone()));
    }
    match places.as_slice() {
        [config] => Ok((source(config), None, !flags.is_empty())),
        [config, file] => Ok((source(config), Some(PathBuf::from(file)), !flags.is_empty())),
        _ => Err(UsageError::Count),
    }
}

/// The name of a flag and the value behind its `=`; none for what is no flag.
fn split_flag(arg: &str) -> Option<(&str, Option<String>)> {
    let flag = arg
        .strip_prefix("--")
        .or_else(|| arg.strip_prefix('-'))
        .filter(|flag| !flag.is_empty())?;
    Some(match flag.split_once('=') {
        Some((flag, value)) => (flag, Some(value.to_owned())),
        None => (flag, None),
    })
}

fn source(arg: &str) -> Source {
    if arg == "-" {
        Source::Stdin
    } else {
        Source::File(arg.into())
    }
}

fn duration(flag: &str, value: &str) -> Result<Duration, UsageError> {
    parse_duration(value).map_err(|error| UsageError::Value {
        flag: format!("-{flag}"),
        value: value.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, UsageError> {
        Command::parse(line.split_whitespace().map(str::to_owned))
    }

    fn serving(line: &str) -> Serve {
        match parse(line) {
            Ok(Command::Serve(serve)) => serve,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn one_configuration_is_served() {
        let file = Source::File("namerd.yaml".into());
        assert_eq!(serving("namerd.yaml").config, file);
        assert_eq!(serving("-").config, Source::Stdin);
        assert_eq!(
            serving("export").config,
            Source::File("export".into()),
            "a file may have any name"
        );
        for line in ["", "a b", "-log.level=INFO"] {
            assert_eq!(parse(line), Err(UsageError::Count), "{line}");
        }
    }

    #[test]
    fn flags_have_one_dash_or_two_and_values_behind_an_equals_sign_or_a_blank() {
        for line in [
            "-log.level=DEBUG c",
            "--log.level DEBUG c",
            "c -log.level DEBUG",
        ] {
            assert_eq!(serving(line).log_level, "DEBUG", "{line}");
        }
        for line in ["-validate c", "--check c", "c -check"] {
            assert_eq!(
                parse(line),
                Ok(Command::Check(Source::File("c".into()))),
                "{line}"
            );
        }
        let interval = format!("-{SNAPSHOT_INTERVAL}=10.seconds c");
        assert_eq!(
            serving(&interval).snapshot_interval,
            Some(Duration::from_secs(10))
        );
        assert_eq!(
            parse("-log.level"),
            Err(UsageError::NoValue("-log.level".to_owned()))
        );
        assert_eq!(
            parse("-loud c"),
            Err(UsageError::Unknown("-loud".to_owned()))
        );
    }

    #[test]
    fn flags_that_tune_what_is_not_here_are_taken_with_a_word() {
        let serve = serving("-com.twitter.finagle.tracing.enabled=true -log.output /dev/null c");
        assert_eq!(serve.ignored.len(), 2);
    }

    #[test]
    fn a_store_is_moved_from_and_to_a_file_or_the_standard_streams() {
        let config = Source::File("c".into());
        let file = Some(PathBuf::from("f"));
        assert_eq!(
            parse("export c"),
            Ok(Command::Export {
                config: config.clone(),
                file: None
            })
        );
        assert_eq!(
            parse("export c f"),
            Ok(Command::Export {
                config: config.clone(),
                file: file.clone()
            })
        );
        assert_eq!(
            parse("import --replace c f"),
            Ok(Command::Import {
                config: config.clone(),
                file,
                replace: true
            })
        );
        assert_eq!(
            parse("import c"),
            Ok(Command::Import {
                config,
                file: None,
                replace: false
            })
        );
        assert_eq!(parse("export c f g"), Err(UsageError::Count));
        assert_eq!(
            parse("export c --replace"),
            Err(UsageError::Unknown("--replace".to_owned()))
        );
    }
}
