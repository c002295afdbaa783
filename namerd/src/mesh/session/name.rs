//! The names that a router subscribed to, and what it was told of each.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use dtab::{Alternatives, DeadBranch, Dtab, Path};
use live::{Live, State};
use mesh::v1::{self, Subscribe, Update, to_router, update};
use mesh::wire::Malformed;
use namer::{Binder, Binding, BoundTree, Evaluated};

use super::follow::Followed;
use crate::namespaces::Namespaces;

/// What a router asks to be told.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    id: u64,
    /// The namespace whose dtab binds the name.
    pub(super) namespace: String,
    name: Path,
    dtab: Dtab,
    alternatives: Alternatives,
}

impl Subscription {
    /// Reads the message; the error is told to the router as a failed update.
    pub(super) fn read(message: &Subscribe) -> Result<Self, String> {
        let read = || -> Result<_, Malformed> {
            let root = message.root.as_ref().ok_or(Malformed::Missing("root"))?;
            let name = message.name.as_ref().ok_or(Malformed::Missing("name"))?;
            let dtab = message.dtab.as_ref().map(Dtab::try_from).transpose()?;
            Ok((
                Path::try_from(root)?,
                Path::try_from(name)?,
                dtab.unwrap_or_else(Dtab::empty),
            ))
        };
        let (root, name, dtab) = read().map_err(|malformed| malformed.to_string())?;
        let [namespace] = root.segments() else {
            return Err(format!(
                "Invalid root: `{root}` must have exactly one segment"
            ));
        };
        let namespace = namespace.to_str_lossy().into_owned();
        Ok(Self {
            id: message.id,
            namespace,
            name,
            dtab,
            alternatives: match message.alternatives {
                true => Alternatives::All,
                false => Alternatives::FirstOnly,
            },
        })
    }

    /// Binds the name. A namespace with a name that none can have binds with an empty dtab, like one that does not exist.
    pub(super) fn bind(&self, namespaces: &Namespaces) -> (Arc<Binder>, Live<Binding>) {
        let binder = match self.namespace.parse() {
            Ok(namespace) => namespaces.binder(&namespace),
            Err(_) => Arc::clone(namespaces.concrete()),
        };
        let binding = binder.bind_with(&self.name, &self.dtab, self.alternatives);
        (binder, binding)
    }
}

/// The digests of the trees that a router still has from before, by what they answer.
#[derive(Debug, Default)]
pub(super) struct Held {
    digests: HashMap<(String, Path, String), Bytes>,
}

impl Held {
    /// Reads what the hello says; what is malformed is not held.
    pub(super) fn read(held: &[v1::Held]) -> Self {
        let entry = |held: &v1::Held| {
            let subscription = Subscription::read(&Subscribe {
                id: 0,
                root: held.root.clone(),
                name: held.path.clone(),
                dtab: held.dtab.clone(),
                // Trees with other alternatives have another digest.
                alternatives: false,
            });
            Some((Self::key(&subscription.ok()?), held.digest.clone()))
        };
        Self {
            digests: held.iter().filter_map(entry).collect(),
        }
    }

    fn take(&mut self, subscription: &Subscription) -> Option<Bytes> {
        if self.digests.is_empty() {
            return None;
        }
        self.digests.remove(&Self::key(subscription))
    }

    fn key(subscription: &Subscription) -> (String, Path, String) {
        let Subscription {
            namespace,
            name,
            dtab,
            ..
        } = subscription;
        (namespace.clone(), name.clone(), dtab.to_string())
    }
}

/// What is to be said about a name.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether the router's receipts so far no longer say all.
    pub(super) is_news: bool,
    pub(super) namespace: String,
    pub(super) messages: Vec<to_router::Message>,
}

/// The names of a session, by the id of their subscription.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_id: HashMap<u64, Name>,
    held: Held,
}

#[derive(Debug)]
struct Name {
    namespace: String,
    /// Bindings last as long as their binder.
    _binder: Arc<Binder>,
    /// The revision that was told; none before the first answer. While the router is left with the tree of an earlier one,
    /// it is that.
    revision: Option<u64>,
    /// Whether the router has a tree, which it keeps as long as there is no other answer.
    has_tree: bool,
    said: Said,
    /// The ids whose addresses the told tree needs.
    ids: Vec<Path>,
    held: Option<Bytes>,
}

/// What was said last.
#[derive(Debug, PartialEq)]
enum Said {
    Nothing,
    Pending,
    Failed(Arc<str>),
    Tree(Sent),
}

/// A tree that was told; an equal one of a later revision is the same allocation.
#[derive(Debug)]
struct Sent(Arc<BoundTree>, Arc<[DeadBranch]>);

impl PartialEq for Sent {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) && Arc::ptr_eq(&self.1, &other.1)
    }
}

impl Names {
    pub(super) fn new(held: Held) -> Self {
        Self {
            by_id: HashMap::new(),
            held,
        }
    }

    /// Follows a name. An id that is used again replaces what it meant.
    pub(super) fn add(
        &mut self,
        subscription: Subscription,
        followed: &mut Followed,
        (binder, binding): (Arc<Binder>, Live<Binding>),
    ) {
        self.remove(subscription.id, followed);
        let held = self.held.take(&subscription);
        let name = Name {
            has_tree: held.is_some(),
            held,
            namespace: subscription.namespace,
            _binder: binder,
            revision: None,
            said: Said::Nothing,
            ids: Vec::new(),
        };
        self.by_id.insert(subscription.id, name);
        followed.name(subscription.id, binding);
    }

