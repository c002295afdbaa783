//! The signals that end a process, and those that renew it.

use std::{fmt, future::pending, io};

use tokio::signal::unix::{Signal as Stream, SignalKind};

/// Which signal asked the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, from a supervisor.
    Terminate,
    /// SIGINT, from a terminal.
    Interrupt,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        })
    }
}

/// Waits for SIGTERM or SIGINT.
///
/// The call itself takes both signals from their default action for the life of the process, so a later signal kills only through
/// [`Drain`](crate::Drain)'s deadline: a second one does nothing extra, as in the reference. Call it before telling anybody that the process
/// serves, and none that comes from then on is missed. Where a handler cannot be installed, that signal keeps its default action.
pub fn signal() -> impl Future<Output = Signal> + Send {
    let (mut terminate, mut interrupt) = (
        installed(SignalKind::terminate()),
        installed(SignalKind::interrupt()),
    );
    async move {
        tokio::select! {
            () = next(&mut terminate) => Signal::Terminate,
            () = next(&mut interrupt) => Signal::Interrupt,
        }
    }
}

/// What an operator wants of a process that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR2: start the program again, and hand the sockets over.
    Upgrade,
}

/// The orders that arrive, one after the other.
#[derive(Debug)]
pub struct Orders {
    reload: Option<Stream>,
    upgrade: Option<Stream>,
}

impl Orders {
    /// Takes both signals from their default action, which ends the process. Needs a tokio runtime.
    #[must_use]
    pub fn install() -> Self {
        Self {
            reload: installed(SignalKind::hangup()),
            upgrade: installed(SignalKind::user_defined2()),
        }
    }

    /// The next order. Several of a kind that arrive before this is called are one.
    pub async fn next(&mut self) -> Order {
        tokio::select! {
            () = next(&mut self.reload) => Order::Reload,
            () = next(&mut self.upgrade) => Order::Upgrade,
        }
    }
}

fn installed(kind: SignalKind) -> Option<Stream> {
    let stream: io::Result<Stream> = tokio::signal::unix::signal(kind);
    stream
        .inspect_err(|error| tracing::warn!(%error, ?kind, "cannot listen for a signal"))
        .ok()
}

async fn next(stream: &mut Option<Stream>) {
    match stream {
        Some(stream) => {
            stream.recv().await;
        }
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn send(name: &str) {
        let kill = Command::new("kill")
            .args(["-s", name, &std::process::id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
    }

    #[tokio::test]
    async fn the_process_hears_its_orders() {
        let mut orders = Orders::install();
        for (name, expected) in [("HUP", Order::Reload), ("USR2", Order::Upgrade)] {
            send(name);
            assert_eq!(orders.next().await, expected);
        }
    }

    #[tokio::test]
    async fn the_process_hears_what_ends_it() {
        for (name, expected) in [
            ("SIGTERM", Signal::Terminate),
            ("SIGINT", Signal::Interrupt),
        ] {
            // Takes the signals from their default action, which would end the tests.
            let heard = signal();
            send(&name[3..]);
            assert_eq!(heard.await, expected);
            assert_eq!(expected.to_string(), name);
        }
    }
}
