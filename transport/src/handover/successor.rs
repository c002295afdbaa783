//! The next run of the program, from the moment it is started until it serves.

use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::{HANDOVER, HandedOver, READY, pass};
use crate::Address;

/// A process that was started to take over. Dropping it ends the process, unless it was [ready](Self::ready).
#[derive(Debug)]
pub struct Successor {
    child: Option<Child>,
    pair: UnixStream,
}

/// Why the next run does not take over.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// It said so itself.
    #[error("it cannot serve: {0}")]
    Failed(String),
    /// It ended without a word.
    #[error("it ended before it served ({0})")]
    Ended(ExitStatus),
    /// It takes too long.
    #[error("it did not serve within {} s", .0.as_secs())]
    TooLate(Duration),
    /// It cannot be heard.
    #[error("it cannot be heard")]
    Unheard(#[from] io::Error),
}

impl Successor {
    /// Starts a program and passes the sockets on, each with the address that it was configured with. Blocks for as long as the program
    /// takes to read them.
    ///
    /// # Errors
    /// When the program cannot be started, or does not read.
    pub fn start(command: &mut Command, sockets: &[(Address, HandedOver)]) -> io::Result<Self> {
        let (pair, other) = UnixStream::pair()?;
        // A program that neither reads nor ends must not hold this one up.
        pair.set_write_timeout(Some(READ_TIME))?;
        let child = command
            .env(HANDOVER, std::process::id().to_string())
            // They were meant for this process.
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDNAMES")
            .stdin(Stdio::from(OwnedFd::from(other)))
            .spawn()?;
        // The command keeps its own end of the pair until it is given another input.
        command.stdin(Stdio::null());
        let successor = Self {
            child: Some(child),
            pair,
        };
        match successor.hand_over(sockets) {
            // It has ended already, and will be asked how.
            Err(error) if has_ended(&error) => {}
            handed_over => handed_over?,
        }
        Ok(successor)
    }

    fn hand_over(&self, sockets: &[(Address, HandedOver)]) -> io::Result<()> {
        for (configured, handed_over) in sockets {
            let name = handed_over.name(configured);
            pass(&self.pair, Some((&name, handed_over.socket.as_fd())))?;
        }
        pass(&self.pair, None)
    }

    /// Waits until it serves: its process's number.
    ///
    /// # Errors
    /// [`NotReady`]. It has ended then.
    pub async fn ready(mut self, within: Duration) -> Result<u32, NotReady> {
        let word = timeout(within, self.word())
            .await
            .map_err(|_| NotReady::TooLate(within))??;
        let Some(child) = &mut self.child else {
            return Err(io::Error::from(io::ErrorKind::NotFound).into());
        };
        if word == READY {
            let number = child.id();
            // It is nobody's child from now on.
            self.child = None;
            return Ok(number);
        }
        if word.is_empty() {
            return Err(NotReady::Ended(child.wait()?));
        }
        Err(NotReady::Failed(word))
    }

    /// All that it says; nothing if it ended without a word.
    async fn word(&self) -> io::Result<String> {
        let pair = self.pair.try_clone()?;
        pair.set_nonblocking(true)?;
        let pair = tokio::net::UnixStream::from_std(pair)?;
        let mut word = Vec::new();
        match pair.take(LONGEST_WORD).read_to_end(&mut word).await {
            // It ended with something unread.
            Err(error) if has_ended(&error) => {}
            read => _ = read?,
        }
        Ok(String::from_utf8_lossy(&word).into_owned())
    }
}

/// Whether the other end of a pair is gone.
fn has_ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset)
}

/// How much a program may say about why it cannot serve, bytes.
const LONGEST_WORD: u64 = 4096;

/// How long the program may take to read a socket.
const READ_TIME: Duration = Duration::from_secs(10);

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Either fails only if it has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl fmt::Display for Successor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.child.as_ref().map_or(0, Child::id);
        write!(f, "process {number}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn started(script: &str, within: Duration) -> Result<u32, NotReady> {
        let mut command = Command::new("sh");
        let successor = Successor::start(command.args(["-c", script]), &[]);
        successor.expect("it starts").ready(within).await
    }

    #[tokio::test]
    async fn a_program_is_ready_when_it_says_so() {
        let ready = started("printf ready >&0", Duration::from_secs(10)).await;
        ready.expect("it said so");
    }

    #[tokio::test]
    async fn a_program_that_is_not_ready_says_why_or_is_ended() {
        for (script, within, expected) in [
            ("printf 'no port' >&0", 10, "it cannot serve: no port"),
            ("exit 3", 10, "it ended before it served (exit status: 3)"),
            ("exec sleep 60", 1, "it did not serve within 1 s"),
        ] {
            let error = started(script, Duration::from_secs(within)).await;
            let error = error.expect_err("it is not ready");
            assert_eq!(error.to_string(), expected, "{script}");
        }
    }
}
