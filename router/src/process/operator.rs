//! What an operator asks of a running process, one thing after the other.

use std::error::Error;
use std::future::pending;

use tokio::sync::mpsc;
use transport::{Condition, Order, Orders, notify};

use super::program::Program;
use super::reload::{Asking, Outcome};
use super::serving::Serving;
use crate::config_file::ConfigFile;

/// Who obeys, and what can be replaced.
pub(super) struct Operator {
    pub(super) program: Option<Program>,
    pub(super) file: Option<ConfigFile>,
    pub(super) serving: Serving,
    /// Signals, if they are heeded.
    pub(super) orders: Option<Orders>,
    /// Whoever asks for a reload by the admin page.
    pub(super) asking: mpsc::Receiver<Asking>,
}

impl Operator {
    /// Obeys until the process is to end.
    pub(super) async fn obey(mut self) {
        let shutdown = self.serving.shutdown.clone();
        let obeying = async {
            while !shutdown.drain().is_draining() {
                self.obey_next().await;
            }
        };
        tokio::select! {
            () = obeying => {}
            // A process that is to take over but does not serve yet ends, too.
            _ = shutdown.requested() => {}
        }
    }

    async fn obey_next(&mut self) {
        let order = async {
            match &mut self.orders {
                Some(orders) => orders.next().await,
                None => pending().await,
            }
        };
        tokio::select! {
            order = order => match order {
                Order::Reload => drop(self.reload().await),
                Order::Upgrade => self.upgrade().await,
            },
            Some(asking) = self.asking.recv() => {
                let outcome = self.reload().await;
                // Who asked may have left.
                let _ = asking.send(outcome);
            }
        }
    }

    /// Reads the configuration again, and puts it into effect if nothing is wrong with it.
    async fn reload(&mut self) -> Outcome {
        tracing::info!("Reloading ...");
        notify(Condition::Reloading);
        let outcome = self.serving.reload(self.file.as_ref()).await;
        match &outcome {
            Ok(reloaded) => {
                for what in &reloaded.needs_upgrade {
                    tracing::warn!("needs an upgrade: {what}");
                }
                tracing::info!("reloaded");
            }
            Err(error) => tracing::error!("the configuration stays as it was: {}", chain(error)),
        }
        notify(Condition::Ready);
        outcome
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
        let next = match self.serving.sockets.copies() {
            Ok(sockets) => program.succeed(sockets).await,
            Err(error) => Err(error.into()),
        };
        match next {
            Ok(process) => {
                tracing::info!("process {process} has taken over");
                notify(Condition::ReplacedBy(process));
                self.serving.sockets.hand_over();
                self.serving.shutdown.begin_gently();
                self.serving.shutdown.request(None);
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
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
