//! Bindings under way: trees that share what they have in common.

use std::rc::Rc;

use super::outcome::{BindError, BoundOutcome, DeadBranch, Leaf, Name};
use crate::name_tree::{NameTree, Weighted};
use crate::path::Path;

#[derive(Debug)]
pub(crate) enum State<B> {
    Pending,
    Failed(BindError),
    Found(Found<B>),
}

#[derive(Debug)]
pub(crate) struct Found<B> {
    pub(crate) node: Rc<Node<B>>,
    /// Union branches left out for being pending, here and in alternatives that were passed over.
    pub(super) pending: usize,
}

/// A simplified tree. Its parts are shared: unfolded it may be larger than memory.
#[derive(Debug)]
pub(crate) enum Node<B> {
    Neg,
    Fail,
    Empty,
    Leaf(B),
    Union(Vec<Share<B>>, Vec<DeadBranch>),
    /// What is left of a union with one live branch. It prints as that branch, and still says its weight.
    Only(Share<B>, Vec<DeadBranch>),
    /// Two or more, the first of which decides unless somebody passes over it.
    Alt(Vec<Rc<Self>>),
}

#[derive(Debug)]
pub(crate) struct Share<B> {
    weight: f64,
    node: Rc<Node<B>>,
}

pub(super) struct Branch<'a, B> {
    pub(super) weight: f64,
    pub(super) state: Rc<State<B>>,
    pub(super) tree: &'a NameTree<Name<B>>,
}

impl<B> Node<B> {
    /// Whether no alternative behind it can matter.
    pub(super) fn is_last(&self) -> bool {
        match self {
            Self::Fail | Self::Empty => true,
            Self::Neg | Self::Leaf(_) | Self::Union(..) => false,
            Self::Only(share, _) => share.node.is_last(),
            Self::Alt(nodes) => nodes.last().is_some_and(|last| last.is_last()),
        }
    }
}

impl<B> State<B> {
    pub(super) fn failed(error: BindError) -> Rc<Self> {
        Rc::new(Self::Failed(error))
    }

    pub(super) fn found(node: Node<B>) -> Rc<Self> {
        Rc::new(Self::Found(Found {
            node: Rc::new(node),
            pending: 0,
        }))
    }
}

/// Unites branches. With none that is known, the first failure decides, else they are pending.
pub(super) fn unite<B>(branches: &[Branch<'_, B>]) -> Rc<State<B>> {
    if let [only] = branches {
        return alone(only);
    }
    let is_known = branches
        .iter()
        .any(|branch| matches!(&*branch.state, State::Found(_)));
    if !is_known && !branches.is_empty() {
        let failure = branches
            .iter()
            .find(|branch| matches!(&*branch.state, State::Failed(_)));
        return failure.map_or_else(
            || Rc::new(State::Pending),
            |branch| Rc::clone(&branch.state),
        );
    }
    let total: f64 = branches.iter().map(|branch| branch.weight).sum();
    let mut live = Vec::new();
    let mut dead = Vec::new();
    let mut pending = 0_usize;
    for branch in branches {
        match &*branch.state {
            State::Pending => pending = pending.saturating_add(1),
            State::Found(found) => {
                pending = pending.saturating_add(found.pending);
                if matches!(*found.node, Node::Neg | Node::Fail) {
                    dead.push(branch.dead(total, branches.len()));
                } else {
                    live.push(Share {
                        weight: branch.weight,
                        node: Rc::clone(&found.node),
                    });
                }
            }
            State::Failed(_) => dead.push(branch.dead(total, branches.len())),
        }
    }
    let node = match live.len() {
        0 => Node::Neg,
        1 => Node::Only(live.remove(0), dead),
        _ => Node::Union(live, dead),
    };
    Rc::new(State::Found(Found {
        node: Rc::new(node),
        pending,
    }))
}

/// A union of one is its branch, but for the weight it writes on the leaves.
fn alone<B>(branch: &Branch<'_, B>) -> Rc<State<B>> {
    match &*branch.state {
        State::Found(found)
            if matches!(
                *found.node,
                Node::Leaf(_) | Node::Union(..) | Node::Only(..) | Node::Alt(_)
            ) =>
        {
            let share = Share {
                weight: branch.weight,
                node: Rc::clone(&found.node),
            };
            let node = Rc::new(Node::Only(share, Vec::new()));
            Rc::new(State::Found(Found {
                node,
                pending: found.pending,
            }))
        }
        _ => Rc::clone(&branch.state),
    }
}

impl<B> Branch<'_, B> {
    fn dead(&self, total: f64, siblings: usize) -> DeadBranch {
        DeadBranch {
            path: first_path(self.tree),
            share: part(self.weight, total, siblings),
        }
    }
}

