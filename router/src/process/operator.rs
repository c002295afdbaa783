//! What an operator asks of a running process, one thing after the other.

use std::sync::Arc;

use transport::{Condition, Order, Orders, Shutdown, notify};

use super::program::Program;
use super::sockets::Sockets;

/// What serves, as far as it can be replaced.
pub(super) struct Operator {
    pub(super) program: Option<Program>,
    pub(super) sockets: Arc<Sockets>,
    pub(super) shutdown: Shutdown,
}

impl Operator {
    /// Obeys until the process is to end.
    pub(super) async fn obey(self, mut orders: Orders) {
        let obeying = async {
            while !self.shutdown.drain().is_draining() {
                match orders.next().await {
                    Order::Reload => tracing::warn!(
                        "the configuration is read at the start only; SIGUSR2 starts the program again"
                    ),
                    Order::Upgrade => self.upgrade().await,
                }
            }
        };
        tokio::select! {
            () = obeying => {}
            // A process that is to take over but does not serve yet ends, too.
            _ = self.shutdown.requested() => {}
        }
    }

    /// Starts the program again, and drains once it serves. Otherwise nothing has happened.
    async fn upgrade(&self) {
        let Some(program) = &self.program else {
            return tracing::warn!("this process does not know how it was started");
        };
        if std::process::id() == 1 {
            // Everything in its container ends with it.
            return tracing::warn!(
                "process 1 cannot be replaced by another; start another container"
            );
        }
        tracing::info!("Upgrading ...");
        notify(Condition::Reloading);
        let next = match self.sockets.copies() {
            Ok(sockets) => program.succeed(sockets).await,
            Err(error) => Err(error.into()),
        };
        match next {
            Ok(process) => {
                tracing::info!("process {process} has taken over");
                notify(Condition::ReplacedBy(process));
                self.shutdown.begin_gently();
                self.shutdown.request(None);
            }
            Err(error) => {
                let reason = chain(&error);
                tracing::error!("the next process does not take over, this one goes on: {reason}");
                notify(Condition::Ready);
            }
        }
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
