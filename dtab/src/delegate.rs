//! Delegation: how a path comes to its names, with every alternative shown.
//!
//! Where binding asks for an answer, this asks for the reasons: all branches are expanded, also after a success, and each node
//! says which path was looked up and which rule led there. Source: linkerd `DefaultInterpreterInitializer` and
//! `DelegateTree`.

mod build;
mod json;
mod tree;

use std::collections::HashMap;
use std::sync::Arc;

pub use self::tree::{DelegateTree, DelegateWeighted};
use crate::bind::{Answer, BindError, MAX_DEPTH, Name, Via};
use crate::dentry::Dentry;
use crate::dtab::Dtab;
use crate::name_tree::{NameTree, Weighted};
use crate::path::Path;

/// The largest tree, in nodes, where the text of a rule counts too: each node repeats the rule that led to it.
const MAX_NODES: usize = 50_000;

/// How deeply trees may nest over a whole chain of lookups.
const MAX_TREE_DEPTH: usize = 300;

/// Why there is no delegation tree.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DelegateError {
    /// A namer has not answered yet for this path.
    #[error("no answer yet for {0}")]
    Pending(Path),
    /// The chain of lookups is too long, and no alternative or union shows the rest.
    #[error(transparent)]
    Bind(BindError),
    /// The tree has more nodes than anybody can read.
    #[error("the delegation tree has more than {nodes} nodes")]
    TooLarge {
        /// The limit.
        nodes: usize,
    },
}

/// Delegates a path. `namers` is asked for paths that no rule matches; unlike in [`bind`](crate::bind()), a lone matching `~`
/// does not lead to them.
///
/// # Errors
/// When a namer has not answered yet, or the tree is too deep or too large.
pub fn delegate<B: Clone>(
    path: &Path,
    dtab: &Dtab,
    namers: &mut dyn FnMut(&Path) -> Answer<B>,
) -> Result<DelegateTree<B>, DelegateError> {
    delegate_tree(&NameTree::Leaf(path.clone()), dtab, namers)
}

/// Delegates each path of a tree.
///
/// # Errors
/// As [`delegate`].
pub fn delegate_tree<B: Clone>(
    tree: &NameTree<Path>,
    dtab: &Dtab,
    namers: &mut dyn FnMut(&Path) -> Answer<B>,
) -> Result<DelegateTree<B>, DelegateError> {
    let mut delegator = Delegator {
        dtab,
        namers,
        rules: HashMap::new(),
        budget: MAX_NODES,
        tree_depth: 0,
    };
    let root = At {
        path: &Path::empty(),
        dentry: None,
        depth: 0,
    };
    let names = tree.map(&mut |path| Name::Path(path.clone()));
    match delegator.expand(&names, &root) {
        Ok(tree) => Ok(*tree),
        Err(stop) => Err(match *stop {
            Stop::Here(error) => DelegateError::Bind(error),
            Stop::All(error) => error,
        }),
    }
}

struct Delegator<'a, B> {
    dtab: &'a Dtab,
    namers: &'a mut dyn FnMut(&Path) -> Answer<B>,
    /// Rules that are in the tree already, by address: nodes share them.
    rules: HashMap<*const Dentry, Arc<Dentry>>,
    budget: usize,
    tree_depth: usize,
}

/// Where a tree hangs: the path that was looked up, the rule that led to its names, and how many lookups there were.
struct At<'a> {
    path: &'a Path,
    dentry: Option<Arc<Dentry>>,
    depth: usize,
}

/// What ends an expansion.
enum Stop {
    /// An error that an enclosing alternative or union shows as one of its branches.
    Here(BindError),
    /// One that ends them all.
    All(DelegateError),
}

/// Boxes keep the stack frames small: in a chain of lookups there are hundreds.
type Expanded<B> = Result<Box<DelegateTree<B>>, Box<Stop>>;

