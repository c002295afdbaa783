//! A conversation with one namerd after the other, for as long as an interpreter lives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::Retry;
use live::Task;
use tokio::sync::watch;
use tokio::time::Instant;

use super::answers::Answers;
use super::backoff::Backoff;
use super::keeper::{self, Pace};
use super::snapshot::{self, SnapshotPlace};

/// How long the end may take: what is on its way to namerd, and what is to be written down.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// A conversation that is over sooner has failed, whatever was said: else a namerd that welcomes and hangs up would be
/// called without a pause.
const WORTHWHILE: Duration = Duration::from_secs(1);

/// A way to talk with namerds.
pub(super) trait Peers: Send + Sync + 'static {
    /// Looks for the next namerd that answers, and talks with it until one of the two ends it.
    fn meet(&self, closing: Closing) -> impl Future<Output = End> + Send;
}

/// How a conversation ended.
#[derive(Debug)]
pub(super) enum End {
    /// No namerd answers; why not.
    Unanswered(String),
    /// The namerd is gone, or not worth waiting for.
    Lost {
        /// Why.
        reason: String,
        /// Whether it had said anything.
        has_served: bool,
    },
    /// The interpreter ends.
    Closing,
}

impl End {
    /// The same with what its connection met, unless it says that already.
    pub(super) fn because(self, trouble: Option<&str>) -> Self {
        match (self, trouble) {
            (Self::Lost { reason, has_served }, Some(trouble)) if !reason.contains(trouble) => {
                let reason = format!("{reason}: {trouble}");
                Self::Lost { reason, has_served }
            }
            (end, _) => end,
        }
    }
}

/// What all ways to talk with namerds have in common.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) retry: Retry,
    pub(super) pace: Pace,
    /// Where what is known is kept for the next start, if anywhere.
    pub(super) snapshot: Option<SnapshotPlace>,
}

/// The tasks of an interpreter. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Remote {
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<Task<()>>>,
}

impl Remote {
    /// Starts to look for a namerd.
    pub(super) fn start(answers: &Arc<Answers>, peers: impl Peers, options: Options) -> Self {
        let Options {
            retry,
            pace,
            snapshot,
        } = options;
        let (closing, closed) = watch::channel(false);
        let closed = Closing(closed);
        let conversation = converse(Arc::clone(answers), peers, retry, closed.clone());
        let keeper = keeper::keep(Arc::clone(answers), pace, closed.clone());
        let mut tasks = vec![
            live::task("namerd conversation", conversation),
            live::task("namerd answers' keeper", keeper),
        ];
        if let Some(place) = snapshot {
            let snapshots = snapshot::keep(Arc::clone(answers), place, closed);
            tasks.push(live::task("snapshot", snapshots));
        }
        Self {
            closing,
            tasks: Mutex::new(tasks),
        }
    }

    /// Ends the conversation.
    pub(super) async fn close(&self) {
        self.closing.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let ends = futures_util::future::join_all(tasks.into_iter().map(Task::ended));
        // Whatever takes longer is not worth a slow end.
        let _ = tokio::time::timeout(CLOSE_WITHIN, ends).await;
    }
}

/// Tells tasks that their interpreter ends.
#[derive(Clone, Debug)]
pub(super) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Waits until the interpreter is closed or dropped.
    pub(super) async fn begun(&mut self) {
        // An error says that it was dropped.
        let _ = self.0.wait_for(|is_closing| *is_closing).await;
    }
}

async fn converse(answers: Arc<Answers>, peers: impl Peers, retry: Retry, mut closing: Closing) {
    let mut backoff = Backoff::new(retry);
    loop {
        let met = Instant::now();
        let end = Box::pin(peers.meet(closing.clone())).await;
        answers.end_session();
        match end {
            End::Closing => return,
            End::Lost {
                reason,
                has_served: true,
            } => {
                tracing::warn!("lost namerd: {reason}");
                if met.elapsed() >= WORTHWHILE {
                    backoff.reset();
                    // The next one is tried at once.
                    continue;
                }
            }
            End::Lost { reason, .. } => {
                tracing::warn!("namerd does not serve: {reason}");
                answers.lock().trouble(&reason);
            }
            End::Unanswered(reason) => {
                tracing::debug!("{reason}");
                answers.lock().trouble(&reason);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next()) => {}
            () = closing.begun() => return,
        }
    }
}
