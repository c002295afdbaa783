//! Kind `io.l5d.mesh`: a namerd far away binds the names, and tells of changes over gRPC.
//!
//! One task talks with the first namerd that answers: in `switchyard.mesh.v1` ([`session`]), and where a namerd has
//! nothing else in `io.linkerd.mesh` ([`linkerd`]).

mod delegate;
mod linkerd;
mod session;

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use config::Retry;
use dtab::{Alternatives, DelegateTree, Dtab, Path};
use futures_util::future::BoxFuture;
use live::Live;
use mesh::channel::{Connected, Namerds};
use tonic::transport::Channel;

use self::linkerd::Linkerd;
use self::session::{Refused, Session};
use super::answers::Answers;
use super::follow::{self, Patience};
use super::keeper::Pace;
use super::remote::{self, Closing, End, Peers, Remote};
use super::snapshot::SnapshotPlace;
use super::{ConnectionStatus, DelegateFailure, Interpreter, ServingNamerd};
use crate::{Binding, Bound};

/// How long a namerd may take to welcome a router, before the next one is tried.
const WELCOME_WITHIN: Duration = Duration::from_secs(3);

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
    /// Which alternatives the trees are to have. A namerd that has `io.linkerd.mesh` only tells the first ones.
    pub alternatives: Alternatives,
    /// Who asks.
    pub identity: RouterIdentity,
    /// The bounds of the wait after no namerd answered. The first attempt after a lost connection is made at once.
    pub retry: Retry,
    /// For how long all streams of `io.linkerd.mesh` may fail before another namerd is tried; none for ever.
    pub failing_max: Option<Duration>,
    /// Where what is known is kept for the next start, if anywhere.
    pub snapshot: Option<SnapshotPlace>,
}

/// Binds names by asking a namerd.
pub struct MeshInterpreter {
    shared: Arc<Shared>,
    remote: Remote,
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
        let common = remote::Options {
            retry: options.retry,
            pace,
            snapshot: options.snapshot.clone(),
        };
        let answers = Arc::new(Answers::new());
        let shared = Arc::new(Shared {
            options,
            answers: Arc::clone(&answers),
            channel: Mutex::default(),
        });
        let remote = Remote::start(&answers, Caller(Arc::clone(&shared)), common);
        Self { shared, remote }
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
        Box::pin(self.remote.close())
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

/// Calls one namerd after the other.
struct Caller(Arc<Shared>);

impl Peers for Caller {
    async fn meet(&self, mut closing: Closing) -> End {
        let connected = tokio::select! {
            connected = self.0.options.namerds.connect() => connected,
            () = closing.begun() => return End::Closing,
        };
        let connected = match connected {
            Ok(connected) => connected,
            Err(unanswered) => return End::Unanswered(unanswered.to_string()),
        };
        self.0.set_channel(Some(connected.channel.clone()));
        let end = self.0.talk(&connected, closing).await;
        self.0.set_channel(None);
        end.because(connected.trouble())
    }
}

impl Shared {
    /// Talks with a namerd until one of the two ends it.
    async fn talk(&self, connected: &Connected, mut closing: Closing) -> End {
        let opened = tokio::select! {
            opened = Session::open(self, connected) => opened,
            () = closing.begun() => return End::Closing,
        };
        match opened {
            Ok(session) => session.run(closing).await,
            Err(Refused::Lost(reason)) => End::Lost {
                reason,
                has_served: false,
            },
            Err(Refused::Unimplemented) => {
                self.serves(serving(connected, linkerd::PROTOCOL));
                let streams = Linkerd {
                    channel: connected.channel.clone(),
                    root: self.root(),
                };
                let patience = Patience {
                    retry: self.options.retry,
                    failing_max: self.options.failing_max,
                };
                // A broken connection fails its streams: pings see to it that it does not break silently.
                follow::run(&self.answers, streams, patience, pending(), closing).await
            }
        }
    }

    /// The namespace as a path.
    fn root(&self) -> mesh::linkerd::Path {
        let namespace = Bytes::copy_from_slice(self.options.namespace.as_bytes());
        mesh::linkerd::Path {
            elems: vec![namespace],
        }
    }

    fn set_channel(&self, channel: Option<Channel>) {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = channel;
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
