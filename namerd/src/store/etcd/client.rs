//! Talking to etcd: one attempt at a time, with a time limit, and errors by what can be done about them.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{
    Certificate, Client, Compare, CompareOp, ConnectOptions, Error, GetOptions, GetResponse,
    Identity, KeyValue, SortOrder, SortTarget, TlsOptions, Txn, TxnOp, TxnOpResponse, TxnResponse,
};
use tonic::Code;

use super::cache::Listing;
use super::keys::{Key, Keys};
use super::record::{CounterKey, HeadKey, Record};
use super::{EtcdSettings, EtcdTls};
use crate::store::{Namespace, StoreError};

/// etcd answers with no more than it has; the limit is there to notice nonsense.
pub(super) const ANSWER_BYTES_MAX: usize = 1 << 30;

/// What to do about an error.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Try again. Whether the request was done is not known.
    #[error("{0}")]
    Transient(String),
    /// Trying again will not help, but etcd's operator can.
    #[error("{0}")]
    Refused(String),
    /// Nothing will help.
    #[error("{0}")]
    Invalid(String),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Transient(reason) | Trouble::Refused(reason) => Self::Unavailable { reason },
            Trouble::Invalid(reason) => Self::Invalid { reason },
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let Error::GRpcStatus(status) = &error else {
            return Self::Transient(format!("etcd: {error}"));
        };
        let message = format!(
            "etcd: {}",
            status.message().trim_start_matches("etcdserver: ")
        );
        match status.code() {
            // In etcd's words, and in those of its gRPC library where it is much too large.
            Code::InvalidArgument | Code::ResourceExhausted
                if ["too large", "larger than max"]
                    .iter()
                    .any(|words| status.message().contains(words)) =>
            {
                Self::Invalid(format!(
                    "{message} (its --max-request-bytes must hold the dtab twice)"
                ))
            }
            Code::InvalidArgument | Code::Unimplemented => Self::Invalid(message),
            Code::PermissionDenied
            | Code::Unauthenticated
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange => Self::Refused(message),
            _ => Self::Transient(message),
        }
    }
}

/// A connection to one member of etcd. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    attempt_max: Duration,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects to one member. The client could balance over all of them, but it would go on to send every other request
    /// to one that is away.
    pub(super) async fn open(settings: &EtcdSettings, member: &str) -> Result<Self, Trouble> {
        // Several attempts fit into the time that a caller waits, so that a member that hangs does not take it all.
        let attempt_max = settings.request_timeout * 2 / 5;
        let mut options = ConnectOptions::new()
            .with_connect_timeout(attempt_max)
            // etcd hangs up on those who ping more often than every 5 s, or without a request under way.
            .with_keep_alive(Duration::from_secs(6), Duration::from_secs(3))
            .with_keep_alive_while_idle(false)
            // Without it, a member that is cut off from its leader keeps a watch open and says nothing.
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let Some((name, password)) = &settings.user {
            options = options.with_user(name, password);
        }
        if let Some(tls) = &settings.tls {
            options = options.with_tls(tls_options(tls)?);
        }
        let client = limited(attempt_max, Client::connect([member], Some(options))).await?;
        Ok(Self {
            client,
            attempt_max,
        })
    }

    pub(super) async fn get(
        &self,
        key: impl Into<Vec<u8>> + Send,
        options: GetOptions,
    ) -> Result<GetResponse, Trouble> {
        let mut kv = self
            .client
            .kv_client()
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        self.limited(kv.get(key.into(), Some(options))).await
    }

    pub(super) async fn txn(&self, txn: Txn) -> Result<TxnResponse, Trouble> {
        let mut kv = self
            .client
            .kv_client()
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        self.limited(kv.txn(txn)).await
    }

    /// One request, for as long as one may take.
    pub(super) fn limited<'a, T: 'a>(
        &self,
        request: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> impl Future<Output = Result<T, Trouble>> + Send + 'a {
        limited(self.attempt_max, request)
    }

    /// The record of a namespace right now, with what its history says about the revisions that were given.
    pub(super) async fn fetch(
        &self,
        keys: &Keys,
        namespace: &Namespace,
    ) -> Result<Record, Trouble> {
        let answer = self
            .txn(Txn::new().and_then(reading(keys, namespace)))
            .await?;
        Ok(read(keys, &answer))
    }

    /// All heads and counters, and the board, at one revision of etcd. Also the keys that mean nothing.
    pub(super) async fn list(&self, keys: &Keys) -> Result<(Listing, Vec<Vec<u8>>), Trouble> {
        let prefix = || Some(GetOptions::new().with_prefix());
        let parts =
            [keys.heads(), keys.counters(), keys.fleet()].map(|start| TxnOp::get(start, prefix()));
        let answer = self.txn(Txn::new().and_then(parts)).await?;
        let cluster_id = answer
            .header()
            .map_or(0, etcd_client::ResponseHeader::cluster_id);
        let mut listing = Listing {
            cluster_id,
            revision: revision_of(&answer),
            ..Listing::default()
        };
        let mut illegal = Vec::new();
        let record = |as_of| Record {
            as_of,
            ..Record::default()
        };
        for kv in key_values(&answer) {
            let as_of = listing.revision;
            match keys.parse(kv.key()) {
                Key::Head(namespace) => {
                    listing
                        .records
                        .entry(namespace)
                        .or_insert_with(|| record(as_of))
                        .head = Some(HeadKey::read(&kv));
                }
                Key::Counter(namespace) => {
                    let counter = Some(CounterKey::read(&kv));
                    listing
                        .records
                        .entry(namespace)
                        .or_insert_with(|| record(as_of))
                        .counter = counter;
                }
                Key::Fleet(namerd) => {
                    listing.board.insert(namerd, kv.value().to_vec());
                }
                Key::Illegal => illegal.push(kv.key().to_vec()),
                Key::History(..) | Key::Other => {}
            }
        }
        Ok((listing, illegal))
    }
}

