//! What was known at an earlier time, and what is to be known at a later one.

use std::sync::Arc;

use dtab::Path;

use super::{Address, Ledger, NameId, live_addresses};
use crate::interpreter::snapshot::{KnownAddresses, KnownName, KnownTree, Moment, Snapshot, Taken};

impl Ledger {
    /// Takes what was known at an earlier time. Names that were never answered are answered from it while there is
    /// trouble.
    pub(in crate::interpreter) fn remember(&mut self, past: Snapshot) {
        Arc::make_mut(self.past.get_or_insert_default()).add_older(past);
        if let Some(trouble) = self.trouble.clone() {
            self.restore_all(&trouble);
        }
    }

    /// Answers all names that were never answered.
    pub(super) fn restore_all(&mut self, why: &str) {
        if self.past.as_ref().is_none_or(|past| past.names.is_empty()) {
            return;
        }
        let ids: Vec<_> = self.names.keys().copied().collect();
        ids.into_iter().for_each(|id| self.restore(id, why));
    }

    /// Answers a name that was never answered, if it was known at an earlier time.
    pub(super) fn restore(&mut self, id: NameId, why: &str) {
        let Self {
            names,
            past: Some(past),
            addresses,
            orders,
            ..
        } = self
        else {
            return;
        };
        let Some(name) = names.get_mut(&id).filter(|name| !name.has_tree()) else {
            return;
        };
        if !past.names.contains_key(&name.key()) {
            return;
        }
        let past = Arc::make_mut(past);
        let Some(known) = past.names.remove(&name.key()) else {
            return;
        };
        name.restore(known, why, &mut |id| {
            let (id, live) = live_addresses(addresses, orders, id);
            if live.out.now().value().is_none()
                && let Some(known) = past.addresses.remove(&id)
            {
                live.restore(known, why);
            }
            (id, live.out.live())
        });
    }

    /// Keeps what is known of a name that goes out of use.
    pub(super) fn archive(&mut self, id: NameId) {
        let heard = self.heard();
        let Some(name) = self.names.remove(&id) else {
            return;
        };
        let Some(past) = &mut self.past else { return };
        if let Some(known) = name.known(heard) {
            // Live addresses must not be held by what nobody uses.
            let tree = KnownTree::Past(known.tree.to_wire());
            let known = KnownName { tree, ..known };
            Arc::make_mut(past).names.insert(name.key(), known);
            self.is_changed = true;
        }
    }

    /// Keeps what is known of addresses that go out of use.
    pub(super) fn archive_addresses(&mut self, id: Path) {
        let heard = self.heard();
        let Some(address) = self.addresses.remove(&id) else {
            return;
        };
        let Some(past) = &mut self.past else { return };
        if let Some(known) = address.known(heard) {
            Arc::make_mut(past).addresses.insert(id, known);
        }
    }

    /// Whether something changed since the last snapshot.
    pub(in crate::interpreter) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// All that is known. What takes longer than a few lines is left to whoever takes it.
    pub(in crate::interpreter) fn taken(&mut self) -> Taken {
        self.is_changed = false;
        let heard = self.heard();
        let names = self.names.values();
        let names = names.filter_map(|name| Some((name.key(), name.known(heard)?)));
        let addresses = self.addresses.iter();
        let addresses = addresses.filter_map(|(id, known)| Some((id.clone(), known.known(heard)?)));
        Taken {
            names: names.collect(),
            addresses: addresses.collect(),
            past: self.past.clone().unwrap_or_default(),
        }
    }

    /// When namerd was last heard.
    fn heard(&self) -> Moment {
        let ago = self.link.heard_ago();
        Moment::now().before(ago.unwrap_or_default())
    }
}

impl Address {
    fn known(&self, heard: Moment) -> Option<KnownAddresses> {
        Some(KnownAddresses {
            addresses: self.out.now().value()?.clone(),
            known_at: self.known_at.unwrap_or(heard),
        })
    }

    fn restore(&mut self, known: KnownAddresses, why: &str) {
        self.known_at = Some(known.known_at);
        self.out.set((*known.addresses).clone());
        self.out.fail(from_snapshot(known.known_at, why));
    }
}

/// Why something is stale that was known at an earlier time.
pub(in crate::interpreter::answers) fn from_snapshot(known_at: Moment, why: &str) -> String {
    format!(
        "namerd not reachable ({why}); from the snapshot of {} ago",
        known_at.age()
    )
}