/// A branch's part of its union. If all weights are zero, each has the same.
fn part(weight: f64, total: f64, siblings: usize) -> f64 {
    if total > 0.0 {
        weight / total
    } else {
        1.0 / siblings as f64
    }
}

fn first_path<B>(tree: &NameTree<Name<B>>) -> Path {
    let named = tree.leaves().into_iter().find_map(|name| match name {
        Name::Path(path) => Some(path.clone()),
        Name::Bound(_) => None,
    });
    named.unwrap_or_default()
}

impl<B: Clone + PartialEq> Found<B> {
    /// The tree as a value of its own, unless that takes more than `budget` nodes.
    pub(super) fn unfold(&self, budget: usize) -> Result<BoundOutcome<B>, BindError> {
        let mut unfolding = Unfolding {
            budget,
            dead: Vec::new(),
        };
        let tree = unfolding.node(&self.node, None, 1.0)?;
        Ok(BoundOutcome {
            tree,
            pending_branches: self.pending,
            dead: unfolding.dead,
        })
    }
}

struct Unfolding {
    budget: usize,
    dead: Vec<DeadBranch>,
}

impl Unfolding {
    /// `weight` is that of the innermost union branch around the node, `part` the node's part of all requests.
    fn node<B: Clone + PartialEq>(
        &mut self,
        node: &Node<B>,
        weight: Option<f64>,
        part: f64,
    ) -> Result<NameTree<Leaf<B>>, BindError> {
        self.pays(1)?;
        Ok(match node {
            Node::Neg => NameTree::Neg,
            Node::Fail => NameTree::Fail,
            Node::Empty => NameTree::Empty,
            Node::Leaf(bound) => NameTree::Leaf(Leaf {
                bound: bound.clone(),
                weight,
            }),
            Node::Only(share, dead) => {
                self.bury(dead, part)?;
                self.node(&share.node, Some(share.weight), part)?
            }
            Node::Union(shares, dead) => {
                self.bury(dead, part)?;
                NameTree::Union(self.branches(shares, part)?)
            }
            Node::Alt(nodes) => self.alternatives(nodes, weight, part)?,
        })
    }

    /// One flat list, each name in it once. What is dead behind the first costs nobody a share.
    fn alternatives<B: Clone + PartialEq>(
        &mut self,
        nodes: &[Rc<Node<B>>],
        weight: Option<f64>,
        part: f64,
    ) -> Result<NameTree<Leaf<B>>, BindError> {
        let mut flat: Vec<NameTree<Leaf<B>>> = Vec::new();
        let mut dead = None;
        for node in nodes {
            let trees = match self.node(node, weight, part)? {
                NameTree::Alt(trees) => trees,
                tree => vec![tree],
            };
            let dead = *dead.get_or_insert(self.dead.len());
            self.dead.truncate(dead);
            for tree in trees {
                self.pays(flat.len())?;
                if !matches!(tree, NameTree::Leaf(_)) || !flat.contains(&tree) {
                    flat.push(tree);
                }
            }
        }
        Ok(match flat.len() {
            1 => flat.remove(0),
            _ => NameTree::Alt(flat),
        })
    }

    fn branches<B: Clone + PartialEq>(
        &mut self,
        shares: &[Share<B>],
        whole: f64,
    ) -> Result<Vec<Weighted<Leaf<B>>>, BindError> {
        let total: f64 = shares.iter().map(|share| share.weight).sum();
        shares
            .iter()
            .map(|share| {
                let part = whole * part(share.weight, total, shares.len());
                let tree = self.node(&share.node, Some(share.weight), part)?;
                Ok(Weighted {
                    weight: share.weight,
                    tree,
                })
            })
            .collect()
    }

    fn bury(&mut self, dead: &[DeadBranch], part: f64) -> Result<(), BindError> {
        self.pays(dead.len())?;
        self.dead.extend(dead.iter().map(|branch| DeadBranch {
            path: branch.path.clone(),
            share: branch.share * part,
        }));
        Ok(())
    }

    fn pays(&mut self, price: usize) -> Result<(), BindError> {
        let rest = self.budget.checked_sub(price);
        self.budget = rest.ok_or(BindError::TooLarge)?;
        Ok(())
    }
}
