//! What a namerd far away said: of the names that are in use, and of the bound names in them.
//!
//! Whoever talks with namerd writes here, in the order in which it hears; whoever binds a name reads what is published.
//! Nothing here waits for the network. There is no task for a name: what nobody reads any more is found by a sweep.

mod name;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dtab::{Dtab, Path};
use live::{Live, Publisher};
use mesh::linkerd;
use mesh::wire::{self, Malformed};
use tokio::sync::Notify;
use tokio::time::Instant;

use name::Name;
pub(super) use name::Told;

use super::follow::{self, Question, Said};
use super::status::{ConnectionStatus, Link};
use crate::{Addresses, Binding};

/// Names a name in use. Never used again for another one.
pub(super) type NameId = u64;

/// What is shared by those who bind names, and those who talk with namerd.
#[derive(Debug)]
pub(super) struct Answers {
    ledger: Mutex<Ledger>,
    /// Told when there are orders.
    pub(super) ordered: Notify,
    /// Told when names begin to wait for answers.
    pub(super) waiting: Notify,
}

impl Answers {
    pub(super) fn new() -> Self {
        let ledger = Ledger {
            unanswered_since: Some(Instant::now()),
            ..Ledger::default()
        };
        Self {
            ledger: Mutex::new(ledger),
            ordered: Notify::new(),
            waiting: Notify::new(),
        }
    }

    /// To be held for a few lines only.
    pub(super) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a path is bound to with the namespace's dtab and this one behind it.
    pub(super) fn bind(&self, path: &Path, dtab: &Dtab) -> Live<Binding> {
        let text = match dtab.is_empty() {
            true => Arc::from(""),
            false => Arc::from(dtab.to_string()),
        };
        let (binding, is_new) = self.lock().bind(path, dtab, text);
        if is_new {
            self.ordered.notify_one();
        }
        binding
    }

    /// Another conversation begins; it is to ask for all of these.
    pub(super) fn begin_session(&self) -> Vec<Order> {
        let orders = self.lock().begin_session();
        self.waiting.notify_one();
        orders
    }

    /// The conversation is over.
    pub(super) fn end_session(&self) {
        self.lock().end_session();
        self.waiting.notify_one();
    }

    /// Forgets what nobody has read since the last sweep but one.
    pub(super) fn sweep(&self) {
        if self.lock().sweep() {
            self.ordered.notify_one();
        }
    }
}

/// What namerd is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// What a name is bound to.
    Name(NameId),
    /// Where a bound name can be reached. Only for protocols that do not tell unasked.
    Addresses(Path),
}

/// What is to be asked, or no longer.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// From now on.
    Ask(Subject),
    /// No longer.
    Drop(Subject),
}

/// A dtab that comes after the namespace's, shared by all names that are bound with it.
#[derive(Debug)]
pub(super) struct Overlay {
    /// As text, which is what makes two the same.
    pub(super) text: Arc<str>,
    /// As the mesh carries it.
    pub(super) message: Result<linkerd::Dtab, Malformed>,
}

/// A name as it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: Path,
    pub(super) overlay: Arc<Overlay>,
}

/// The names in use and the bound names in them.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    ids: HashMap<Arc<str>, Ids>,
    names: HashMap<NameId, Name>,
    addresses: HashMap<Path, Address>,
    last_id: NameId,
    /// None while nobody talks with namerd: a new session asks for everything anyway.
    orders: Option<Vec<Order>>,
    /// Counts the conversations with namerd.
    session: u64,
    /// Why names can't be brought up to date, while they can't.
    trouble: Option<Arc<str>>,
    /// Since when nothing was said although names wait for it; none once that is known as trouble.
    unanswered_since: Option<Instant>,
    /// The connection.
    pub(super) link: Link,
}

/// The names that are bound with one overlay.
#[derive(Debug)]
struct Ids {
    overlay: Arc<Overlay>,
    by_path: HashMap<Path, NameId>,
}

#[derive(Debug)]
struct Address {
    out: Publisher<Addresses>,
    was_unread: bool,
}

/// Names.
impl Ledger {
    fn bind(&mut self, path: &Path, dtab: &Dtab, text: Arc<str>) -> (Live<Binding>, bool) {
        let ids = self.ids.entry(text).or_insert_with_key(|text| Ids {
            overlay: Arc::new(Overlay {
                text: Arc::clone(text),
                message: dtab.try_into(),
            }),
            by_path: HashMap::new(),
        });
        let known = ids.by_path.get(path).and_then(|id| self.names.get_mut(id));
        if let Some(name) = known {
            return (name.read(), false);
        }
        self.last_id += 1;
        ids.by_path.insert(path.clone(), self.last_id);
        let asked = Asked {
            path: path.clone(),
            overlay: Arc::clone(&ids.overlay),
        };
        let (mut name, binding) = Name::new(asked);
        if let Some(trouble) = &self.trouble {
            name.trouble(trouble);
        }
        self.names.insert(self.last_id, name);
        if let Some(orders) = &mut self.orders {
            orders.push(Order::Ask(Subject::Name(self.last_id)));
        }
        (binding, true)
    }

