//! Delegation: how a path comes to its names, with every alternative shown.
//!
//! Where binding asks for an answer, this asks for the reasons: all branches are expanded, also after a success, and each node
//! says which path was looked up and which rule led there. Source: linkerd `DefaultInterpreterInitializer` and
//! `DelegateTree`.

mod json;
mod simplify;
mod tree;

use std::collections::HashMap;
use std::sync::Arc;

pub use self::tree::{DelegateTree, DelegateWeighted};
use crate::bind::{Answer, BindError, MAX_DEPTH, Name, Via};
use crate::dentry::Dentry;
use crate::dtab::Dtab;
use crate::name_tree::NameTree;
use crate::path::Path;

/// The largest tree, in nodes, where the text of a rule counts too: each node repeats the rule that led to it.
const MAX_NODES: usize = 50_000;

/// How deeply trees may nest over a whole chain of lookups.
const MAX_TREE_DEPTH: usize = 500;

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
    let expanded = delegator.expand(&names, &root).map_err(|stop| match stop {
        Stop::Here(error) => DelegateError::Bind(error),
        Stop::All(error) => error,
    })?;
    Ok(expanded.simplify())
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

type Expanded<B> = Result<DelegateTree<B>, Stop>;

impl<B: Clone> Delegator<'_, B> {
    /// Labels a tree of names with its place, and looks up those that aren't bound.
    fn expand(&mut self, tree: &NameTree<Name<B>>, at: &At<'_>) -> Expanded<B> {
        self.pay(at)?;
        if self.tree_depth == MAX_TREE_DEPTH {
            return Err(too_large());
        }
        self.tree_depth += 1;
        let expanded = self.expand_node(tree, at);
        self.tree_depth -= 1;
        expanded
    }

    fn expand_node(&mut self, tree: &NameTree<Name<B>>, at: &At<'_>) -> Expanded<B> {
        let (path, dentry) = (at.path.clone(), at.dentry.clone());
        Ok(match tree {
            NameTree::Neg => DelegateTree::Neg {
                path: Path::empty(),
                dentry,
            },
            NameTree::Fail => DelegateTree::Fail { path, dentry },
            NameTree::Empty => DelegateTree::Empty { path, dentry },
            NameTree::Leaf(Name::Bound(bound)) => DelegateTree::Leaf {
                path,
                dentry,
                bound: bound.clone(),
            },
            NameTree::Leaf(Name::Path(next)) => self.look_up(next, at)?,
            NameTree::Alt(trees) => match trees.as_slice() {
                [] => DelegateTree::Neg { path, dentry },
                [only] => DelegateTree::Delegate {
                    path,
                    dentry,
                    tree: Box::new(self.expand(only, at)?),
                },
                trees => {
                    let trees = trees
                        .iter()
                        .map(|tree| shown(self.expand(tree, at), at))
                        .collect::<Result<_, _>>()?;
                    DelegateTree::Alt {
                        path,
                        dentry,
                        trees,
                    }
                }
            },
            NameTree::Union(branches) => match branches.as_slice() {
                [] => DelegateTree::Neg { path, dentry },
                [only] => DelegateTree::Delegate {
                    path,
                    dentry,
                    tree: Box::new(self.expand(&only.tree, at)?),
                },
                branches => {
                    let branches = branches
                        .iter()
                        .map(|branch| {
                            let tree = shown(self.expand(&branch.tree, at), at)?;
                            Ok(DelegateWeighted {
                                weight: branch.weight,
                                tree,
                            })
                        })
                        .collect::<Result<_, Stop>>()?;
                    DelegateTree::Union {
                        path,
                        dentry,
                        branches,
                    }
                }
            },
        })
    }

    /// Expands a path that a tree at `from` names.
    fn look_up(&mut self, path: &Path, from: &At<'_>) -> Expanded<B> {
        let dentry = from.dentry.clone();
        if from.depth == MAX_DEPTH {
            let via = Via::new(dentry.as_deref());
            return Err(Stop::Here(BindError::MaxDepth {
                path: path.clone(),
                via,
            }));
        }
        let matches = self.dtab.matches(path);
        let at = At {
            path,
            dentry,
            depth: from.depth + 1,
        };
        match matches.as_slice() {
            [] => self.ask_namers(&at),
            [only] => {
                let tree = Box::new(self.apply(only, &at)?);
                Ok(DelegateTree::Delegate {
                    path: path.clone(),
                    dentry: at.dentry,
                    tree,
                })
            }
            matches => {
                let trees = matches
                    .iter()
                    .map(|dentry| shown(self.apply(dentry, &at), &at))
                    .collect::<Result<_, _>>()?;
                Ok(DelegateTree::Alt {
                    path: path.clone(),
                    dentry: at.dentry,
                    trees,
                })
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
        let (path, dentry) = (at.path.clone(), at.dentry.clone());
        match (self.namers)(at.path) {
            Answer::Pending => Err(Stop::All(DelegateError::Pending(path))),
            Answer::Failed(message) => Ok(DelegateTree::Exception {
                path,
                dentry,
                message,
            }),
            Answer::Tree(NameTree::Neg) => Ok(DelegateTree::Neg { path, dentry }),
            Answer::Tree(tree) => self.expand(&tree, at),
        }
    }

    fn pay(&mut self, at: &At<'_>) -> Result<(), Stop> {
        let rule = at
            .dentry
            .as_ref()
            .map_or(0, |dentry| dentry.dst.node_count());
        self.budget = self
            .budget
            .checked_sub(1 + rule + at.path.len() / 8)
            .ok_or_else(too_large)?;
        Ok(())
    }
}

fn too_large() -> Stop {
    Stop::All(DelegateError::TooLarge { nodes: MAX_NODES })
}

/// An error of a branch becomes a node in its place, labelled like the alternative or union that it is part of.
fn shown<B>(branch: Expanded<B>, at: &At<'_>) -> Expanded<B> {
    match branch {
        Err(Stop::Here(error)) => Ok(DelegateTree::Exception {
            path: at.path.clone(),
            dentry: at.dentry.clone(),
            message: error.to_string(),
        }),
        other => other,
    }
}
