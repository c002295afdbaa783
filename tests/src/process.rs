//! A process that ends with its value, and what it says.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;

/// How long a program may take to start.
const START_WITHIN: Duration = Duration::from_secs(20);

/// Lines kept for the one who asks what happened.
const SHOWN_LINES: usize = 40;

/// A running program. It is killed when the value goes.
pub struct Process {
    name: String,
    child: Child,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    open_pipes: usize,
}

impl Process {
    /// Starts a program, and listens to all that it says.
    ///
    /// # Errors
    /// If there is no such program.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name} ({command:?})"))?;
        let said = Arc::new(Said::default());
        if let Some(pipe) = child.stdout.take() {
            said.listen(pipe);
        }
        if let Some(pipe) = child.stderr.take() {
            said.listen(pipe);
        }
        Ok(Self {
            name: name.to_owned(),
            child,
            said,
        })
    }

    /// Waits until it has said something that `wanted` makes a value of.
    ///
    /// # Errors
    /// If it ends before, or takes too long.
    pub fn says<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + START_WITHIN;
        let mut lines = self.said.lock();
        loop {
            if let Some(value) = lines.lines.iter().find_map(|line| wanted(line)) {
                return Ok(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.open_pipes == 0 || left.is_zero() {
                bail!("{} does not start:\n{}", self.name, lines.last());
            }
            let waited = self.said.more.wait_timeout(lines, left);
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The address that it says to serve something on.
    ///
    /// # Errors
    /// As [`says`](Self::says).
    pub fn serves(&self, what: &str) -> Result<SocketAddr> {
        let start = format!("serving {what} on /");
        self.says(|line| {
            let (_, address) = line.split_once(&start)?;
            address.trim().parse().ok()
        })
    }

    /// How it ended, if it has, and all that it said is known.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.said.lock().open_pipes > 0 {
            return Ok(None);
        }
        self.child.try_wait()
    }

    /// Sends a signal by its name: `STOP`, `CONT`, `TERM`.
    ///
    /// # Panics
    /// If there is no such process any more.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status()
            .expect("kill can be started");
        assert!(status.success(), "{} cannot be sent {signal}", self.name);
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        // Either fails only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Panics
    /// If it doesn't end in time.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("{} does not end:\n{}", self.name, self.log());
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory in use, in bytes.
    ///
    /// # Panics
    /// If it isn't running.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).expect("a running process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
        kib.expect("a size in kB") * 1024
    }

    /// All that it said until now.
    pub fn said(&self) -> String {
        self.said.lock().lines.join("\n")
    }

    /// The last lines that it said.
    pub fn log(&self) -> String {
        self.said.lock().last()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- {} said\n{}", self.name, self.log());
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.child.id())
    }
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, pipe: impl Read + Send + 'static) {
        self.lock().open_pipes += 1;
        let said = Arc::clone(self);
        thread::spawn(move || {
            let lines = BufReader::new(pipe).lines();
            for line in lines.map_while(Result::ok) {
                said.lock().lines.push(line);
                said.more.notify_all();
            }
            said.lock().open_pipes -= 1;
            said.more.notify_all();
        });
    }
}

impl Lines {
    fn last(&self) -> String {
        let first = self.lines.len().saturating_sub(SHOWN_LINES);
        self.lines[first..].join("\n")
    }
}