impl<B: Clone> Delegator<'_, B> {
    /// Labels a tree of names with its place, and looks up those that aren't bound.
    fn expand(&mut self, tree: &NameTree<Name<B>>, at: &At<'_>) -> Expanded<B> {
        self.pay(at.cost())?;
        if self.tree_depth == MAX_TREE_DEPTH {
            return Err(too_large());
        }
        self.tree_depth += 1;
        let expanded = self.expand_node(tree, at);
        self.tree_depth -= 1;
        expanded
    }

    fn expand_node(&mut self, tree: &NameTree<Name<B>>, at: &At<'_>) -> Expanded<B> {
        match tree {
            NameTree::Leaf(Name::Path(next)) => self.look_up(next, at),
            NameTree::Alt(trees) => self.expand_alt(trees, at),
            NameTree::Union(branches) => self.expand_union(branches, at),
            end => Ok(Box::new(at.end(end))),
        }
    }

    fn expand_alt(&mut self, trees: &[NameTree<Name<B>>], at: &At<'_>) -> Expanded<B> {
        if let [only] = trees {
            return Ok(build::step(
                at.path.clone(),
                at.dentry.clone(),
                self.expand(only, at)?,
            ));
        }
        let mut alternatives = Vec::with_capacity(trees.len());
        for tree in trees {
            alternatives.push(at.shown(self.expand(tree, at))?);
        }
        Ok(at.alt(alternatives))
    }

    fn expand_union(&mut self, branches: &[Weighted<Name<B>>], at: &At<'_>) -> Expanded<B> {
        if let [only] = branches {
            let tree = self.expand(&only.tree, at)?;
            return Ok(build::step(at.path.clone(), at.dentry.clone(), tree));
        }
        let mut expanded = Vec::with_capacity(branches.len());
        for branch in branches {
            expanded.push((branch.weight, at.shown(self.expand(&branch.tree, at))?));
        }
        if expanded.is_empty() {
            return Ok(Box::new(at.neg()));
        }
        Ok(build::union(at.path.clone(), at.dentry.clone(), expanded))
    }

    /// Expands a path that a tree at `from` names.
    fn look_up(&mut self, path: &Path, from: &At<'_>) -> Expanded<B> {
        if from.depth == MAX_DEPTH {
            let via = Via::new(from.dentry.as_deref());
            return Err(Box::new(Stop::Here(BindError::MaxDepth {
                path: path.clone(),
                via,
            })));
        }
        let at = At {
            path,
            dentry: from.dentry.clone(),
            depth: from.depth + 1,
        };
        let (matches, cost) = self.dtab.matches_with_cost(path);
        self.pay(cost / 64)?;
        match matches.as_slice() {
            [] => self.ask_namers(&at),
            [only] => Ok(build::step(
                path.clone(),
                at.dentry.clone(),
                self.apply(only, &at)?,
            )),
            matches => {
                let mut alternatives = Vec::with_capacity(matches.len());
                for dentry in matches {
                    alternatives.push(at.shown(self.apply(dentry, &at))?);
                }
                Ok(at.alt(alternatives))
            }
        }
    }

    fn apply(&mut self, dentry: &Dentry, at: &At<'_>) -> Expanded<B> {
        let residual = at.path.skip(dentry.prefix.len());
        let names = dentry
            .dst
            .map(&mut |prefix| Name::Path(prefix.join(&residual)));
        let shared = self
            .rules
            .entry(std::ptr::from_ref(dentry))
            .or_insert_with(|| Arc::new(dentry.clone()));
        let dentry = Some(Arc::clone(shared));
        self.expand(
            &names,
            &At {
                path: at.path,
                dentry,
                depth: at.depth,
            },
        )
    }

    fn ask_namers(&mut self, at: &At<'_>) -> Expanded<B> {
        match (self.namers)(at.path) {
            Answer::Pending => Err(Box::new(Stop::All(DelegateError::Pending(at.path.clone())))),
            Answer::Failed(message) => Ok(at.exception(message)),
            Answer::Tree(NameTree::Neg) => Ok(Box::new(at.neg())),
            Answer::Tree(tree) => self.expand(&tree, at),
        }
    }

    fn pay(&mut self, cost: usize) -> Result<(), Box<Stop>> {
        self.budget = self.budget.checked_sub(cost).ok_or_else(too_large)?;
        Ok(())
    }
}

impl At<'_> {
    /// What a node here adds to the size of the tree.
    fn cost(&self) -> usize {
        let rule = self
            .dentry
            .as_ref()
            .map_or(0, |dentry| dentry.dst.node_count());
        1 + rule + self.path.len() / 8
    }

    /// A node without anything below it.
    fn end<B: Clone>(&self, tree: &NameTree<Name<B>>) -> DelegateTree<B> {
        let (path, dentry) = (self.path.clone(), self.dentry.clone());
        match tree {
            NameTree::Fail => DelegateTree::Fail { path, dentry },
            NameTree::Empty => DelegateTree::Empty { path, dentry },
            NameTree::Leaf(Name::Bound(bound)) => DelegateTree::Leaf {
                path,
                dentry,
                bound: bound.clone(),
            },
            // A rule that says `~` says it of no path.
            _ => DelegateTree::Neg {
                path: Path::empty(),
                dentry,
            },
        }
    }

    fn neg<B>(&self) -> DelegateTree<B> {
        DelegateTree::Neg {
            path: self.path.clone(),
            dentry: self.dentry.clone(),
        }
    }

    fn alt<B>(&self, alternatives: Vec<Box<DelegateTree<B>>>) -> Box<DelegateTree<B>> {
        if alternatives.is_empty() {
            return Box::new(self.neg());
        }
        build::alt(self.path.clone(), self.dentry.clone(), alternatives)
    }

    fn exception<B>(&self, message: String) -> Box<DelegateTree<B>> {
        let (path, dentry) = (self.path.clone(), self.dentry.clone());
        Box::new(DelegateTree::Exception {
            path,
            dentry,
            message,
        })
    }

    /// An error of a branch becomes a node in its place, labelled like the alternative or union that it is part of.
    fn shown<B>(&self, branch: Expanded<B>) -> Expanded<B> {
        branch.or_else(|stop| match &*stop {
            Stop::Here(error) => Ok(self.exception(error.to_string())),
            Stop::All(_) => Err(stop),
        })
    }
}

fn too_large() -> Box<Stop> {
    Box::new(Stop::All(DelegateError::TooLarge { nodes: MAX_NODES }))
}
