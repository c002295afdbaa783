//! Kind `io.l5d.namerd.http`: a namerd far away binds the names, and tells of changes over its HTTP API.
//!
//! One watch for each name and one for each bound name in it: for a fleet the mesh is the better choice. The API tells
//! no revision with a tree: it is 0.

mod namerd;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use config::Retry;
use dtab::{DelegateTree, Dtab, Path};
use futures_util::future::BoxFuture;
use live::Live;
use mesh::api;
use mesh::client::{BaseUrlError, ClientError};
use mesh::wire;
use tokio::time::timeout;
use transport::ClientTls;

use self::namerd::Namerd;
use super::answers::Answers;
use super::follow::{self, Patience};
use super::keeper::Pace;
use super::remote::{self, Closing, End, Peers, Remote};
use super::snapshot::SnapshotPlace;
use super::{ConnectionStatus, DelegateFailure, Interpreter, ServingNamerd, delegation};
use crate::{Binding, Bound};

/// How long a delegation may take.
const DELEGATE_WITHIN: Duration = Duration::from_secs(2);

/// What an interpreter over namerd's HTTP API needs to know.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where the APIs are; the first that answers serves.
    pub base_urls: Vec<String>,
    /// For `https` URLs.
    pub tls: Option<ClientTls>,
    /// The namespace whose dtab binds the names.
    pub namespace: String,
    /// The bounds of the wait after no namerd answered. The first attempt after a lost connection is made at once.
    pub retry: Retry,
    /// Where what is known is kept for the next start, if anywhere.
    pub snapshot: Option<SnapshotPlace>,
}

/// Binds names by asking a namerd's HTTP API.
pub struct HttpInterpreter {
    namespace: String,
    shared: Arc<Shared>,
    remote: Remote,
}

#[derive(Debug)]
struct Shared {
    answers: Arc<Answers>,
    /// Who serves.
    namerd: Mutex<Option<Namerd>>,
}

impl HttpInterpreter {
    /// Starts to look for a namerd.
    ///
    /// # Errors
    /// If there is no URL, or one is not `http://…` or `https://…`.
    pub fn start(options: HttpOptions) -> Result<Self, BaseUrlError> {
        Self::start_at_pace(options, Pace::default())
    }

    fn start_at_pace(options: HttpOptions, pace: Pace) -> Result<Self, BaseUrlError> {
        let namerds = options
            .base_urls
            .iter()
            .map(|url| Namerd::new(url, &options));
        let namerds = namerds.collect::<Result<Vec<_>, _>>()?;
        if namerds.is_empty() {
            return Err(BaseUrlError::Empty);
        }
        let answers = Arc::new(Answers::new());
        let shared = Arc::new(Shared {
            answers: Arc::clone(&answers),
            namerd: Mutex::default(),
        });
        let caller = Caller {
            shared: Arc::clone(&shared),
            namerds,
            next: AtomicUsize::new(0),
            retry: options.retry,
        };
        let common = remote::Options {
            retry: options.retry,
            pace,
            snapshot: options.snapshot,
        };
        let remote = Remote::start(&answers, caller, common);
        Ok(Self {
            namespace: options.namespace,
            shared,
            remote,
        })
    }
}

impl Interpreter for HttpInterpreter {
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

impl fmt::Debug for HttpInterpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpInterpreter")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Calls one namerd after the other.
struct Caller {
    shared: Arc<Shared>,
    namerds: Vec<Namerd>,
    /// The namerd to be tried next.
    next: AtomicUsize,
    retry: Retry,
}

impl Peers for Caller {
    async fn meet(&self, mut closing: Closing) -> End {
        let mut failures = Vec::new();
        for _ in &self.namerds {
            let next = self.next.fetch_add(1, Ordering::Relaxed) % self.namerds.len();
            let namerd = &self.namerds[next];
            let answer = tokio::select! {
                answer = namerd.answers() => answer,
                () = closing.begun() => return End::Closing,
            };
            match answer {
                Ok(()) => return self.talk(namerd, closing).await,
                Err(why) => failures.push(why),
            }
        }
        End::Unanswered(format!("no namerd answers: {}", failures.join("; ")))
    }
}

impl Caller {
    async fn talk(&self, namerd: &Namerd, closing: Closing) -> End {
        tracing::info!(namerd = namerd.url, protocol = "http", "namerd serves");
        self.shared.set_namerd(Some(namerd.clone()));
        self.shared.answers.lock().link.namerd = Some(ServingNamerd {
            target: namerd.url.clone(),
            address: None,
            id: String::new(),
            version: String::new(),
            protocol: "http",
            since: SystemTime::now(),
        });
        let patience = Patience {
            retry: self.retry,
            failing_max: None,
        };
        let broken = namerd.falls_silent();
        let end = follow::run(
            &self.shared.answers,
            namerd.clone(),
            patience,
            broken,
            closing,
        );
        let end = Box::pin(end).await;
        self.shared.set_namerd(None);
        end
    }
}

impl Shared {
    fn set_namerd(&self, namerd: Option<Namerd>) {
        *self.namerd.lock().unwrap_or_else(PoisonError::into_inner) = namerd;
    }

    async fn delegate(
        &self,
        path: &Path,
        dtab: &Dtab,
    ) -> Result<DelegateTree<Bound>, DelegateFailure> {
        let namerd = self
            .namerd
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let namerd = namerd
            .ok_or_else(|| DelegateFailure::Unavailable(self.answers.lock().why_unavailable()))?;
        let dtab = dtab.to_string();
        let asked = namerd.client.delegate(&namerd.namespace, path, &dtab);
        let answer = timeout(DELEGATE_WITHIN, asked).await;
        let answer = answer.map_err(|_| DelegateFailure::TimedOut(path.clone()))?;
        let tree =
            DelegateTree::<api::BoundName>::try_from(answer.map_err(|error| failure(&error))?);
        let tree = tree.map_err(|malformed| DelegateFailure::Unavailable(malformed.to_string()))?;
        let mut answers = self.answers.lock();
        Ok(delegation::map(tree, &mut |name| {
            let named = wire::BoundName::from(&name);
            let addresses = match &named.id {
                wire::BoundId::Path(id) => answers.known_addresses(id),
                wire::BoundId::Status(_) => None,
            };
            let sample = || namerd::sample(name.addr);
            delegation::bound(named, |_| addresses.unwrap_or_else(sample))
        }))
    }
}

fn failure(error: &ClientError) -> DelegateFailure {
    match error {
        ClientError::Status { body, .. } if !body.is_empty() => {
            DelegateFailure::Failed(body.trim_end().to_owned())
        }
        error => DelegateFailure::Unavailable(error.to_string()),
    }
}
