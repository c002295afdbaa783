//! Kind `io.l5d.mesh`: a namerd far away binds the names, and tells of changes over gRPC.
//!
//! One task talks with the first namerd that answers, in `switchyard.mesh.v1` ([`session`]).

mod delegate;
mod session;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use config::Retry;
use dtab::{DelegateTree, Dtab, Path};
use futures_util::future::BoxFuture;
use live::{Live, Task};
use mesh::channel::{Connected, Namerds};
use tokio::sync::watch;
use tonic::transport::Channel;

use self::session::{Refused, Session};
use super::answers::Answers;
use super::backoff::Backoff;
use super::keeper::{self, Pace};
use super::{ConnectionStatus, DelegateFailure, Interpreter, ServingNamerd};
use crate::{Binding, Bound};

/// How long a namerd may take to welcome a router, before the next one is tried.
const WELCOME_WITHIN: Duration = Duration::from_secs(3);

/// How long the end may take: what is on its way to namerd, and the last snapshot.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// The longest message from namerd: a bound name with some hundred thousand endpoints.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Who a router is in the fleet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouterIdentity {
    /// Names the router; stable across its restarts.
    pub id: String,
    /// What its operator says about it.
    pub labels: BTreeMap<String, String>,
    /// The version of its program.
    pub version: String,
}

/// What an interpreter over a mesh needs to know.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// The namerds; the first that answers serves.
    pub namerds: Namerds,
    /// The namespace whose dtab binds the names.
    pub namespace: String,
    /// Who asks.
    pub identity: RouterIdentity,
    /// The bounds of the wait after no namerd answered. The first attempt after a lost connection is made at once.
    pub retry: Retry,
}

/// Binds names by asking a namerd.
pub struct MeshInterpreter {
    shared: Arc<Shared>,
    /// Dropping it ends the conversation.
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<Task<()>>>,
}

/// What the interpreter shares with the task that talks with namerd.
#[derive(Debug)]
struct Shared {
    options: MeshOptions,
    answers: Arc<Answers>,
    /// The connection, for questions beside the conversation.
    channel: Mutex<Option<Channel>>,
}

impl MeshInterpreter {
    /// Starts to look for a namerd.
    pub fn start(options: MeshOptions) -> Self {
        Self::start_at_pace(options, Pace::default())
    }

    fn start_at_pace(options: MeshOptions, pace: Pace) -> Self {
        let shared = Arc::new(Shared {
            options,
            answers: Arc::new(Answers::new()),
            channel: Mutex::default(),
        });
        let (closing, closed) = watch::channel(false);
        let conversation = converse(Arc::clone(&shared), Closing(closed.clone()));
        let keeper = keeper::keep(Arc::clone(&shared.answers), pace, Closing(closed));
        let tasks = vec![
            live::task("mesh interpreter", conversation),
            live::task("mesh interpreter's keeper", keeper),
        ];
        Self {
            shared,
            closing,
            tasks: Mutex::new(tasks),
        }
    }
}

impl Interpreter for MeshInterpreter {
    fn bind(&self, path: &Path, dtab: &Dtab) -> Live<Binding> {
        self.shared.answers.bind(path, dtab)
    }

    fn delegate<'a>(
        &'a self,
        path: &'a Path,
        dtab: &'a Dtab,
    ) -> BoxFuture<'a, Result<DelegateTree<Bound>, DelegateFailure>> {
        Box::pin(self.shared.delegate(path, dtab))
    }

    fn status(&self) -> Option<ConnectionStatus> {
        Some(self.shared.answers.lock().status())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.closing.send_replace(true);
            let tasks =
                std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            let ends = futures_util::future::join_all(tasks.into_iter().map(Task::ended));
            // Whatever takes longer is not worth a slow end.
            let _ = tokio::time::timeout(CLOSE_WITHIN, ends).await;
        })
    }
}

impl fmt::Debug for MeshInterpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeshInterpreter")
            .field("namespace", &self.shared.options.namespace)
            .field("identity", &self.shared.options.identity)
            .finish_non_exhaustive()
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

/// How a conversation ended.
#[derive(Debug)]
enum End {
    /// namerd is gone, or not worth waiting for.
    Lost(String),
    /// The interpreter ends.
    Closing,
}

/// Talks with one namerd after the other.
async fn converse(shared: Arc<Shared>, mut closing: Closing) {
    let mut backoff = Backoff::new(shared.options.retry);
    loop {
        let connected = tokio::select! {
            connected = shared.options.namerds.connect() => connected,
            () = closing.begun() => return,
        };
        let wait = match connected {
            Ok(connected) => match shared.talk(connected, closing.clone()).await {
                End::Closing => return,
                End::Lost(reason) => shared.lost(&reason, &mut backoff),
            },
            Err(unanswered) => {
                tracing::debug!(namespace = shared.options.namespace, "{unanswered}");
                shared.answers.lock().trouble(&unanswered.to_string());
                Some(backoff.next())
            }
        };
        if let Some(wait) = wait {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = closing.begun() => return,
            }
        }
    }
}

impl Shared {
    /// Talks with a namerd until one of the two ends it.
    async fn talk(&self, connected: Connected, closing: Closing) -> End {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(connected.channel.clone());
        let end = match Session::open(self, &connected).await {
            Ok(session) => Box::pin(session.run(closing)).await,
            Err(Refused::Unimplemented) => End::Lost("namerd does not speak it".to_owned()),
            Err(Refused::Lost(reason)) => End::Lost(reason),
        };
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = None;
        end
    }

    /// The next namerd is tried at once if this one had served; else it would be a busy loop.
    fn lost(&self, reason: &str, backoff: &mut Backoff) -> Option<Duration> {
        let served = self.answers.end_session();
        match served {
            Some(namerd) => {
                tracing::warn!(namerd = namerd.target, "lost namerd: {reason}");
                backoff.reset();
                None
            }
            None => {
                tracing::warn!("namerd does not serve: {reason}");
                self.answers.lock().trouble(reason);
                Some(backoff.next())
            }
        }
    }

    /// A namerd serves.
    fn serves(&self, namerd: ServingNamerd) {
        tracing::info!(
            namerd = namerd.target,
            protocol = namerd.protocol,
            "namerd serves"
        );
        self.answers.lock().link.namerd = Some(namerd);
    }
}

/// What is known of a namerd before it says anything.
fn serving(connected: &Connected, protocol: &'static str) -> ServingNamerd {
    ServingNamerd {
        target: connected.target.clone(),
        address: Some(connected.address),
        id: String::new(),
        version: String::new(),
        protocol,
        since: SystemTime::now(),
    }
}

#[cfg(test)]
mod tests;
