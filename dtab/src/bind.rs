//! Binding: rewriting until only bound names remain.
//!
//! A pure function of a path, a table and what namers answer right now. Whoever keeps a binding live calls it again
//! when something it read has changed. Source: finagle `Namer.bind`, linkerd `ConfiguredNamersInterpreter`.
//!
//! Work is bounded whatever the table says: results are remembered per path and depth, so that `/a => /a & /a` does not
//! double at each step, and there is a budget for what remembering cannot tame (`/a => /a/x & /a/y`).

mod outcome;
mod state;

use std::collections::HashMap;
use std::rc::Rc;

pub use self::outcome::{
    Alternatives, Answer, BindError, BoundOutcome, DeadBranch, Leaf, Name, Outcome, Via,
};
use self::state::{Branch, Found};
pub(crate) use self::state::{Node, State};
use crate::dentry::Dentry;
use crate::dtab::Dtab;
use crate::name_tree::{NameTree, Weighted};
use crate::path::Path;

/// How many lookups in a chain may lead to a bound name; the next one fails, whatever its answer.
pub const MAX_DEPTH: usize = 100;

/// The work for one binding, in nodes looked at and segments copied: far more than any sensible table needs, and some ten milliseconds.
pub(crate) const BUDGET: usize = 200_000;

/// How deeply trees may nest over a whole chain of lookups, so that no table overflows the stack.
const MAX_TREE_DEPTH: usize = 800;

/// Binds a path: looks it up in the table again and again until only bound names are left.
///
/// `namers` is asked for a path only when the table's answer is exactly Neg: no rule matches, or a single one says `~`. It
/// does everything that isn't the table: configured namers by prefix and order, then the built-in ones. Alternatives
/// behind a positive one are not evaluated, so that nobody is asked for names that nothing needs.
pub fn bind<B: Clone + PartialEq>(
    path: &Path,
    dtab: &Dtab,
    namers: &mut dyn FnMut(&Path) -> Answer<B>,
) -> Outcome<B> {
    bind_with(path, dtab, Alternatives::FirstOnly, namers)
}

/// Binds a path like [`bind`], and says which alternatives the tree is to have.
///
/// Where looking at all of them is too much work, the tree has the first ones only: what is wanted beside them costs
/// nobody what [`bind`] finds.
pub fn bind_with<B: Clone + PartialEq>(
    path: &Path,
    dtab: &Dtab,
    alternatives: Alternatives,
    namers: &mut dyn FnMut(&Path) -> Answer<B>,
) -> Outcome<B> {
    if alternatives == Alternatives::All {
        let mut binder = Binder::new(dtab, namers);
        binder.alternatives = alternatives;
        let outcome = binder.outcome(path);
        if !binder.was_too_large {
            return outcome;
        }
    }
    Binder::new(dtab, namers).outcome(path)
}

pub(crate) struct Binder<'a, B> {
    dtab: &'a Dtab,
    namers: &'a mut dyn FnMut(&Path) -> Answer<B>,
    /// What a path came to, by the number of lookups before it.
    pub(crate) known: HashMap<(Path, usize), Rc<State<B>>>,
    pub(crate) budget: usize,
    tree_depth: usize,
    alternatives: Alternatives,
    /// Whether something was too much work, wherever in the tree.
    was_too_large: bool,
}

impl<'a, B: Clone> Binder<'a, B> {
    pub(crate) fn new(dtab: &'a Dtab, namers: &'a mut dyn FnMut(&Path) -> Answer<B>) -> Self {
        Self {
            dtab,
            namers,
            known: HashMap::new(),
            budget: BUDGET,
            tree_depth: 0,
            alternatives: Alternatives::FirstOnly,
            was_too_large: false,
        }
    }

    fn outcome(&mut self, path: &Path) -> Outcome<B>
    where
        B: PartialEq,
    {
        match &*self.path(path, None, 0) {
            State::Pending => Outcome::Pending,
            State::Failed(error) => Outcome::Failed(error.clone()),
            State::Found(found) => match found.unfold(self.budget) {
                Ok(bound) => Outcome::Bound(bound),
                Err(error) => {
                    self.was_too_large = true;
                    Outcome::Failed(error)
                }
            },
        }
    }

    /// Binds a path that `via` led to, after `depth` lookups.
    pub(crate) fn path(
        &mut self,
        path: &Path,
        via: Option<&'a Dentry>,
        depth: usize,
    ) -> Rc<State<B>> {
        if depth == MAX_DEPTH {
            return State::failed(BindError::MaxDepth {
                path: path.clone(),
                via: Via::new(via),
            });
        }
        let key = (path.clone(), depth);
        if let Some(state) = self.known.get(&key) {
            return Rc::clone(state);
        }
        let state = self.step(path, via, depth + 1);
        self.known.insert(key, Rc::clone(&state));
        state
    }

