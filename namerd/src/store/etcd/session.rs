//! Keeping the view: list, watch from there, and start over when an event could have been lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use etcd_client::{Event, EventType, WatchOptions, WatchResponse, WatchStream};
use tokio::time::{Instant, interval, timeout_at};

use super::Shared;
use super::cache::Due;
use super::client::{ANSWER_BYTES_MAX, Connection, Trouble};
use super::keys::Key;
use super::record::{CounterKey, HeadKey, Record};
use super::write::Pause;
use crate::store::{Namespace, Stored};

/// Why a session ended.
pub(super) enum Lost {
    /// Events that the watch needs are no longer there. Nothing is wrong; list again.
    Compacted,
    Trouble(String),
}

impl From<Trouble> for Lost {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble.to_string())
    }
}

impl From<etcd_client::Error> for Lost {
    fn from(error: etcd_client::Error) -> Self {
        Trouble::from(error).into()
    }
}

/// Runs sessions, one after the other.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut pause = Pause::default();
    let mut session = Session::new(shared);
    loop {
        let started = Instant::now();
        let member = session.member();
        let lost = session.run(&member).await;
        if session.heard > started {
            pause = Pause::default();
        }
        match lost {
            Lost::Compacted => {
                tracing::info!("etcd has compacted what the watch needs: listing again")
            }
            Lost::Trouble(reason) => {
                let reason = format!("{member}: {reason}");
                if session.is_away {
                    tracing::debug!(%reason, "etcd is still away");
                } else {
                    tracing::warn!(%reason, "etcd is away: the dtabs stay as they are");
                }
                session.is_away = true;
                session.shared.cache().trouble(session.heard, &reason);
                pause.wait().await;
            }
        }
    }
}

pub(super) struct Session {
    shared: Arc<Shared>,
    /// When the view was last known to be what etcd has.
    heard: Instant,
    /// Which member is next: another one after each session, and for each namerd another first one.
    next: usize,
    /// So that a long outage is told once.
    is_away: bool,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let next = fastrand::usize(..1 << 16);
        Self {
            shared,
            heard: Instant::now(),
            next,
            is_away: false,
        }
    }

    fn member(&mut self) -> String {
        let members = &self.shared.settings.endpoints;
        let member = members.get(self.next % members.len().max(1)).cloned();
        self.next += 1;
        member.unwrap_or_default()
    }

    async fn run(&mut self, member: &str) -> Lost {
        match Box::pin(self.follow(member)).await {
            Ok(never) => match never {},
            Err(lost) => lost,
        }
    }

    async fn follow(&mut self, member: &str) -> Result<std::convert::Infallible, Lost> {
        let shared = Arc::clone(&self.shared);
        let connection = Connection::open(&shared.settings, member).await?;
        let known = shared.cache().newest();
        let (listing, illegal) = connection.list(&shared.keys).await?;
        illegal.iter().for_each(|key| shared.cache().warn_of(key));
        let mut watch = self.watch(&connection, listing.revision + 1).await?;
        let due = shared.cache().apply_listing(listing, known);
        for (namespace, due) in due {
            self.shared.settle(&connection, &namespace, due).await?;
        }
        shared.cache().is_current();
        if self.is_away {
            tracing::info!(member, "etcd is back");
            self.is_away = false;
        }
        self.heard = Instant::now();
        shared.connection.send_replace(Some(connection.clone()));

        let silence_max = shared.settings.silence_max;
        let mut ask = interval(silence_max / 3);
        let mut deadline = Instant::now() + silence_max;
        loop {
            tokio::select! {
                message = timeout_at(deadline, watch.message()) => {
                    let silent = |_| Lost::Trouble(format!("etcd said nothing for {silence_max:?}"));
                    let ended = || Lost::Trouble("etcd ended the watch".to_owned());
                    let message = message.map_err(silent)??.ok_or_else(ended)?;
                    check(&message)?;
                    self.take_in(&connection, message.events()).await?;
                    self.heard = Instant::now();
                    deadline = self.heard + silence_max;
                }
                _ = ask.tick() => connection.limited(watch.request_progress()).await?,
            }
        }
    }

    /// Opens the watch and waits until etcd has confirmed it.
    pub(super) async fn watch(
        &self,
        connection: &Connection,
        start: i64,
    ) -> Result<WatchStream, Lost> {
        let (from, to) = self.shared.keys.all();
        let options = WatchOptions::new()
            .with_range(to)
            .with_start_revision(start);
        // As much as a list may have: what was missed may come at once.
        let mut client = connection
            .client
            .watch_client()
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        let mut watch = connection
            .limited(client.watch(from, Some(options)))
            .await?;
        match connection.limited(watch.message()).await? {
            Some(message) => check(&message).map(|()| watch),
            None => Err(Lost::Trouble(
                "etcd ended the watch before it began".to_owned(),
            )),
        }
    }

    /// Takes in events: those of one revision of etcd together, as they were one transaction.
    async fn take_in(&self, connection: &Connection, events: &[Event]) -> Result<(), Lost> {
        let revision_of = |event: &Event| event.kv().map_or(0, etcd_client::KeyValue::mod_revision);
        for events in events.chunk_by(|a, b| revision_of(a) == revision_of(b)) {
            let due = self.apply(revision_of(&events[0]), events);
            for (namespace, due) in due {
                self.shared.settle(connection, &namespace, due).await?;
            }
        }
        Ok(())
    }

    fn apply(&self, as_of: i64, events: &[Event]) -> Vec<(Namespace, Due)> {
        let mut cache = self.shared.cache();
        let mut changed: BTreeMap<Namespace, Record> = BTreeMap::new();
        for event in events {
            let Some(kv) = event.kv() else { continue };
            let is_put = event.event_type() == EventType::Put;
            let is_news = |record: &Record| record.as_of < as_of;
            match self.shared.keys.parse(kv.key()) {
                Key::Head(name) if is_news(&cache.record(&name)) => {
                    let record = changed
                        .entry(name)
                        .or_insert_with_key(|name| cache.record(name));
                    record.head = is_put.then(|| HeadKey::read(kv));
                }
                Key::Counter(name) if is_news(&cache.record(&name)) => {
                    let record = changed
                        .entry(name)
                        .or_insert_with_key(|name| cache.record(name));
                    record.counter = is_put.then(|| CounterKey::read(kv));
                }
                Key::Fleet(namerd) => {
                    cache.set_on_board(namerd, is_put.then(|| kv.value().to_vec()))
                }
                Key::Illegal => cache.warn_of(kv.key()),
                Key::Head(_) | Key::Counter(_) | Key::History(..) | Key::Other => {}
            }
        }
        let applied = changed.into_iter().map(|(name, record)| {
            let due = cache.apply(&name, Record { as_of, ..record });
            (name, due)
        });
        applied.collect()
    }
}

