//! A program on a core of its own, that ends with its value.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;

const START_WITHIN: Duration = Duration::from_secs(20);

const END_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at whether something has happened.
const PAUSE: Duration = Duration::from_millis(5);

/// Of what a program said before it failed, so much is shown.
const SHOWN_LINES: usize = 20;

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A command that runs on one core only, or on any, may open many files, and ends when we do.
pub(crate) fn command_on(core: Option<usize>, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    let raise = "ulimit -n $(ulimit -H -n); exec \"$@\"";
    command.args(["--pdeathsig", "TERM", "sh", "-c", raise, "sh"]);
    if let Some(core) = core {
        command.args(["taskset", "-c", &core.to_string()]);
    }
    command.arg(program).stdin(Stdio::null());
    command
}

impl Process {
    /// Starts a program, and keeps what it says in a file of the folder.
    pub(crate) fn start(name: &str, mut command: Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start setpriv, which Debian has in util-linux")?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until an address accepts connections.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        self.wait(|_| TcpStream::connect(address).ok().map(drop))
    }

    /// Waits until something can be made of what it has said.
    pub(crate) fn wait<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        let began = Instant::now();
        loop {
            let said = fs::read_to_string(&self.log)?;
            if let Some(value) = wanted(&said) {
                return Ok(value);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || began.elapsed() > START_WITHIN {
                bail!("{} does not start:\n{}", self.name, last_lines(&said));
            }
            thread::sleep(PAUSE);
        }
    }

    fn end(&mut self) {
        let id = self.child.id().to_string();
        // nginx ends its workers if it is asked, and leaves them behind if it is killed.
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let began = Instant::now();
        while began.elapsed() < END_WITHIN {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}
