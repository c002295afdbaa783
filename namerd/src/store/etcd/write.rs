//! Writing: transactions that hold only if nobody else was there, and what to do when the answer is lost.

use std::time::Duration;

use etcd_client::{GetOptions, Txn, TxnOp};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::client::{Connection, Trouble, read, reading, revision_of, unchanged};
use super::record::{Counter, CounterKey, Described, Entry, Finding, HeadKey, Record};
use crate::store::{Action, By, Change, Namespace, Revision, StoreError};

impl Shared {
    pub(super) async fn write(
        &self,
        namespace: &Namespace,
        change: &Change,
        by: &By,
    ) -> Result<u64, StoreError> {
        let deadline = Instant::now() + self.settings.request_timeout;
        let mut writer = Writer {
            shared: self,
            namespace,
            change,
            by,
            tag: format!("{:016x}", fastrand::u64(..)),
            sent: None,
            trouble: None,
        };
        match timeout_at(deadline, Box::pin(writer.run())).await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::Unavailable {
                reason: writer.why_late(),
            }),
        }
    }

    /// The connection that the session uses; waits for the first one.
    pub(super) async fn connection(&self) -> Connection {
        let mut connection = self.connection.subscribe();
        loop {
            if let Some(connection) = &*connection.borrow_and_update() {
                return connection.clone();
            }
            if connection.changed().await.is_err() {
                // The sender is in `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Records what somebody else did to a namespace, until there is nothing to record: somebody else may do that, too.
    pub(super) async fn record_external(
        &self,
        connection: &Connection,
        namespace: &Namespace,
        mut record: Record,
    ) -> Result<Record, Trouble> {
        while record.finding() == Finding::Unrecorded {
            let number = record.floor + 1;
            let revision = external(number, &record);
            let head = match &record.head {
                Some(head) => Described::External(head.mod_revision),
                None => Described::Deleted,
            };
            let counter = Counter {
                revision: number,
                head,
            };
            let txn = Txn::new()
                .when(unchanged(&self.keys, namespace, &record, number))
                .and_then([
                    put_json(
                        self.keys.history(namespace, number),
                        &Entry {
                            revision,
                            tag: String::new(),
                        },
                    )?,
                    put_json(self.keys.counter(namespace), &counter)?,
                ])
                .or_else(reading(&self.keys, namespace));
            let answer = connection.txn(txn).await?;
            if answer.succeeded() {
                let as_of = revision_of(&answer);
                record.counter = Some(CounterKey {
                    mod_revision: as_of,
                    counter: Some(counter),
                });
                record = Record { as_of, ..record }.above(number);
                tracing::info!(%namespace, revision = number, "recorded what was written to etcd past the namerds");
            } else {
                record = read(&self.keys, &answer).above(record.floor);
            }
            self.cache().apply(namespace, record.clone());
        }
        Ok(record)
    }
}

/// The revision by `unknown` that makes a head of somebody else's part of the history.
fn external(revision: u64, record: &Record) -> Revision {
    let text = record
        .head
        .as_ref()
        .map(|head| head.text.as_ref().to_owned());
    let (action, message) = match text {
        Some(_) => (Action::External, "written to etcd past namerd"),
        None => (Action::Delete, "deleted from etcd past namerd"),
    };
    let (author, message) = ("unknown".to_owned(), message.to_owned());
    Revision {
        revision,
        time: Timestamp::now(),
        author,
        message,
        action,
        text,
    }
}

/// One write, with all its attempts.
struct Writer<'a> {
    shared: &'a Shared,
    namespace: &'a Namespace,
    change: &'a Change,
    by: &'a By,
    /// By which the writer knows its own revision, whichever of its attempts made it.
    tag: String,
    /// The number of the revision in the last transaction whose answer was lost.
    sent: Option<u64>,
    /// Why the last attempt failed.
    trouble: Option<String>,
}

/// What came of an attempt.
enum Outcome {
    Done(u64),
    Refused(StoreError),
    /// Somebody else was there; the namespace is like this now.
    Conflict(Record),
}

impl Writer<'_> {
    async fn run(&mut self) -> Result<u64, StoreError> {
        self.shared.connection().await;
        let _turn = self.shared.writing.lock().await;
        // What this namerd knows may be old, so it is good for a try but not for a refusal.
        let mut seen = Some(self.shared.cache().record(self.namespace));
        let mut is_fresh = false;
        let mut pause = Pause::default();
        loop {
            let connection = self.shared.connection().await;
            match self.attempt(&connection, seen.take()).await {
                Ok(Outcome::Done(revision)) => return Ok(revision),
                Ok(Outcome::Refused(refusal)) if is_fresh => return Err(refusal),
                Ok(Outcome::Refused(_)) => {}
                Ok(Outcome::Conflict(record)) => seen = Some(record),
                Err(Trouble::Transient(reason)) => {
                    self.trouble = Some(reason);
                    pause.wait().await;
                }
                Err(lasting) => return Err(lasting.into()),
            }
            is_fresh = true;
        }
    }

    async fn attempt(
        &mut self,
        connection: &Connection,
        seen: Option<Record>,
    ) -> Result<Outcome, Trouble> {
        let record = match seen {
            Some(record) => record,
            None => connection.fetch(&self.shared.keys, self.namespace).await?,
        };
        // After the record was read, or what is done in between would be taken for somebody else's.
        if let Some(revision) = self.find_sent(connection).await? {
            let record = connection.fetch(&self.shared.keys, self.namespace).await?;
            self.shared.cache().apply(self.namespace, record);
            return Ok(Outcome::Done(revision));
        }
        let record = self
            .shared
            .record_external(connection, self.namespace, record)
            .await?;
        let at = match record.finding() {
            Finding::At(revision, text) => (revision, text.is_some()),
            Finding::Never | Finding::Unrecorded => (0, false),
        };
        match self.change.apply(self.namespace, at, self.by) {
            Ok(next) => self.commit(connection, record, next).await,
            Err(refusal) => Ok(Outcome::Refused(refusal)),
        }
    }

    async fn commit(
        &mut self,
        connection: &Connection,
        record: Record,
        next: Revision,
    ) -> Result<Outcome, Trouble> {
        let (keys, namespace) = (&self.shared.keys, self.namespace);
        let number = next.revision.max(record.floor + 1);
        let text = next.text.clone();
        let entry = Entry {
            revision: Revision {
                revision: number,
                ..next
            },
            tag: self.tag.clone(),
        };
        let head = if text.is_some() {
            Described::Written
        } else {
            Described::Deleted
        };
        let counter = Counter {
            revision: number,
            head,
        };
        let put_head = match &text {
            Some(text) => TxnOp::put(keys.head(namespace), text.as_str(), None),
            None => TxnOp::delete(keys.head(namespace), None),
        };
        let txn = Txn::new()
            .when(unchanged(keys, namespace, &record, number))
            .and_then([
                put_head,
                put_json(keys.history(namespace, number), &entry)?,
                put_json(keys.counter(namespace), &counter)?,
            ])
            .or_else(reading(keys, namespace));
        let answer = match connection.txn(txn).await {
            Ok(answer) => answer,
            Err(trouble) => {
                self.sent = Some(number);
                return Err(trouble);
            }
        };
        let as_of = revision_of(&answer);
        if !answer.succeeded() {
            let record = read(keys, &answer).above(record.floor);
            self.shared.cache().apply(namespace, record.clone());
            return Ok(Outcome::Conflict(record));
        }
        let written = Record {
            head: text.map(|text| HeadKey {
                mod_revision: as_of,
                text: text.into(),
            }),
            counter: Some(CounterKey {
                mod_revision: as_of,
                counter: Some(counter),
            }),
            floor: number,
            as_of,
        };
        self.shared.cache().apply(namespace, written);
        Ok(Outcome::Done(number))
    }

    /// Looks whether the transaction whose answer was lost has been done after all.
    async fn find_sent(&self, connection: &Connection) -> Result<Option<u64>, Trouble> {
        let Some(number) = self.sent else {
            return Ok(None);
        };
        let answer = connection
            .get(
                self.shared.keys.history(self.namespace, number),
                GetOptions::new(),
            )
            .await?;
        let entry = answer
            .kvs()
            .first()
            .and_then(|kv| serde_json::from_slice::<Entry>(kv.value()).ok());
        Ok(entry.filter(|entry| entry.tag == self.tag).map(|_| number))
    }

    fn why_late(&self) -> String {
        let waited = self.shared.settings.request_timeout;
        let why = self.trouble.as_deref().unwrap_or("etcd was not heard yet");
        let doubt = if self.sent.is_some() {
            "; whether it was written is not known"
        } else {
            ""
        };
        format!("gave up after {waited:?}: {why}{doubt}")
    }
}

pub(super) fn put_json(key: String, value: &impl serde::Serialize) -> Result<TxnOp, Trouble> {
    let json = serde_json::to_vec(value).map_err(|error| Trouble::Invalid(error.to_string()))?;
    Ok(TxnOp::put(key, json, None))
}

/// Waiting between attempts: longer each time, and never in step with others.
#[derive(Debug, Default)]
pub(super) struct Pause {
    waited: u32,
}

impl Pause {
    pub(super) async fn wait(&mut self) {
        const FIRST_MS: f64 = 50.0;
        const DOUBLINGS_MAX: u32 = 6;
        let mean = FIRST_MS * f64::from(1 << self.waited.min(DOUBLINGS_MAX));
        self.waited += 1;
        tokio::time::sleep(Duration::from_secs_f64(
            mean * (0.5 + fastrand::f64()) / 1000.0,
        ))
        .await;
    }
}
