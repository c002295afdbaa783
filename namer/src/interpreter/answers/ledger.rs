//! The names in use, the bound names in them, and what is published of both.

mod past;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use dtab::{Dtab, Path};
use live::{Live, Publisher};
use mesh::wire;
use tokio::time::Instant;

pub(super) use self::past::from_snapshot;
use super::name::{Name, Told};
use super::{Asked, NameId, Order, Overlay, Subject};
use crate::interpreter::follow::{self, Question, Said};
use crate::interpreter::snapshot::{Moment, Snapshot};
use crate::interpreter::status::{ConnectionStatus, Link};
use crate::{Addresses, Binding};

/// The names in use and the bound names in them.
#[derive(Debug, Default)]
pub(in crate::interpreter) struct Ledger {
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
    /// What is known of names that are not in use; none while nothing is to be kept.
    past: Option<Arc<Snapshot>>,
    /// Whether something changed since the last snapshot.
    is_changed: bool,
    /// The connection.
    pub(in crate::interpreter) link: Link,
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
    /// When this was known; none if it is what namerd said last.
    known_at: Option<Moment>,
}

/// Names.
impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            unanswered_since: Some(Instant::now()),
            ..Self::default()
        }
    }

    pub(super) fn bind(
        &mut self,
        path: &Path,
        dtab: &Dtab,
        text: Arc<str>,
    ) -> (Live<Binding>, bool) {
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
        if let Some(trouble) = self.trouble.clone() {
            self.restore(self.last_id, &trouble);
        }
        if let Some(orders) = &mut self.orders {
            orders.push(Order::Ask(Subject::Name(self.last_id)));
        }
        (binding, true)
    }

    /// A name as it is to be asked for; none when nobody wants it any more.
    pub(in crate::interpreter) fn asked(&self, id: NameId) -> Option<&Asked> {
        self.names.get(&id).map(|name| &name.asked)
    }

    /// The trees that are still known from before, with the digests that namerd gave them.
    pub(in crate::interpreter) fn held(&self) -> impl Iterator<Item = (&Asked, &[u8])> {
        let names = self.names.values();
        names.filter_map(|name| Some((&name.asked, name.digest()?)))
    }

    /// namerd says what a name is bound to.
    pub(in crate::interpreter) fn tree(&mut self, id: NameId, told: Told) {
        let Some(name) = self.names.get_mut(&id) else {
            return;
        };
        self.is_changed = true;
        let (addresses, orders) = (&mut self.addresses, &mut self.orders);
        name.tree(self.session, told, &mut |id| {
            let (id, known) = live_addresses(addresses, orders, id);
            (id, known.out.live())
        });
    }

    /// namerd says that the tree of the digest in the hello is still right. False if there is no such tree.
    pub(in crate::interpreter) fn unchanged(&mut self, id: NameId, revision: u64) -> bool {
        let session = self.session;
        let name = self.names.get_mut(&id);
        name.is_none_or(|name| name.unchanged(session, revision))
    }

    /// namerd has no answer yet.
    pub(in crate::interpreter) fn pending(&mut self, id: NameId, revision: u64) {
        if let Some(name) = self.names.get_mut(&id) {
            name.pending(self.session, revision);
        }
    }

    /// namerd says that a name can't be bound.
    pub(in crate::interpreter) fn failed(&mut self, id: NameId, revision: u64, why: &str) {
        if revision == 0 {
            // There is no dtab behind it: no answer at all.
            self.restore(id, why);
        }
        if let Some(name) = self.names.get_mut(&id) {
            name.failed(self.session, revision, why);
        }
    }

    /// Everything that follows from this revision was said. True if names are now routed by it: none by what an earlier
    /// conversation left.
    pub(in crate::interpreter) fn mark(&mut self, revision: u64) -> bool {
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
    pub(in crate::interpreter) fn digest(&self) -> (u64, [u8; 8]) {
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
    pub(in crate::interpreter) fn question(&self, subject: &Subject) -> Option<Question> {
        match subject {
            Subject::Name(id) => self.asked(*id).cloned().map(Question::Name),
            Subject::Addresses(id) => {
                let is_known = self.addresses.contains_key(id);
                is_known.then(|| Question::Addresses(id.clone()))
            }
        }
    }

    /// namerd answers a question.
    pub(in crate::interpreter) fn take(&mut self, subject: &Subject, said: Said) {
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
    pub(in crate::interpreter) fn stale(&mut self, subject: &Subject, why: &str) {
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
    pub(in crate::interpreter) fn addresses(&mut self, id: Path, said: wire::Addresses) {
        let known = self.addresses.entry(id).or_insert_with(Address::new);
        if matches!(said, wire::Addresses::Bound(_) | wire::Addresses::Neg) {
            known.known_at = None;
            self.is_changed = true;
        }
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
    pub(in crate::interpreter) fn known_addresses(&mut self, id: &Path) -> Option<Live<Addresses>> {
        self.addresses.get_mut(id).map(|known| known.out.live())
    }
}

/// The conversation as a whole.
impl Ledger {
    pub(super) fn begin_session(&mut self) -> Vec<Order> {
        self.session += 1;
        self.unanswered_since = Some(Instant::now());
        self.orders = Some(Vec::new());
        let names = self.names.keys().map(|id| Subject::Name(*id));
        let addresses = self.addresses.keys().cloned().map(Subject::Addresses);
        names.chain(addresses).map(Order::Ask).collect()
    }

    pub(super) fn end_session(&mut self) {
        self.orders = None;
        if self.trouble.is_none() {
            self.unanswered_since = Some(Instant::now());
        }
        self.link.namerd = None;
    }

    /// What has come up since the last call.
    pub(in crate::interpreter) fn take_orders(&mut self) -> Vec<Order> {
        self.orders.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Names can't be brought up to date. What is known stays, and is known to be stale.
    pub(in crate::interpreter) fn trouble(&mut self, why: &str) {
        if self.trouble.as_deref() == Some(why) {
            return;
        }
        self.trouble = Some(why.into());
        self.names.values_mut().for_each(|name| name.trouble(why));
        self.addresses
            .values_mut()
            .for_each(|known| known.out.fail(why));
        self.restore_all(why);
    }

    /// namerd answers: what it has not said yet is not trouble.
    pub(in crate::interpreter) fn confirmed(&mut self) {
        self.trouble = None;
        self.unanswered_since = None;
    }

    /// namerd goes on answering.
    pub(in crate::interpreter) fn goes_on(&mut self) {
        self.unanswered_since = self.unanswered_since.map(|_| Instant::now());
    }

    /// Since when names wait although nothing is said.
    pub(in crate::interpreter) fn unanswered_since(&self) -> Option<Instant> {
        self.unanswered_since
    }

    /// Nothing was said for too long.
    pub(in crate::interpreter) fn unanswered(&mut self) {
        self.unanswered_since = None;
        if self.trouble.is_none() {
            self.trouble("namerd has not answered yet");
        }
    }

    /// Whether somebody serves.
    pub(in crate::interpreter) fn is_served(&self) -> bool {
        self.link.namerd.is_some()
    }

    /// Why nobody can be asked.
    pub(in crate::interpreter) fn why_unavailable(&self) -> String {
        let trouble = self.trouble.as_deref();
        trouble.unwrap_or("not connected to namerd").to_owned()
    }

    /// How it stands with namerd.
    pub(in crate::interpreter) fn status(&self) -> ConnectionStatus {
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
    pub(super) fn sweep(&mut self) -> bool {
        let unread: Vec<_> = self
            .names
            .iter_mut()
            .filter_map(|(id, name)| (!name.stays()).then_some(*id))
            .collect();
        for id in &unread {
            if let Some(Asked { path, overlay }) = self.asked(*id).cloned()
                && let Some(ids) = self.ids.get_mut(&overlay.text)
            {
                ids.by_path.remove(&path);
            }
            self.archive(*id);
        }
        self.ids.retain(|_, ids| !ids.by_path.is_empty());
        let unread_addresses: Vec<_> = self
            .addresses
            .iter_mut()
            .filter_map(|(id, known)| (!known.stays()).then(|| id.clone()))
            .collect();
        for id in &unread_addresses {
            self.archive_addresses(id.clone());
        }
        if let Some(past) = self.past.as_mut().filter(|past| past.is_too_large()) {
            Arc::make_mut(past).prune();
        }
        self.shrink();
        let names = unread.into_iter().map(Subject::Name);
        let addresses = unread_addresses.into_iter().map(Subject::Addresses);
        let dropped: Vec<_> = names.chain(addresses).map(Order::Drop).collect();
        let has_orders = !dropped.is_empty();
        if let Some(orders) = &mut self.orders {
            orders.extend(dropped);
        }
        has_orders
    }
}

/// Room.
impl Ledger {
    /// Lets go of room that many names needed which were in use for a moment only.
    fn shrink(&mut self) {
        self.names.shrink_to(self.names.len() * 2);
        self.addresses.shrink_to(self.addresses.len() * 2);
        for ids in self.ids.values_mut() {
            ids.by_path.shrink_to(ids.by_path.len() * 2);
        }
    }
}

impl Address {
    /// Whether the addresses are still of use: they were read at this sweep or at the last one.
    fn stays(&mut self) -> bool {
        let is_unread = !self.out.is_read();
        !(std::mem::replace(&mut self.was_unread, is_unread) && is_unread)
    }

    fn new() -> Self {
        Self {
            out: live::channel().0,
            was_unread: false,
            known_at: None,
        }
    }
}

/// The addresses of a bound name, to be asked for if they are new, and the id that they are kept by.
fn live_addresses<'a>(
    addresses: &'a mut HashMap<Path, Address>,
    orders: &mut Option<Vec<Order>>,
    id: &Path,
) -> (Path, &'a mut Address) {
    let entry = addresses.entry(id.clone());
    let id = entry.key().clone();
    let known = entry.or_insert_with(|| {
        if let Some(orders) = orders {
            orders.push(Order::Ask(Subject::Addresses(id.clone())));
        }
        Address::new()
    });
    (id, known)
}