impl Shared {
    /// Does what is left to do for a namespace.
    pub(super) async fn settle(
        &self,
        connection: &Connection,
        namespace: &Namespace,
        due: Due,
    ) -> Result<(), Trouble> {
        let due = match due {
            Due::Recording => {
                let record = self.cache().record(namespace);
                match self.record_external(connection, namespace, record).await {
                    // Such as a head that is too large to be a revision, too: the other namespaces go on.
                    Err(Trouble::Invalid(reason)) => {
                        tracing::warn!(%namespace, %reason, "what was written to etcd past the namerds cannot be recorded: it is passed over");
                        return Ok(());
                    }
                    recorded => self.cache().apply(namespace, recorded?),
                }
            }
            other => other,
        };
        if due == Due::FallBack
            && let Some(good) = self.last_good(connection, namespace).await?
        {
            self.cache().fall_back(namespace, good);
        }
        Ok(())
    }

    /// The newest dtab in the history of a namespace since it was last created.
    async fn last_good(
        &self,
        connection: &Connection,
        namespace: &Namespace,
    ) -> Result<Option<Stored>, Trouble> {
        const PAGE: usize = 16;
        let mut before = None;
        loop {
            let page = self.page(connection, namespace, before, PAGE).await?;
            before = page.last().map(|oldest| oldest.revision);
            for revision in page {
                // What was deleted does not come back.
                let Some(text) = revision.text else {
                    return Ok(None);
                };
                if let Ok(good) = Stored::parse(text) {
                    return Ok(Some(good));
                }
            }
            if before.is_none() {
                return Ok(None);
            }
        }
    }
}

pub(super) fn check(message: &WatchResponse) -> Result<(), Lost> {
    match message.canceled() {
        false => Ok(()),
        // The reason is empty in this case.
        true if message.compact_revision() > 0 => Err(Lost::Compacted),
        true => Err(Lost::Trouble(format!(
            "etcd canceled the watch: {}",
            message.cancel_reason()
        ))),
    }
}
