//! What a namerd knows of its store, in memory: read by the services, fed by the store.
//!
//! The view decides what a reader sees of a text that is no dtab (the last good one) and of a namespace that nobody wrote
//! (revision 0, after the first answer of the store; pending before). When and in which order it is fed is the store's
//! business.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use live::{Live, Publisher};
use tokio::time::Instant;

use super::{Condition, Head, Health, Namespace, Stored};

/// What this namerd knows of its store. Reading takes no lock and no time.
#[derive(Clone, Debug)]
pub struct View {
    table: Arc<Mutex<Table>>,
    namespaces: Live<BTreeSet<Namespace>>,
    health: Live<Health>,
}

impl View {
    /// The namespaces that exist; pending until the store was heard.
    pub fn namespaces(&self) -> Live<BTreeSet<Namespace>> {
        self.namespaces.clone()
    }

    /// The newest state of a namespace, whether it exists or not; pending until the store was heard.
    pub fn head(&self, namespace: &Namespace) -> Live<Head> {
        lock(&self.table).read(namespace)
    }

    /// How well the store is. Never pending.
    pub fn health(&self) -> Live<Health> {
        self.health.clone()
    }
}

/// Where a store puts what its [`View`] shows.
#[derive(Debug)]
pub(super) struct Feed {
    table: Arc<Mutex<Table>>,
}

impl Feed {
    pub(super) fn new(kind: &'static str) -> (Self, View) {
        let (namespaces, namespaces_live) = live::channel();
        let (health, health_live) = live::channel();
        let table = Arc::new(Mutex::new(Table {
            slots: HashMap::new(),
            sweep_at: SWEEP_MIN,
            namespaces,
            is_set_outdated: false,
            current: Health {
                kind,
                condition: Condition::Pending { reason: None },
                unparsable: BTreeMap::new(),
            },
            health,
        }));
        lock(&table).publish_health();
        let view = View {
            table: Arc::clone(&table),
            namespaces: namespaces_live,
            health: health_live,
        };
        (Self { table }, view)
    }

    /// Starts to change the view. Nobody else does meanwhile; [`Batch::commit`] tells who asks for all.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch {
            table: lock(&self.table),
        }
    }

    /// Says that the view is now what the store has.
    pub(super) fn current(&self) {
        let mut table = lock(&self.table);
        let was_pending = table.is_pending();
        table.current.condition = Condition::Ok;
        if was_pending {
            // Whoever asked before the store was heard now learns that there is nothing, too.
            table.slots.values_mut().for_each(Slot::publish);
            table.publish_namespaces();
        }
        table.publish_health();
    }

    /// Says that the store is in trouble, and since when the view may lag behind it. What the view shows stays.
    pub(super) fn trouble(&self, since: Instant, reason: &str) {
        let mut table = lock(&self.table);
        let reason = Arc::from(reason);
        table.current.condition = match table.current.condition {
            Condition::Pending { .. } => Condition::Pending {
                reason: Some(reason),
            },
            Condition::Ok => Condition::Stale { since, reason },
            Condition::Stale { since, .. } => Condition::Stale { since, reason },
        };
        table.publish_health();
    }
}

/// A change of the view.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    table: MutexGuard<'a, Table>,
}

impl Batch<'_> {
    /// Sets a namespace to what the store has. If that is no dtab, its revision counts and its last good dtab stays.
    ///
    /// Answers whether there is a dtab to show, or rightly none. If not, [`Batch::fall_back`] takes one from its history.
    pub(super) fn set(
        &mut self,
        namespace: &Namespace,
        revision: u64,
        text: Option<Arc<str>>,
    ) -> bool {
        let slot = self.table.slots.get(namespace);
        let is_read = slot.is_some_and(Slot::is_read);
        let before = slot.and_then(|slot| slot.head.stored.clone());
        let complaints = &mut self.table.current.unparsable;
        let stored = match text {
            None => {
                complaints.remove(namespace);
                None
            }
            Some(text) if before.as_ref().is_some_and(|before| *before.text() == text) => {
                complaints.remove(namespace);
                before
            }
            Some(text) => match Stored::parse(text) {
                Ok(stored) => {
                    complaints.remove(namespace);
                    let shown = if is_read { stored } else { stored.unparsed() };
                    Some(Arc::new(shown))
                }
                Err(error) => {
                    tracing::warn!(%namespace, revision, %error, "the stored text is no dtab: the last good one stays");
                    complaints.insert(namespace.clone(), error.to_string().into());
                    before
                }
            },
        };
        let is_settled = stored.is_some() || !complaints.contains_key(namespace);
        self.table.show(namespace, Head { revision, stored });
        is_settled
    }

    /// Shows a dtab of the past for a namespace whose text is none, if that is still so.
    pub(super) fn fall_back(&mut self, namespace: &Namespace, stored: Stored) {
        if self.table.current.unparsable.contains_key(namespace) {
            let head = &self.table.slot(namespace).head;
            if head.stored.is_none() {
                let (revision, stored) = (head.revision, Some(Arc::new(stored)));
                self.table.show(namespace, Head { revision, stored });
            }
        }
    }

    /// Says that a namespace never existed.
    #[cfg(feature = "etcd")]
    pub(super) fn forget(&mut self, namespace: &Namespace) {
        self.table.current.unparsable.remove(namespace);
        self.table.show(namespace, Head::default());
    }

    /// Ends the change.
    pub(super) fn commit(mut self) {
        if self.table.is_set_outdated {
            self.table.publish_namespaces();
        }
        self.table.publish_health();
    }
}