    /// A name as it is to be asked for; none when nobody wants it any more.
    pub(super) fn asked(&self, id: NameId) -> Option<&Asked> {
        self.names.get(&id).map(|name| &name.asked)
    }

    /// The trees that are still known from before, with the digests that namerd gave them.
    pub(super) fn held(&self) -> impl Iterator<Item = (&Asked, &[u8])> {
        let names = self.names.values();
        names.filter_map(|name| Some((&name.asked, name.digest()?)))
    }

    /// namerd says what a name is bound to.
    pub(super) fn tree(&mut self, id: NameId, told: Told) {
        let Some(name) = self.names.get_mut(&id) else {
            return;
        };
        let addresses = &mut self.addresses;
        let orders = &mut self.orders;
        name.tree(self.session, told, &mut |id| {
            let known = addresses.entry(id.clone()).or_insert_with(|| {
                orders
                    .iter_mut()
                    .for_each(|orders| orders.push(Order::Ask(Subject::Addresses(id.clone()))));
                Address::new()
            });
            known.out.live()
        });
    }

    /// namerd says that the tree of the digest in the hello is still right. False if there is no such tree.
    pub(super) fn unchanged(&mut self, id: NameId, revision: u64) -> bool {
        let session = self.session;
        let name = self.names.get_mut(&id);
        name.is_none_or(|name| name.unchanged(session, revision))
    }

    /// namerd has no answer yet.
    pub(super) fn pending(&mut self, id: NameId, revision: u64) {
        if let Some(name) = self.names.get_mut(&id) {
            name.pending(self.session, revision);
        }
    }

    /// namerd says that a name can't be bound.
    pub(super) fn failed(&mut self, id: NameId, revision: u64, why: &str) {
        if let Some(name) = self.names.get_mut(&id) {
            name.failed(self.session, revision, why);
        }
    }

    /// Everything that follows from this revision was said. True if names are now routed by it: none by what an earlier
    /// conversation left.
    pub(super) fn mark(&mut self, revision: u64) -> bool {
        let session = self.session;
        if self
            .names
            .values()
            .any(|name| name.is_left_from_before(session))
        {
            return false;
        }
        self.names
            .values_mut()
            .for_each(|name| name.mark(session, revision));
        self.link.revision = Some(revision);
        self.confirmed();
        true
    }

    /// How many names are routed, and a digest of what they are routed by.
    ///
    /// It is the same for routers of one version that route the same names alike.
    pub(super) fn digest(&self) -> (u64, [u8; 8]) {
        let mut routed: Vec<_> = self
            .names
            .values()
            .filter_map(|name| {
                let Asked { path, overlay } = &name.asked;
                Some((path, &overlay.text, name.digest()?))
            })
            .collect();
        routed.sort_unstable();
        let mut hasher = DefaultHasher::new();
        routed.hash(&mut hasher);
        (routed.len() as u64, hasher.finish().to_be_bytes())
    }
}

/// Names and addresses alike.
impl Ledger {
    /// What is to be asked; none when nobody wants to know any more.
    pub(super) fn question(&self, subject: &Subject) -> Option<Question> {
        match subject {
            Subject::Name(id) => self.asked(*id).cloned().map(Question::Name),
            Subject::Addresses(id) => {
                let is_known = self.addresses.contains_key(id);
                is_known.then(|| Question::Addresses(id.clone()))
            }
        }
    }

    /// namerd answers a question.
    pub(super) fn take(&mut self, subject: &Subject, said: Said) {
        match (subject, said) {
            (Subject::Name(id), Said::Tree(tree, samples)) => {
                self.tree(*id, follow::told(tree));
                for (id, addresses) in samples {
                    self.sampled(&id, addresses);
                }
            }
            (Subject::Addresses(id), Said::Addresses(said)) => self.addresses(id.clone(), said),
            // A stream says what it was opened for.
            (Subject::Name(_), Said::Addresses(_)) | (Subject::Addresses(_), Said::Tree(..)) => {}
        }
    }

    /// What was said is not up to date, or has no meaning; what was known stays.
    pub(super) fn stale(&mut self, subject: &Subject, why: &str) {
        match subject {
            Subject::Name(id) => {
                if let Some(name) = self.names.get_mut(id) {
                    name.trouble(why);
                }
            }
            Subject::Addresses(id) => {
                if let Some(known) = self.addresses.get_mut(id) {
                    known.out.fail(why);
                }
            }
        }
    }
}

