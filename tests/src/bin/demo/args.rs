//! The command line.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How to use it.
pub(crate) const HELP: &str = "\
usage: cargo xtask demo [--for TIME] [--script]

  --for TIME   end after a time, such as 20s or 5m; without it, Ctrl-C ends it
  --script     shift the traffic 99/1, 50/50, 0/100, and fail unless it follows without a failed request
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// How long it runs; for ever without.
    pub(crate) length: Option<Duration>,
    /// Whether it shifts the traffic by itself.
    pub(crate) script: bool,
}

impl Args {
    /// Reads the words after the program's name; none if they ask for help.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Option<Self>> {
        let mut args = Self {
            length: None,
            script: false,
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--script" => args.script = true,
                "--for" => args.length = Some(length(&words.next().unwrap_or_default())?),
                _ => match word.strip_prefix("--for=") {
                    Some(text) => args.length = Some(length(text)?),
                    None => bail!("unknown argument {word:?}"),
                },
            }
        }
        Ok(Some(args))
    }
}

fn length(text: &str) -> Result<Duration> {
    let (digits, unit) = match text.strip_suffix('m') {
        Some(digits) => (digits, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let count: u32 = digits
        .parse()
        .with_context(|| format!("--for wants a time such as 20s, not {text:?}"))?;
    Ok(Duration::from_secs(u64::from(count) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn times_are_seconds_or_minutes() {
        for (line, seconds) in [("--for 20s", 20), ("--for=20", 20), ("--for 2m", 120)] {
            let args = parse(line).unwrap().unwrap();
            assert_eq!(args.length, Some(Duration::from_secs(seconds)), "{line}");
        }
        for line in ["--for", "--for soon", "--for=1h", "--four 2s"] {
            assert!(parse(line).is_err(), "{line}");
        }
        let both = parse("--for 20s --script").unwrap().unwrap();
        assert!(both.script);
    }
}
