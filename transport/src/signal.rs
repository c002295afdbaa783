//! The signals that end a process.

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

    #[tokio::test]
    async fn the_process_hears_what_ends_it() {
        for (name, expected) in [
            ("SIGTERM", Signal::Terminate),
            ("SIGINT", Signal::Interrupt),
        ] {
            // Takes the signals from their default action, which would end the tests.
            let heard = signal();
            let kill = Command::new("kill")
                .args(["-s", &name[3..], &std::process::id().to_string()])
                .status();
            assert!(kill.expect("kill runs").success());
            assert_eq!(heard.await, expected);
            assert_eq!(expected.to_string(), name);
        }
    }
}