    /// One lookup, and the binding of its answer.
    fn step(&mut self, path: &Path, via: Option<&'a Dentry>, depth: usize) -> Rc<State<B>> {
        let (matches, cost) = self.dtab.matches_with_cost(path);
        if !self.pays(1 + cost / 8) {
            return State::failed(BindError::TooLarge);
        }
        match matches.as_slice() {
            [] => self.ask_namers(path, via, depth),
            [only] if only.dst == NameTree::Neg => self.ask_namers(path, via, depth),
            _ => self.first_positive(matches, |binder, dentry| {
                let residual = path.skip(dentry.prefix.len());
                if !binder.pays(dentry.dst.node_count() * (1 + residual.len() / 8)) {
                    return State::failed(BindError::TooLarge);
                }
                let tree = dentry
                    .dst
                    .map(&mut |prefix| Name::Path(prefix.join(&residual)));
                binder.tree(&tree, Some(dentry), depth)
            }),
        }
    }

    fn ask_namers(&mut self, path: &Path, via: Option<&'a Dentry>, depth: usize) -> Rc<State<B>> {
        match (self.namers)(path) {
            Answer::Pending => Rc::new(State::Pending),
            Answer::Failed(reason) => State::failed(BindError::Namer {
                path: path.clone(),
                reason,
                via: Via::new(via),
            }),
            Answer::Tree(tree) if !self.pays(tree.node_count()) => {
                State::failed(BindError::TooLarge)
            }
            Answer::Tree(tree) => self.tree(&tree, via, depth),
        }
    }

    pub(crate) fn tree(
        &mut self,
        tree: &NameTree<Name<B>>,
        via: Option<&'a Dentry>,
        depth: usize,
    ) -> Rc<State<B>> {
        if self.tree_depth == MAX_TREE_DEPTH {
            self.was_too_large = true;
            return State::failed(BindError::TooLarge);
        }
        self.tree_depth += 1;
        let state = match tree {
            NameTree::Neg => State::found(Node::Neg),
            NameTree::Fail => State::found(Node::Fail),
            NameTree::Empty => State::found(Node::Empty),
            NameTree::Leaf(Name::Bound(bound)) => State::found(Node::Leaf(bound.clone())),
            NameTree::Leaf(Name::Path(path)) => self.path(path, via, depth),
            NameTree::Alt(trees) => {
                self.first_positive(trees, |binder, tree| binder.tree(tree, via, depth))
            }
            NameTree::Union(branches) => self.union(branches, via, depth),
        };
        self.tree_depth -= 1;
        state
    }

    /// An alternative: the first that isn't Neg decides, also if it is Fail, pending or an error.
    fn first_positive<T>(
        &mut self,
        alternatives: impl IntoIterator<Item = T>,
        mut evaluate: impl FnMut(&mut Self, T) -> Rc<State<B>>,
    ) -> Rc<State<B>> {
        let mut alternatives = alternatives.into_iter();
        let mut pending = 0_usize;
        while let Some(alternative) = alternatives.next() {
            let state = evaluate(self, alternative);
            let State::Found(found) = &*state else {
                return state;
            };
            pending = pending.saturating_add(found.pending);
            if matches!(*found.node, Node::Neg) {
                continue;
            }
            let node = match self.alternatives {
                Alternatives::FirstOnly => Rc::clone(&found.node),
                Alternatives::All => self.with_others(&found.node, alternatives, evaluate),
            };
            return Rc::new(State::Found(Found { node, pending }));
        }
        Rc::new(State::Found(Found {
            node: Rc::new(Node::Neg),
            pending,
        }))
    }

    /// The first alternative and those behind it, up to one that is never passed over. What isn't known yet, or is an
    /// error, is left out.
    fn with_others<T>(
        &mut self,
        first: &Rc<Node<B>>,
        behind: impl Iterator<Item = T>,
        mut evaluate: impl FnMut(&mut Self, T) -> Rc<State<B>>,
    ) -> Rc<Node<B>> {
        let mut nodes = vec![Rc::clone(first)];
        let mut is_last = first.is_last();
        for alternative in behind {
            if is_last {
                break;
            }
            if let State::Found(found) = &*evaluate(self, alternative)
                && !matches!(*found.node, Node::Neg)
            {
                nodes.push(Rc::clone(&found.node));
                is_last = found.node.is_last();
            }
        }
        match nodes.len() {
            1 => Rc::clone(first),
            _ => Rc::new(Node::Alt(nodes)),
        }
    }

    /// A union: of what is known now. Pending and failed branches are left out as long as another one is neither.
    fn union(
        &mut self,
        branches: &[Weighted<Name<B>>],
        via: Option<&'a Dentry>,
        depth: usize,
    ) -> Rc<State<B>> {
        let states: Vec<Branch<'_, B>> = branches
            .iter()
            .map(|branch| Branch {
                weight: branch.weight,
                state: self.tree(&branch.tree, via, depth),
                tree: &branch.tree,
            })
            .collect();
        state::unite(&states)
    }

    /// Takes the price of some work from the budget, if it is still in there.
    fn pays(&mut self, price: usize) -> bool {
        match self.budget.checked_sub(price) {
            Some(rest) => {
                self.budget = rest;
                true
            }
            None => {
                self.budget = 0;
                self.was_too_large = true;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
