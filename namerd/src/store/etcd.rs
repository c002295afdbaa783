//! `io.l5d.etcd`: dtabs in etcd (v3 API), shared by any number of equal namerds.
//!
//! | key | value |
//! |---|---|
//! | `<pathPrefix>/<namespace>` | the head: the dtab's text, as the reference keeps it; no key, no dtab |
//! | `<pathPrefix>.history/<namespace>/<revision, 20 digits>` | a revision, as JSON; never changed |
//! | `<pathPrefix>.revision/<namespace>` | the counter: the newest revision, and which head it describes |
//! | `<pathPrefix>.fleet/<namerd id>` | what a namerd says about itself, under a lease |
//!
//! A write changes head, history and counter in one transaction, which holds only if head and counter are what the writer
//! has seen. A head that is not the one its counter describes was written past the namerds (by etcdctl, by the reference):
//! whoever sees it first records it as a revision by `unknown`, in such a transaction too, so that it is recorded once.
//!
//! `session` keeps the view: it lists, then watches from the revision of the list. After anything that could lose an event
//! it lists again and takes in the differences. Until it can, the view stays as it is and health tells its age.

mod board;
mod cache;
mod client;
mod keys;
mod record;
mod session;
#[cfg(test)]
mod tests;
mod transfer;
mod write;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::{ClientTlsConfig, EtcdStorage};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use live::{Live, Task};
use tokio::sync::watch;

use self::cache::Cache;
use self::client::Connection;
use self::keys::Keys;
use super::view::Feed;
use super::{Board, By, Change, Export, Namespace, OpenError, Revision, Store, StoreError, View};

/// Where etcd is and how it is used.
#[derive(Clone)]
pub struct EtcdSettings {
    /// The members: `host:port`, `http://host:port` or `https://host:port`. One is used at a time, the next when it fails.
    pub endpoints: Vec<String>,
    /// What all keys start with, such as `/namerd/dtabs`.
    pub path_prefix: String,
    /// Name and password, if etcd wants them.
    pub user: Option<(String, String)>,
    /// For `https` endpoints; those without a scheme are `https` if this is given.
    pub tls: Option<EtcdTls>,
    /// How long a write or a read of history may take before it is [`StoreError::Unavailable`].
    pub request_timeout: Duration,
    /// How long etcd may say nothing at all before the view counts as stale. It is asked for a sign of life three times as
    /// often.
    pub silence_max: Duration,
    /// How long this namerd stays on the board after it was last alive; in whole seconds.
    pub board_ttl: Duration,
}

impl EtcdSettings {
    /// The usual times and keys, for these members.
    pub fn new(endpoints: Vec<String>) -> Self {
        Self {
            endpoints,
            path_prefix: "/namerd/dtabs".to_owned(),
            user: None,
            tls: None,
            request_timeout: Duration::from_secs(5),
            silence_max: Duration::from_secs(3),
            board_ttl: Duration::from_secs(10),
        }
    }
}

impl EtcdSettings {
    /// What the configuration says.
    ///
    /// # Errors
    /// [`OpenError::Unsupported`] for TLS options that the client of etcd does not have.
    pub fn of(storage: &EtcdStorage) -> Result<Self, OpenError> {
        let user = storage.username.as_ref().map(|name| {
            let password = storage
                .password
                .as_ref()
                .map_or("", |password| password.reveal());
            (name.clone(), password.to_owned())
        });
        Ok(Self {
            path_prefix: storage.path_prefix.clone(),
            user,
            tls: storage.tls.as_ref().map(EtcdTls::of).transpose()?,
            request_timeout: storage.request_timeout,
            ..Self::new(storage.endpoints.clone())
        })
    }
}

impl fmt::Debug for EtcdSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdSettings")
            .field("endpoints", &self.endpoints)
            .field("path_prefix", &self.path_prefix)
            .field("user", &self.user.as_ref().map(|(name, _password)| name))
            .field("tls", &self.tls)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

/// PEM files for talking to etcd over TLS. They are read at every new connection attempt, so that renewed ones are used.
#[derive(Clone, Debug, Default)]
pub struct EtcdTls {
    /// Authorities to trust; if none, the system's.
    pub trust: Vec<PathBuf>,
    /// The name that etcd's certificate must have; if none, the endpoint's host.
    pub common_name: Option<String>,
    /// Files with this namerd's certificate and the rest of its chain, and the one with its key.
    pub client_auth: Option<(Vec<PathBuf>, PathBuf)>,
}

