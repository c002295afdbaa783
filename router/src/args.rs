//! The command line: linkerd's single-dash flags, and the usual double-dash ones.

use std::time::Duration;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Run(Args),
    /// Read the configuration, say what is wrong with it, and end.
    Check(Args),
    /// Show how to use it.
    Help,
    /// Show the version.
    Version,
}

/// Options of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// The configuration's file; `-` for the standard input.
    pub config: String,
    /// The least severe log events shown.
    pub log_level: String,
    /// Cores that serve requests; all that are available if it isn't said.
    pub workers: Option<usize>,
    /// How often the windows of stats end.
    pub snapshot_interval: Duration,
    /// Flags that mean nothing here, for a warning.
    pub ignored: Vec<String>,
}

/// Why a command line cannot be obeyed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Not exactly one configuration.
    #[error("usage: router path/to/config")]
    Usage,
    /// A flag that nobody knows.
    #[error("unknown flag {0}; see router -help")]
    Unknown(String),
    /// A flag without its value.
    #[error("the flag {0} needs a value")]
    NoValue(String),
    /// A value that the flag cannot have.
    #[error("{flag}: {reason}")]
    BadValue {
        /// The flag.
        flag: String,
        /// What is wrong with its value.
        reason: String,
    },
}

/// How to use the program.
pub const HELP: &str = "\
usage: router [flags] <config file | ->

  --check, -validate      read the configuration, say all that is wrong with it, and end
  -log.level=INFO         TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL, FATAL, ALL or OFF
  --workers=N             cores that serve requests; all by default (also SWITCHYARD_WORKERS)
  -io.buoyant.telemetry.admin.histogramSnapshotInterval=1.minute
                          how often the windows of histograms end
  --version, --help

Flags take one dash or two, and their value after = or as the next word.
";

const SNAPSHOT_INTERVAL: &str = "io.buoyant.telemetry.admin.histogramSnapshotInterval";

impl Command {
    /// Reads the words after the program's name. `environment` gives the value of a variable.
    ///
    /// # Errors
    /// [`ArgsError`]; all of them are answered with exit status 1.
    pub fn parse(
        words: impl IntoIterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ArgsError> {
        let mut words = words.into_iter();
        let mut configs = Vec::new();
        let mut is_check = false;
        let mut args = Args {
            config: String::new(),
            log_level: "INFO".into(),
            workers: None,
            snapshot_interval: Duration::from_secs(60),
            ignored: Vec::new(),
        };
        if let Some(count) = environment("SWITCHYARD_WORKERS").filter(|count| !count.is_empty()) {
            args.workers = Some(workers("SWITCHYARD_WORKERS", &count)?);
        }
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                configs.push(word);
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let mut value = || {
                value
                    .clone()
                    .or_else(|| words.next())
                    .ok_or_else(|| ArgsError::NoValue(word.clone()))
            };
            match name {
                "help" | "h" => return Ok(Self::Help),
                "version" => return Ok(Self::Version),
                "check" | "validate" => is_check = true,
                "log.level" | "log-level" => args.log_level = value()?,
                "workers" => args.workers = Some(workers(name, &value()?)?),
                SNAPSHOT_INTERVAL => args.snapshot_interval = interval(name, &value()?)?,
                _ if name.starts_with("com.twitter.") => args.ignored.push(word.clone()),
                _ => return Err(ArgsError::Unknown(word)),
            }
        }
        let [config] = <[String; 1]>::try_from(configs).map_err(|_| ArgsError::Usage)?;
        args.config = config;
        Ok(if is_check {
            Self::Check(args)
        } else {
            Self::Run(args)
        })
    }
}

fn workers(flag: &str, text: &str) -> Result<usize, ArgsError> {
    let count = text.parse().ok().filter(|count| (1..=1024).contains(count));
    count.ok_or_else(|| ArgsError::BadValue {
        flag: flag.to_owned(),
        reason: format!("{text:?} is no number from 1 to 1024"),
    })
}

fn interval(flag: &str, text: &str) -> Result<Duration, ArgsError> {
    telemetry::parse_duration(text).map_err(|error| ArgsError::BadValue {
        flag: flag.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, ArgsError> {
        Command::parse(line.split_whitespace().map(str::to_owned), |_| None)
    }

    fn run(line: &str) -> Args {
        match parse(line) {
            Ok(Command::Run(args)) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn flags_take_one_dash_or_two_and_their_value_either_way() {
        for line in [
            "-log.level=DEBUG a.yaml",
            "-log.level DEBUG a.yaml",
            "--log-level=DEBUG a.yaml",
            "a.yaml --log-level DEBUG",
        ] {
            let args = run(line);
            assert_eq!(
                (&*args.config, &*args.log_level),
                ("a.yaml", "DEBUG"),
                "{line}"
            );
        }
        assert_eq!(run("-").config, "-");
        assert_eq!(run("--workers 3 a").workers, Some(3));
        assert_eq!(
            run("-io.buoyant.telemetry.admin.histogramSnapshotInterval=10.seconds a")
                .snapshot_interval,
            Duration::from_secs(10)
        );
    }

    #[test]
    fn check_has_two_names() {
        for line in ["--check a", "-validate a", "a -check"] {
            assert!(
                matches!(parse(line), Ok(Command::Check(args)) if args.config == "a"),
                "{line}"
            );
        }
    }

    #[test]
    fn flags_of_finagle_are_ignored_and_named() {
        assert_eq!(
            run("-com.twitter.finagle.netty4.numWorkers=2 a").ignored,
            ["-com.twitter.finagle.netty4.numWorkers=2"]
        );
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(parse(""), Err(ArgsError::Usage));
        assert_eq!(parse("a b"), Err(ArgsError::Usage));
        assert_eq!(
            parse("-log.levle=INFO a"),
            Err(ArgsError::Unknown("-log.levle=INFO".into()))
        );
        assert_eq!(
            parse("a -log.level"),
            Err(ArgsError::NoValue("-log.level".into()))
        );
        assert!(matches!(
            parse("--workers=0 a"),
            Err(ArgsError::BadValue { .. })
        ));
    }

    #[test]
    fn the_environment_sets_the_workers_unless_the_flag_does() {
        let environment = |_: &str| Some("4".to_owned());
        let parse =
            |line: &str| Command::parse(line.split_whitespace().map(str::to_owned), environment);
        assert!(matches!(parse("a"), Ok(Command::Run(args)) if args.workers == Some(4)));
        assert!(
            matches!(parse("a --workers=2"), Ok(Command::Run(args)) if args.workers == Some(2))
        );
    }
}