/// How many namespaces may be remembered before those that do not exist and that nobody reads are forgotten.
const SWEEP_MIN: usize = 1024;

#[derive(Debug)]
struct Table {
    /// Every namespace that has a history, and those that somebody asked for.
    slots: HashMap<Namespace, Slot>,
    /// The number of slots at which unused ones are looked for, so that asking for names at random fills no memory.
    sweep_at: usize,
    namespaces: Publisher<BTreeSet<Namespace>>,
    /// Whether a namespace came or went since the set was published: making it anew costs as much as all of them.
    is_set_outdated: bool,
    current: Health,
    health: Publisher<Health>,
}

impl Table {
    fn read(&mut self, namespace: &Namespace) -> Live<Head> {
        let is_heard = !self.is_pending();
        let slot = self.slot(namespace);
        let live = slot.live();
        if is_heard || slot.head.revision > 0 {
            slot.publish();
        }
        live
    }

    fn slot(&mut self, namespace: &Namespace) -> &mut Slot {
        if self.slots.len() >= self.sweep_at {
            self.slots
                .retain(|_, slot| slot.head.revision > 0 || slot.is_read());
            self.sweep_at = SWEEP_MIN.max(self.slots.len() * 2);
        }
        self.slots.entry(namespace.clone()).or_default()
    }

    fn show(&mut self, namespace: &Namespace, head: Head) {
        let slot = self.slot(namespace);
        let comes_or_goes = slot.head.stored.is_some() != head.stored.is_some();
        slot.head = head;
        slot.publish();
        self.is_set_outdated |= comes_or_goes;
    }

    fn is_pending(&self) -> bool {
        matches!(self.current.condition, Condition::Pending { .. })
    }

    fn publish_namespaces(&mut self) {
        if self.is_pending() {
            return;
        }
        let exists = |(namespace, slot): (&Namespace, &Slot)| {
            slot.head.stored.as_ref().map(|_| namespace.clone())
        };
        let existing = self.slots.iter().filter_map(exists).collect();
        self.namespaces.set(existing);
        self.is_set_outdated = false;
    }

    fn publish_health(&mut self) {
        self.health.set(self.current.clone());
    }
}

#[derive(Debug, Default)]
struct Slot {
    head: Head,
    /// Where the head is shown; none as long as nobody reads it.
    publisher: Option<Publisher<Head>>,
}

impl Slot {
    /// A reader of what is published.
    fn live(&mut self) -> Live<Head> {
        let publisher = self.publisher.get_or_insert_with(|| live::channel().0);
        publisher.live()
    }

    fn publish(&mut self) {
        // Whoever comes back later is given the head of that time.
        self.publisher.take_if(|publisher| !publisher.is_read());
        if let Some(publisher) = &mut self.publisher {
            publisher.set(self.head.clone());
        }
    }

    fn is_read(&self) -> bool {
        self.publisher.as_ref().is_some_and(Publisher::is_read)
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str) -> Namespace {
        name.parse().unwrap()
    }

