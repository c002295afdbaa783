//! Reading history, and moving all of it in or out.

use std::collections::BTreeMap;
use std::future::Future;

use etcd_client::{DeleteOptions, GetOptions, KeyValue, SortOrder, SortTarget, Txn, TxnOp};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::client::{Connection, Trouble, read, reading, revision_of, unchanged};
use super::keys::Key;
use super::record::{Counter, CounterKey, Described, Entry, HeadKey, Record};
use super::write::{Pause, put_json};
use crate::store::export::raise_above;
use crate::store::{By, Export, Namespace, Revision, StoreError};

/// How often an export begins anew.
const EXPORTS: usize = 5;
/// What etcd says of a revision that it no longer knows. Source: etcd `rpctypes.ErrGRPCCompacted`.
const COMPACTED: &str = "required revision has been compacted";

/// How many revisions one request asks for.
const PAGE: usize = 100;
/// What etcd takes in one transaction by default: 128 operations and 1.5 MiB.
const CHUNK_OPS_MAX: usize = 64;
const CHUNK_BYTES_MAX: usize = 512 << 10;

impl Shared {
    pub(super) async fn history(
        &self,
        namespace: &Namespace,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Revision>, StoreError> {
        let mut history: Vec<Revision> = Vec::new();
        while history.len() < limit {
            let before = history.last().map(|oldest| oldest.revision).or(before);
            let wanted = PAGE.min(limit - history.len());
            let ask = |connection: Connection| async move {
                self.page(&connection, namespace, before, wanted).await
            };
            let page = self.asking(ask).await?;
            let is_last = page.len() < wanted;
            history.extend(page);
            if is_last {
                break;
            }
        }
        if history.is_empty() && self.cache().record(namespace).floor == 0 {
            return Err(StoreError::DoesNotExist(namespace.clone()));
        }
        Ok(history)
    }

    pub(super) async fn revision(
        &self,
        namespace: &Namespace,
        number: u64,
    ) -> Result<Option<Revision>, StoreError> {
        let key = || self.keys.history(namespace, number);
        let ask =
            |connection: Connection| async move { connection.get(key(), GetOptions::new()).await };
        let answer = self.asking(ask).await?;
        Ok(answer
            .kvs()
            .first()
            .map(entry)
            .transpose()?
            .map(|entry| entry.revision))
    }

    /// Revisions of a namespace, newest first.
    pub(super) async fn page(
        &self,
        connection: &Connection,
        namespace: &Namespace,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Revision>, Trouble> {
        let newest_first = GetOptions::new()
            .with_sort(SortTarget::Key, SortOrder::Descend)
            .with_limit(i64::try_from(limit).unwrap_or(i64::MAX));
        let range = match before {
            Some(before) => newest_first.with_range(self.keys.history(namespace, before)),
            None => newest_first.with_prefix(),
        };
        let answer = connection
            .get(self.keys.histories_of(namespace), range)
            .await?;
        answer
            .kvs()
            .iter()
            .map(|kv| Ok(entry(kv)?.revision))
            .collect()
    }

    /// All that is kept, as it was at one moment. Where etcd compacts that moment away meanwhile, a later one is taken.
    pub(super) async fn export(&self) -> Result<Export, StoreError> {
        for _ in 0..EXPORTS - 1 {
            match self.export_of_now().await {
                Err(StoreError::Unavailable { reason }) if reason.contains(COMPACTED) => {}
                exported => return exported,
            }
        }
        self.export_of_now().await
    }

    async fn export_of_now(&self) -> Result<Export, StoreError> {
        let mut namespaces: BTreeMap<Namespace, Vec<Revision>> = BTreeMap::new();
        let start = self.keys.histories();
        // The first key that does not start so: `0` follows `/` in ASCII.
        let end = format!("{}0", start.trim_end_matches('/'));
        let (mut start, mut as_of) = (start.into_bytes(), 0);
        loop {
            let page = GetOptions::new()
                .with_range(end.as_str())
                .with_revision(as_of)
                .with_sort(SortTarget::Key, SortOrder::Ascend)
                .with_limit(PAGE as i64);
            let from = start.clone();
            let ask = |connection: Connection| {
                let (from, page) = (from.clone(), page.clone());
                async move { connection.get(from, page).await }
            };
            let answer = self.asking(ask).await?;
            for kv in answer.kvs() {
                if let Key::History(namespace, _) = self.keys.parse(kv.key()) {
                    namespaces
                        .entry(namespace)
                        .or_default()
                        .push(entry(kv)?.revision);
                }
            }
            if as_of == 0 {
                // All pages are of the revision at which the first one was read.
                as_of = answer
                    .header()
                    .map_or(0, etcd_client::ResponseHeader::revision);
            }
            match answer.kvs().last() {
                Some(last) if answer.more() => start = [last.key(), b"\0"].concat(),
                _ => return Ok(Export::new(namespaces)),
            }
        }
    }

    pub(super) async fn import(
        &self,
        export: Export,
        replace: bool,
        by: &By,
    ) -> Result<(), StoreError> {
        export.check()?;
        self.asking(|_| async { Ok(()) }).await?;
        let _turn = self.writing.lock().await;
        let mut here = BTreeMap::new();
        for namespace in export.namespaces.keys() {
            let ask = |connection: Connection| async move {
                connection.fetch(&self.keys, namespace).await
            };
            here.insert(namespace.clone(), self.asking(ask).await?);
        }
        let exists = |record: &Record| record.head.is_some() || record.counter.is_some();
        if !replace {
            export.refuse_existing(|namespace| here.get(namespace).is_some_and(exists))?;
        }
        for (namespace, history) in export.namespaces {
            let record = here.remove(&namespace).unwrap_or_default();
            // Without head and counter, what history there is was left by an import that did not end.
            let floor = if exists(&record) { record.floor } else { 0 };
            let history = raise_above(floor, history, by);
            Box::pin(self.import_one(&namespace, record, &history)).await?;
        }
        Ok(())
    }

    /// Writes the history, which nobody sees yet, then head and counter.
    async fn import_one(
        &self,
        namespace: &Namespace,
        record: Record,
        history: &[Revision],
    ) -> Result<(), StoreError> {
        for chunk in self.chunks(namespace, history)? {
            let ask = |connection: Connection| {
                let txn = Txn::new().and_then(chunk.clone());
                async move { connection.txn(txn).await }
            };
            self.asking(ask).await?;
        }
        let Some(last) = history.last() else {
            return Ok(());
        };
        let head = if last.text.is_some() {
            Described::Written
        } else {
            Described::Deleted
        };
        let counter = Counter {
            revision: last.revision,
            head,
        };
        let put_head = match &last.text {
            Some(text) => TxnOp::put(self.keys.head(namespace), text.as_str(), None),
            None => TxnOp::delete(self.keys.head(namespace), None),
        };
        let [is_head, is_counter, _] = unchanged(&self.keys, namespace, &record, last.revision);
        let txn = Txn::new()
            .when([is_head, is_counter])
            .and_then([put_head, put_json(self.keys.counter(namespace), &counter)?])
            .or_else(reading(&self.keys, namespace));
        let ask = |connection: Connection| {
            let txn = txn.clone();
            async move { connection.txn(txn).await }
        };
        let answer = self.asking(ask).await?;
        let as_of = revision_of(&answer);
        let written = match answer.succeeded() {
            true => Record {
                head: last.text.as_deref().map(|text| HeadKey {
                    mod_revision: as_of,
                    text: text.into(),
                }),
                counter: Some(CounterKey {
                    mod_revision: as_of,
                    counter: Some(counter.clone()),
                }),
                floor: last.revision,
                as_of,
            },
            false => read(&self.keys, &answer),
        };
        let is_ours = written
            .counter
            .as_ref()
            .is_some_and(|key| key.counter.as_ref() == Some(&counter));
        let due = self.cache().apply(namespace, written);
        let connection = self.connection().await;
        Box::pin(self.settle(&connection, namespace, due)).await?;
        // Not succeeded and ours all the same: the answer to the first attempt was lost.
        match is_ours {
            true => Ok(()),
            false => Err(StoreError::Unavailable {
                reason: format!(
                    "namespace {namespace} was changed during the import: import it again"
                ),
            }),
        }
    }

    /// The operations that make this history of whatever history there is, in portions that etcd takes.
    fn chunks(
        &self,
        namespace: &Namespace,
        history: &[Revision],
    ) -> Result<Vec<Vec<TxnOp>>, StoreError> {
        let mut chunks = Chunks::default();
        let mut next = 0;
        for revision in history {
            let key = self.keys.history(namespace, revision.revision);
            if revision.revision > next {
                let up_to_it = DeleteOptions::new().with_range(key.as_str());
                chunks.add(
                    TxnOp::delete(self.keys.history(namespace, next), Some(up_to_it)),
                    0,
                );
            }
            next = revision.revision + 1;
            let size =
                1000 + revision.message.len() + revision.text.as_ref().map_or(0, String::len);
            chunks.add(
                put_json(
                    key,
                    &Entry {
                        revision: revision.clone(),
                        tag: String::new(),
                    },
                )?,
                size,
            );
        }
        let after_it = DeleteOptions::new().with_range(self.keys.history(namespace, u64::MAX));
        chunks.add(
            TxnOp::delete(self.keys.history(namespace, next), Some(after_it)),
            0,
        );
        Ok(chunks.full)
    }

    /// Asks until there is an answer, or no more time. What is asked for must bear to be done twice.
    async fn asking<T, F>(&self, ask: impl Fn(Connection) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let deadline = Instant::now() + self.settings.request_timeout;
        let mut why = "etcd was not heard yet".to_owned();
        let attempts = async {
            let mut pause = Pause::default();
            loop {
                match ask(self.connection().await).await {
                    Err(Trouble::Transient(reason)) => why = reason,
                    answer => return answer,
                }
                pause.wait().await;
            }
        };
        let answer = timeout_at(deadline, Box::pin(attempts)).await;
        match answer {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                let waited = self.settings.request_timeout;
                Err(StoreError::Unavailable {
                    reason: format!("gave up after {waited:?}: {why}"),
                })
            }
        }
    }
}

#[derive(Default)]
struct Chunks {
    full: Vec<Vec<TxnOp>>,
    bytes: usize,
}

impl Chunks {
    fn add(&mut self, op: TxnOp, size: usize) {
        self.bytes += size;
        match self.full.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_OPS_MAX && self.bytes <= CHUNK_BYTES_MAX => {
                chunk.push(op)
            }
            _ => {
                self.full.push(vec![op]);
                self.bytes = size;
            }
        }
    }
}

fn entry(kv: &KeyValue) -> Result<Entry, Trouble> {
    serde_json::from_slice(kv.value()).map_err(|error| {
        let key = String::from_utf8_lossy(kv.key());
        Trouble::Refused(format!(
            "the revision in etcd's {key} cannot be read: {error}"
        ))
    })
}