impl HeadKey {
    pub(super) fn read(kv: &KeyValue) -> Self {
        Self {
            mod_revision: kv.mod_revision(),
            text: Arc::from(String::from_utf8_lossy(kv.value())),
        }
    }
}

impl CounterKey {
    pub(super) fn read(kv: &KeyValue) -> Self {
        Self {
            mod_revision: kv.mod_revision(),
            counter: serde_json::from_slice(kv.value()).ok(),
        }
    }
}

/// What must hold for a transaction that follows a record: head and counter are as they were, and the revision is new.
pub(super) fn unchanged(
    keys: &Keys,
    namespace: &Namespace,
    record: &Record,
    next: u64,
) -> [Compare; 3] {
    let is_at = |key, mod_revision| Compare::mod_revision(key, CompareOp::Equal, mod_revision);
    [
        is_at(keys.head(namespace), record.head_mod_revision()),
        is_at(keys.counter(namespace), record.counter_mod_revision()),
        is_at(keys.history(namespace, next), 0),
    ]
}

/// What a transaction asks for to [`read`] a record from its answer.
pub(super) fn reading(keys: &Keys, namespace: &Namespace) -> [TxnOp; 3] {
    let newest = GetOptions::new()
        .with_prefix()
        .with_sort(SortTarget::Key, SortOrder::Descend);
    [
        TxnOp::get(keys.head(namespace), None),
        TxnOp::get(keys.counter(namespace), None),
        TxnOp::get(
            keys.histories_of(namespace),
            Some(newest.with_limit(1).with_keys_only()),
        ),
    ]
}

/// The record in the answer to [`reading`].
pub(super) fn read(keys: &Keys, answer: &TxnResponse) -> Record {
    let mut record = Record {
        as_of: revision_of(answer),
        ..Record::default()
    };
    for kv in key_values(answer) {
        match keys.parse(kv.key()) {
            Key::Head(_) => record.head = Some(HeadKey::read(&kv)),
            Key::Counter(_) => record.counter = Some(CounterKey::read(&kv)),
            Key::History(_, revision) => record.floor = revision,
            _ => {}
        }
    }
    record.above(0)
}

/// The revision of etcd at which a transaction was done.
pub(super) fn revision_of(answer: &TxnResponse) -> i64 {
    answer
        .header()
        .map_or(0, etcd_client::ResponseHeader::revision)
}

fn key_values(answer: &TxnResponse) -> impl Iterator<Item = KeyValue> {
    let gets = answer
        .op_responses()
        .into_iter()
        .filter_map(|response| match response {
            TxnOpResponse::Get(mut get) => Some(get.take_kvs()),
            _ => None,
        });
    gets.flatten()
}

/// In a box, as the client's futures are large and would make all futures around them so.
fn limited<'a, T: 'a>(
    max: Duration,
    request: impl Future<Output = Result<T, Error>> + Send + 'a,
) -> impl Future<Output = Result<T, Trouble>> + Send + 'a {
    let request = Box::pin(request);
    async move {
        match tokio::time::timeout(max, request).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Trouble::Transient(format!(
                "etcd did not answer within {max:?}"
            ))),
        }
    }
}

fn tls_options(tls: &EtcdTls) -> Result<TlsOptions, Trouble> {
    let mut options = TlsOptions::new();
    if tls.trust.is_empty() {
        options = options.with_native_roots();
    }
    for path in &tls.trust {
        options = options.ca_certificate(Certificate::from_pem(pem(path)?));
    }
    if let Some(name) = &tls.common_name {
        options = options.domain_name(name);
    }
    if let Some((chain, key)) = &tls.client_auth {
        let chain: Vec<Vec<u8>> = chain
            .iter()
            .map(|path| pem(path))
            .collect::<Result<_, _>>()?;
        options = options.identity(Identity::from_pem(chain.join(&b'\n'), pem(key)?));
    }
    Ok(options)
}

fn pem(path: &Path) -> Result<Vec<u8>, Trouble> {
    std::fs::read(path)
        .map_err(|error| Trouble::Refused(format!("cannot read {}: {error}", path.display())))
}
