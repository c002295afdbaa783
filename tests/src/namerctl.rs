//! Runs namerctl as a person would.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::process::Process;
use crate::programs::program;

/// A place where namerctl is run, with the namerd that it is meant for.
#[derive(Clone, Debug)]
pub struct Namerctl {
    /// The value of `NAMERCTL_BASE_URL`.
    pub base_url: String,
    /// The folder.
    pub dir: PathBuf,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The exit status.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Namerctl {
    /// Runs a command to its end.
    ///
    /// # Panics
    /// If there is no namerctl, or a signal ends it.
    pub fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().expect("namerctl starts");
        Said {
            code: output.status.code().expect("no signal ends namerctl"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 0, "namerctl {args:?}: {}{}", said.out, said.err);
        said.out
    }

    /// Begins a command, and lets it run.
    ///
    /// # Errors
    /// If there is no namerctl.
    pub fn start(&self, args: &[&str]) -> Result<Process> {
        Process::start("namerctl", &mut self.command(args))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("namerctl"));
        command
            .args(args)
            .env("NAMERCTL_BASE_URL", &self.base_url)
            .current_dir(&self.dir)
            .stdin(Stdio::null());
        command
    }
}