    #[test]
    fn nothing_is_said_before_the_store_was_heard() {
        let (feed, view) = Feed::new("test");
        let (web, other) = (view.head(&namespace("web")), view.head(&namespace("other")));
        feed.trouble(Instant::now(), "no route");
        assert!(web.now().is_pending() && view.namespaces().now().is_pending());
        assert_eq!(
            view.health().value().unwrap().detail().as_deref(),
            Some("no route")
        );

        let mut batch = feed.batch();
        assert!(batch.set(&namespace("web"), 3, Some("/a => /b;".into())));
        batch.commit();
        feed.current();
        assert_eq!(web.value().unwrap().revision, 3);
        assert_eq!(*other.value().unwrap(), Head::default());
        assert_eq!(view.namespaces().value().unwrap().len(), 1);
        assert_eq!(view.health().value().unwrap().state(), "ok");
    }

    #[test]
    fn trouble_leaves_the_last_state_and_tells_its_age_from_the_first_failure() {
        let (feed, view) = Feed::new("test");
        let mut batch = feed.batch();
        batch.set(&namespace("web"), 1, Some("/a => /b;".into()));
        batch.commit();
        feed.current();
        let since = Instant::now();
        feed.trouble(since, "refused");
        feed.trouble(since + std::time::Duration::from_secs(5), "refused again");
        let health = view.health().value().unwrap();
        assert_eq!(
            health
                .age(since + std::time::Duration::from_secs(9))
                .map(|age| age.as_secs()),
            Some(9)
        );
        assert_eq!(health.detail().as_deref(), Some("refused again"));
        assert!(
            view.head(&namespace("web"))
                .value()
                .unwrap()
                .stored
                .is_some()
        );
    }

    #[test]
    fn a_text_that_is_no_dtab_keeps_the_last_good_one_and_is_reported() {
        let (feed, view) = Feed::new("test");
        let web = view.head(&namespace("web"));
        for (revision, text, shown) in [
            (1, "/a => /b;", "/a => /b;"),
            (2, "/a ==> b", "/a => /b;"),
            (3, "/a => /c;", "/a => /c;"),
        ] {
            let mut batch = feed.batch();
            assert!(batch.set(&namespace("web"), revision, Some(text.into())));
            batch.commit();
            feed.current();
            let head = web.value().unwrap();
            assert_eq!(
                (head.revision, &**head.stored.as_ref().unwrap().text()),
                (revision, shown)
            );
            assert_eq!(
                view.health()
                    .value()
                    .unwrap()
                    .unparsable
                    .contains_key("web"),
                revision == 2
            );
        }
    }

    #[test]
    fn a_dtab_that_nobody_reads_is_kept_as_text_until_somebody_does() {
        let (feed, view) = Feed::new("test");
        let set = |revision, text: &str| {
            let mut batch = feed.batch();
            assert!(batch.set(&namespace("web"), revision, Some(text.into())));
            batch.commit();
            feed.current();
        };
        set(1, "/a => /b;");
        let web = view.head(&namespace("web"));
        let shown = || web.value().unwrap().stored.clone().unwrap();
        assert!(!shown().is_parsed());
        assert_eq!(shown().dtab().to_string(), "/a=>/b");
        set(2, "/a => /c;");
        assert!(shown().is_parsed(), "a reader need not parse what changes");
        assert_eq!(shown().dtab().to_string(), "/a=>/c");
    }

    #[test]
    fn without_a_last_good_dtab_one_from_history_is_asked_for() {
        let (feed, view) = Feed::new("test");
        let mut batch = feed.batch();
        assert!(!batch.set(&namespace("web"), 7, Some("nonsense".into())));
        batch.fall_back(&namespace("web"), Stored::parse("/a => /b;").unwrap());
        batch.commit();
        feed.current();
        let head = view.head(&namespace("web")).value().unwrap();
        assert_eq!((head.revision, head.stored.is_some()), (7, true));
    }

    #[test]
    fn names_that_do_not_exist_are_remembered_only_while_they_are_read() {
        let (feed, view) = Feed::new("test");
        let mut batch = feed.batch();
        batch.set(&namespace("web"), 1, Some("/a => /b;".into()));
        batch.commit();
        feed.current();
        let probed = view.head(&namespace("probed"));
        for n in 0..10 * SWEEP_MIN {
            view.head(&namespace(&format!("guess-{n}")));
        }
        assert!(lock(&feed.table).slots.len() <= SWEEP_MIN + 2);
        assert!(view.head(&namespace("probed")).is_same(&probed));
        assert_eq!(view.head(&namespace("web")).value().unwrap().revision, 1);
    }
}
