//! Running other programs.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Write, stdout};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// A program with its arguments, that runs in the project's folder and is never asked anything.
pub(crate) struct Program(Command);

/// Cargo, with arguments that hold no spaces.
pub(crate) fn cargo(words: &str) -> Program {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Program::new(cargo).args(words.split_whitespace())
}

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(crate::root()).stdin(Stdio::null());
        Self(command)
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Lets it read what the user types.
    pub(crate) fn with_input(mut self) -> Self {
        self.0.stdin(Stdio::inherit());
        self
    }

    /// Shows nothing of what it says.
    pub(crate) fn quiet(mut self) -> Self {
        self.0.stdout(Stdio::null()).stderr(Stdio::null());
        self
    }

    pub(crate) fn run(mut self) -> Result<()> {
        let status = self
            .0
            .status()
            .with_context(|| format!("cannot start {self}"))?;
        self.ended(status)
    }

    /// Becomes it, so that signals and the exit status are its own. Returns only if it cannot be started.
    pub(crate) fn replace_us(mut self) -> Result<()> {
        Err(self.0.exec()).with_context(|| format!("cannot start {self}"))
    }

    /// What it prints, which is shown if it fails.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .0
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {self}"))?;
        let ended = self.ended(output.status);
        if ended.is_err() {
            std::io::stderr().write_all(&output.stdout)?;
        }
        ended?;
        String::from_utf8(output.stdout).with_context(|| format!("cannot read what {self} says"))
    }

    /// Shows each line that it prints, after `look` saw it.
    pub(crate) fn lines(mut self, mut look: impl FnMut(&str)) -> Result<()> {
        let mut child = self
            .0
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {self}"))?;
        if let Some(out) = child.stdout.take() {
            for line in BufReader::new(out).lines() {
                let line = line?;
                look(&line);
                writeln!(stdout(), "{line}")?;
            }
        }
        let status = child.wait()?;
        self.ended(status)
    }

    fn ended(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("{self} ended with {status}");
        }
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = PathBuf::from(self.0.get_program());
        write!(f, "`{}", name.file_name().unwrap_or_default().display())?;
        for arg in self.0.get_args() {
            write!(f, " {}", arg.display())?;
        }
        write!(f, "`")
    }
}

/// Where a program is that can be started by its name.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
}