impl EtcdTls {
    fn of(tls: &ClientTlsConfig) -> Result<Self, OpenError> {
        let unsupported = |key: &str, instead: &str| {
            Err(OpenError::Unsupported(format!(
                "`{key}` is not possible with io.l5d.etcd: {instead}"
            )))
        };
        if tls.disable_validation {
            return unsupported(
                "disableValidation",
                "name the authority that signed etcd's certificate in `trustCerts`",
            );
        }
        if !tls.protocols.is_empty() {
            return unsupported("protocols", "leave it out, TLS 1.2 and 1.3 are spoken");
        }
        let client_auth = tls.client_auth.as_ref().map(|auth| {
            let chain = [Some(&auth.cert_path), auth.intermediate_certs_path.as_ref()];
            (
                chain.into_iter().flatten().cloned().collect(),
                auth.key_path.clone(),
            )
        });
        Ok(Self {
            trust: tls.trust_certs.clone(),
            common_name: tls.common_name.clone(),
            client_auth,
        })
    }
}

/// Keeps dtabs in etcd.
#[derive(Debug)]
pub struct Etcd {
    shared: Arc<Shared>,
    view: View,
    board: Live<Board>,
    to_board: watch::Sender<Option<Vec<u8>>>,
    tasks: [Task<()>; 2],
}

/// What the session, the writers and the board's keeper have in common.
#[derive(Debug)]
struct Shared {
    keys: Keys,
    settings: EtcdSettings,
    cache: Mutex<Cache>,
    /// The newest connection, once the view has heard of etcd.
    connection: watch::Sender<Option<Connection>>,
    /// One at a time: writers of one namerd would only make each other's transactions fail.
    writing: tokio::sync::Mutex<()>,
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Etcd {
    /// A store for the namerd of this id. Answers at once; [`Store::view`] is pending until etcd was heard.
    ///
    /// To be called within a Tokio runtime, which keeps the view.
    pub fn open(namerd: &str, settings: EtcdSettings) -> Self {
        let (feed, view) = Feed::new("io.l5d.etcd");
        let (board_feed, board) = live::channel();
        let shared = Arc::new(Shared {
            keys: Keys::new(&settings.path_prefix),
            settings,
            cache: Mutex::new(Cache::new(feed, board_feed)),
            connection: watch::Sender::new(None),
            writing: tokio::sync::Mutex::new(()),
        });
        let (to_board, from_namerd) = watch::channel(None);
        let tasks = [
            live::task("etcd session", session::run(Arc::clone(&shared))),
            live::task(
                "etcd board",
                board::keep(Arc::clone(&shared), namerd.to_owned(), from_namerd),
            ),
        ];
        Self {
            shared,
            view,
            board,
            to_board,
            tasks,
        }
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.tasks.iter().for_each(Task::abort);
    }
}

impl Store for Etcd {
    fn view(&self) -> &View {
        &self.view
    }

    fn write<'a>(
        &'a self,
        namespace: &'a Namespace,
        change: Change,
        by: By,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        async move { self.shared.write(namespace, &change, &by).await }.boxed()
    }

    fn history<'a>(
        &'a self,
        namespace: &'a Namespace,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Revision>, StoreError>> {
        async move { self.shared.history(namespace, before, limit).await }.boxed()
    }

    fn revision<'a>(
        &'a self,
        namespace: &'a Namespace,
        revision: u64,
    ) -> BoxFuture<'a, Result<Option<Revision>, StoreError>> {
        async move { self.shared.revision(namespace, revision).await }.boxed()
    }

    fn export(&self) -> BoxFuture<'_, Result<Export, StoreError>> {
        self.shared.export().boxed()
    }

    fn import(
        &self,
        export: Export,
        replace: bool,
        by: By,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        async move { self.shared.import(export, replace, &by).await }.boxed()
    }

    fn publish_board(&self, value: Vec<u8>) {
        self.to_board.send_replace(Some(value));
    }

    fn board(&self) -> Live<Board> {
        self.board.clone()
    }
}