/// Addresses.
impl Ledger {
    /// namerd says where a bound name's endpoints are.
    pub(super) fn addresses(&mut self, id: Path, said: wire::Addresses) {
        let known = self.addresses.entry(id).or_insert_with(Address::new);
        crate::wire::publish_addresses(said, &mut known.out);
    }

    /// What is said of addresses by the way: it counts only if nothing is known.
    fn sampled(&mut self, id: &Path, said: wire::Addresses) {
        if let Some(known) = self.addresses.get_mut(id)
            && known.out.now().is_pending()
        {
            crate::wire::publish_addresses(said, &mut known.out);
        }
    }

    /// Where a bound name's endpoints are, if it is in use.
    pub(super) fn known_addresses(&mut self, id: &Path) -> Option<Live<Addresses>> {
        self.addresses.get_mut(id).map(|known| known.out.live())
    }
}

/// The conversation as a whole.
impl Ledger {
    fn begin_session(&mut self) -> Vec<Order> {
        self.session += 1;
        self.unanswered_since = Some(Instant::now());
        self.orders = Some(Vec::new());
        let names = self.names.keys().map(|id| Subject::Name(*id));
        let addresses = self.addresses.keys().cloned().map(Subject::Addresses);
        names.chain(addresses).map(Order::Ask).collect()
    }

    fn end_session(&mut self) {
        self.orders = None;
        if self.trouble.is_none() {
            self.unanswered_since = Some(Instant::now());
        }
        self.link.namerd = None;
    }

    /// What has come up since the last call.
    pub(super) fn take_orders(&mut self) -> Vec<Order> {
        self.orders.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Names can't be brought up to date. What is known stays, and is known to be stale.
    pub(super) fn trouble(&mut self, why: &str) {
        if self.trouble.as_deref() == Some(why) {
            return;
        }
        self.trouble = Some(why.into());
        self.names.values_mut().for_each(|name| name.trouble(why));
        self.addresses
            .values_mut()
            .for_each(|known| known.out.fail(why));
    }

    /// namerd answers: what it has not said yet is not trouble.
    pub(super) fn confirmed(&mut self) {
        self.trouble = None;
        self.unanswered_since = None;
    }

    /// namerd goes on answering.
    pub(super) fn goes_on(&mut self) {
        self.unanswered_since = self.unanswered_since.map(|_| Instant::now());
    }

    /// Since when names wait although nothing is said.
    pub(super) fn unanswered_since(&self) -> Option<Instant> {
        self.unanswered_since
    }

    /// Nothing was said for too long.
    pub(super) fn unanswered(&mut self) {
        self.unanswered_since = None;
        if self.trouble.is_none() {
            self.trouble("namerd has not answered yet");
        }
    }

    /// Why nobody can be asked.
    pub(super) fn why_unavailable(&self) -> String {
        let trouble = self.trouble.as_deref();
        trouble.unwrap_or("not connected to namerd").to_owned()
    }

    /// How it stands with namerd.
    pub(super) fn status(&self) -> ConnectionStatus {
        ConnectionStatus {
            namerd: self.link.namerd.clone(),
            trouble: self.trouble.clone(),
            heard_ago: self.link.heard_ago(),
            revision: self.link.revision,
            newest_revision: self.link.newest_revision,
            names: self.names.len(),
        }
    }

    /// Forgets names and addresses that nobody has read since the last sweep but one. True if there are orders.
    fn sweep(&mut self) -> bool {
        let mut dropped = Vec::new();
        let ids = &mut self.ids;
        self.names.retain(|id, name| {
            let stays = name.stays();
            if !stays {
                let Asked { path, overlay } = &name.asked;
                if let Some(ids) = ids.get_mut(&overlay.text) {
                    ids.by_path.remove(path);
                }
                dropped.push(Order::Drop(Subject::Name(*id)));
            }
            stays
        });
        self.ids.retain(|_, ids| !ids.by_path.is_empty());
        self.addresses.retain(|id, known| {
            let stays = known.out.is_read() || !known.was_unread;
            known.was_unread = !known.out.is_read();
            if !stays {
                dropped.push(Order::Drop(Subject::Addresses(id.clone())));
            }
            stays
        });
        let has_orders = !dropped.is_empty();
        if let Some(orders) = &mut self.orders {
            orders.extend(dropped);
        }
        has_orders
    }
}

impl Address {
    fn new() -> Self {
        Self {
            out: live::channel().0,
            was_unread: false,
        }
    }
}
