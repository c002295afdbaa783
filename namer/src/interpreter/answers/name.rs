//! One name, and what is published of it.

use std::sync::Arc;

use bytes::Bytes;
use dtab::{DeadBranch, Path};
use live::{Live, Publisher, State};
use mesh::wire;

use super::Asked;
use super::ledger::from_snapshot;
use crate::interpreter::snapshot::{KnownName, KnownTree, Moment, NameKey};
use crate::{Addresses, Binding, BoundTree, Evaluated};

/// What namerd says that a name is bound to.
#[derive(Debug)]
pub(in crate::interpreter) struct Told {
    /// The revision that it follows from; 0 where the protocol does not tell.
    pub(in crate::interpreter) revision: u64,
    /// The tree.
    pub(in crate::interpreter) tree: wire::BoundTree,
    /// Branches of unions that lead nowhere.
    pub(in crate::interpreter) dead: Vec<DeadBranch>,
    /// namerd's digest of the tree; empty where the protocol has none.
    pub(in crate::interpreter) digest: Bytes,
}

/// A name in use.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) asked: Asked,
    out: Publisher<Binding>,
    last: Option<Last>,
    /// The conversation in which namerd last spoke of the name.
    told_in: u64,
    was_unread: bool,
}

/// The last good tree. An equal one of a later revision is the very same allocation, so that readers can tell cheaply
/// that nothing moved.
#[derive(Debug)]
struct Last {
    tree: Arc<BoundTree>,
    dead: Arc<[DeadBranch]>,
    digest: Box<[u8]>,
    /// When this was known; none if it is what namerd said last.
    known_at: Option<Moment>,
}

impl Name {
    pub(super) fn new(asked: Asked) -> (Self, Live<Binding>) {
        let (out, binding) = live::channel();
        let name = Self {
            asked,
            out,
            last: None,
            told_in: 0,
            was_unread: false,
        };
        (name, binding)
    }

    pub(super) fn read(&mut self) -> Live<Binding> {
        self.out.live()
    }

    /// Whether the name is still of use: it was read at this sweep or at the last one.
    pub(super) fn stays(&mut self) -> bool {
        let is_unread = !self.out.is_read();
        !(std::mem::replace(&mut self.was_unread, is_unread) && is_unread)
    }

    /// The digest of the tree that the name is routed by.
    pub(super) fn digest(&self) -> Option<&[u8]> {
        let last = self.last.as_ref()?;
        (!last.digest.is_empty()).then_some(&*last.digest)
    }

    pub(super) fn tree(
        &mut self,
        session: u64,
        told: Told,
        addresses: &mut dyn FnMut(&Path) -> (Path, Live<Addresses>),
    ) {
        let tree = crate::wire::tree_from_wire(&told.tree, addresses);
        let last = match self.last.take() {
            Some(last) if *last.tree == tree && *last.dead == *told.dead => last,
            _ => Last {
                tree: Arc::new(tree),
                dead: shared(told.dead),
                digest: Box::default(),
                known_at: None,
            },
        };
        self.last = Some(Last {
            digest: told.digest.to_vec().into(),
            known_at: None,
            ..last
        });
        self.publish(session, told.revision);
    }

    /// Publishes the last tree under this revision. False if there is none.
    pub(super) fn unchanged(&mut self, session: u64, revision: u64) -> bool {
        self.publish(session, revision);
        self.last.is_some()
    }

    fn publish(&mut self, session: u64, revision: u64) {
        self.told_in = session;
        if let Some(Last { tree, dead, .. }) = &self.last {
            self.out.set(Binding {
                revision,
                outcome: Evaluated::Bound(Arc::clone(tree), Arc::clone(dead)),
            });
        }
    }

    pub(super) fn pending(&mut self, session: u64, revision: u64) {
        self.told_in = session;
        match self.last {
            Some(_) => self.trouble("namerd has no answer yet"),
            None => self.out.set(Binding {
                revision,
                outcome: Evaluated::Pending,
            }),
        }
    }

    /// A name without a dtab behind it, which has no revision, is no answer but trouble.
    pub(super) fn failed(&mut self, session: u64, revision: u64, why: &str) {
        self.told_in = session;
        if self.last.is_some() || revision == 0 {
            return self.trouble(why);
        }
        self.out.set(Binding {
            revision,
            outcome: Evaluated::Failed(why.into()),
        });
    }

    pub(super) fn trouble(&mut self, why: &str) {
        match self.last.as_ref().and_then(|last| last.known_at) {
            Some(known_at) => self.out.fail(from_snapshot(known_at, why)),
            None => self.out.fail(why),
        }
    }

    pub(super) fn key(&self) -> NameKey {
        let Asked { path, overlay } = &self.asked;
        (path.clone(), Arc::clone(&overlay.text))
    }

    pub(super) fn has_tree(&self) -> bool {
        self.last.is_some()
    }

    /// Publishes what was known at an earlier time.
    pub(super) fn restore(
        &mut self,
        known: KnownName,
        why: &str,
        addresses: &mut dyn FnMut(&Path) -> (Path, Live<Addresses>),
    ) {
        let tree = crate::wire::tree_from_wire(&known.tree.to_wire(), addresses);
        self.last = Some(Last {
            tree: Arc::new(tree),
            dead: Arc::default(),
            digest: Box::default(),
            known_at: Some(known.known_at),
        });
        // No conversation spoke of it.
        self.publish(0, known.revision);
        self.trouble(why);
    }

    /// What is known of the name; `heard` is when namerd was last heard.
    pub(super) fn known(&self, heard: Moment) -> Option<KnownName> {
        let last = self.last.as_ref()?;
        Some(KnownName {
            tree: KnownTree::Live(Arc::clone(&last.tree)),
            revision: self.out.now().value()?.revision,
            known_at: last.known_at.unwrap_or(heard),
            used_at: Moment::now(),
        })
    }

    /// Whether the name is routed by a tree of which this conversation has not spoken.
    pub(super) fn is_left_from_before(&self, session: u64) -> bool {
        self.last.is_some() && self.told_in != session
    }

    /// All that follows from this revision was said: what was not is the same under it.
    pub(super) fn mark(&mut self, session: u64, revision: u64) {
        if self.told_in != session {
            return;
        }
        let State::Ready(binding) = &*self.out.now() else {
            return;
        };
        if binding.revision < revision {
            self.out.set(Binding {
                revision,
                outcome: binding.outcome.clone(),
            });
        }
    }
}

/// Nothing takes no room.
fn shared(dead: Vec<DeadBranch>) -> Arc<[DeadBranch]> {
    match dead.is_empty() {
        true => Arc::default(),
        false => dead.into(),
    }
}