    /// Lets a name go; answers its namespace.
    pub(super) fn remove(&mut self, id: u64, followed: &mut Followed) -> Option<String> {
        let name = self.by_id.remove(&id)?;
        followed.give_up_name(id);
        name.ids
            .iter()
            .for_each(|id| followed.release_addresses(id));
        Some(name.namespace)
    }

    /// Whether every name of a namespace was told at this revision or a later one.
    pub(super) fn are_told(&self, namespace: &str, revision: u64) -> bool {
        let mut names = self
            .by_id
            .values()
            .filter(|name| name.namespace == namespace);
        names.all(|name| name.revision.is_some_and(|told| told >= revision))
    }

    /// What is to be said now that a binding has changed.
    pub(super) fn tell(
        &mut self,
        id: u64,
        binding: &Live<Binding>,
        followed: &mut Followed,
    ) -> Told {
        let Some(name) = self.by_id.get_mut(&id) else {
            return Told::default();
        };
        let mut told = Told {
            namespace: name.namespace.clone(),
            ..Told::default()
        };
        match &*binding.now() {
            State::Pending => {}
            // There never was a dtab: no revision either.
            State::Failed(failure) => name.say(Said::Failed(Arc::clone(&failure.reason)), || {
                told.messages.push(failed(id, 0, &failure.reason));
            }),
            State::Ready(binding) | State::Stale(binding, _) => {
                told.is_news = name.revision.is_none();
                let is_kept = name.has_tree && matches!(binding.outcome, Evaluated::Pending);
                if !is_kept {
                    name.revision = Some(binding.revision);
                }
                told.is_news |= name.tell(id, binding, followed, &mut told.messages);
            }
        }
        told
    }
}

impl Name {
    /// Says something unless it was said last.
    fn say(&mut self, said: Said, say: impl FnOnce()) {
        if self.said != said {
            self.said = said;
            say();
        }
    }

    /// Adds what is to be said of a binding; true if that is news.
    fn tell(
        &mut self,
        id: u64,
        binding: &Binding,
        followed: &mut Followed,
        messages: &mut Vec<to_router::Message>,
    ) -> bool {
        let before = messages.len();
        let revision = binding.revision;
        match &binding.outcome {
            Evaluated::Pending => self.say(Said::Pending, || {
                let pending = update::State::Pending(v1::Pending {});
                messages.push(update(id, revision, pending, Bytes::new()));
            }),
            Evaluated::Failed(why) => self.say(Said::Failed(Arc::clone(why)), || {
                messages.push(failed(id, revision, why));
            }),
            Evaluated::Bound(tree, dead) => {
                let said = Said::Tree(Sent(Arc::clone(tree), Arc::clone(dead)));
                if self.said != said {
                    self.said = said;
                    self.has_tree = true;
                    messages.extend(self.addresses(tree, followed));
                    messages.push(self.tree(id, revision, tree, dead));
                }
            }
        }
        messages.len() > before
    }

    /// The addresses that the tree needs and that the router was not told; it is told them before the tree.
    fn addresses(&mut self, tree: &BoundTree, followed: &mut Followed) -> Vec<to_router::Message> {
        let concrete = namer::wire::concrete_names(tree);
        let ids = concrete.iter().map(|(id, _)| id.clone()).collect();
        let told = concrete.iter().filter_map(|(id, addresses)| {
            let now = followed.use_addresses(id, addresses)?;
            let said = namer::wire::addresses_to_wire(&now);
            Some(to_router::Message::Addresses(said.message(id)))
        });
        let messages = told.collect();
        // Only now, so that what both trees need is followed throughout.
        for id in std::mem::replace(&mut self.ids, ids) {
            followed.release_addresses(&id);
        }
        messages
    }

    fn tree(
        &mut self,
        id: u64,
        revision: u64,
        tree: &BoundTree,
        dead: &[DeadBranch],
    ) -> to_router::Message {
        let root = match v1::BoundTree::try_from(&namer::wire::tree_to_wire(tree)) {
            Ok(root) => root,
            Err(malformed) => return failed(id, revision, &malformed.to_string()),
        };
        let dead = dead.iter().map(|branch| v1::DeadBranch {
            path: Some((&branch.path).into()),
            share: branch.share,
        });
        let message = v1::Tree {
            root: Some(root),
            dead: dead.collect(),
            pending_branches: 0,
        };
        let digest = mesh::digest::of_tree(&message);
        if self.held.take().is_some_and(|held| held == digest) {
            return update(
                id,
                revision,
                update::State::Unchanged(v1::Unchanged {}),
                digest,
            );
        }
        update(id, revision, update::State::Tree(message), digest)
    }
}

/// The update that says why there is no answer.
pub(super) fn failed(id: u64, revision: u64, why: &str) -> to_router::Message {
    let state = update::State::Failed(v1::Failed {
        message: why.to_owned(),
    });
    update(id, revision, state, Bytes::new())
}

fn update(id: u64, revision: u64, state: update::State, digest: Bytes) -> to_router::Message {
    to_router::Message::Update(Update {
        subscription: id,
        revision,
        state: Some(state),
        digest,
        stale: None,
    })
}
