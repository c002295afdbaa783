//! The delegation tree itself.

use std::sync::Arc;

use crate::dentry::Dentry;
use crate::path::Path;

/// How a path comes to its names. Except [`Transformation`](Self::Transformation), each node has the path that was
/// looked up there, and the rule that led to that path (none at the root).
#[derive(Debug, Clone, PartialEq)]
pub enum DelegateTree<B> {
    /// One rule or one answer, which is what is below.
    Delegate {
        /// The path looked up.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
        /// What it came to.
        tree: Box<Self>,
    },
    /// Alternatives: several rules that match, or one whose right side has several.
    Alt {
        /// The path looked up.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
        /// The alternatives, in order.
        trees: Vec<Self>,
    },
    /// A weighted union.
    Union {
        /// The path looked up.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
        /// The branches.
        branches: Vec<DelegateWeighted<B>>,
    },
    /// A bound name.
    Leaf {
        /// The path looked up.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
        /// The name.
        bound: B,
    },
    /// No such name.
    Neg {
        /// The path looked up; empty where a rule says `~`.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
    },
    /// No such name, and no alternative would be tried.
    Fail {
        /// The path looked up.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
    },
    /// A name with nothing behind it.
    Empty {
        /// The path looked up.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
    },
    /// An error, of a namer or because the chain is too long.
    Exception {
        /// The path looked up.
        path: Path,
        /// The rule that led to it.
        dentry: Option<Arc<Dentry>>,
        /// What went wrong.
        message: String,
    },
    /// A bound name that a transformer has replaced.
    Transformation {
        /// The path looked up.
        path: Path,
        /// The transformer.
        name: String,
        /// The name before.
        bound: B,
        /// What it became.
        tree: Box<Self>,
    },
}

/// A branch of a union in a delegation tree.
#[derive(Debug, Clone, PartialEq)]
pub struct DelegateWeighted<B> {
    /// The branch's share, relative to its siblings.
    pub weight: f64,
    /// The branch.
    pub tree: DelegateTree<B>,
}

impl<B> DelegateTree<B> {
    /// The path looked up at this node.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Delegate { path, .. }
            | Self::Alt { path, .. }
            | Self::Union { path, .. }
            | Self::Leaf { path, .. }
            | Self::Neg { path, .. }
            | Self::Fail { path, .. }
            | Self::Empty { path, .. }
            | Self::Exception { path, .. }
            | Self::Transformation { path, .. } => path,
        }
    }

    /// The rule that led to this node's path.
    #[must_use]
    pub fn dentry(&self) -> Option<&Dentry> {
        match self {
            Self::Delegate { dentry, .. }
            | Self::Alt { dentry, .. }
            | Self::Union { dentry, .. }
            | Self::Leaf { dentry, .. }
            | Self::Neg { dentry, .. }
            | Self::Fail { dentry, .. }
            | Self::Empty { dentry, .. }
            | Self::Exception { dentry, .. } => dentry.as_deref(),
            Self::Transformation { .. } => None,
        }
    }

    /// The node as something that another rule led to. A transformation has no rule, and stays.
    pub(super) fn with_dentry(mut self: Box<Self>, new: Option<Arc<Dentry>>) -> Box<Self> {
        match &mut *self {
            Self::Delegate { dentry, .. }
            | Self::Alt { dentry, .. }
            | Self::Union { dentry, .. }
            | Self::Leaf { dentry, .. }
            | Self::Neg { dentry, .. }
            | Self::Fail { dentry, .. }
            | Self::Empty { dentry, .. }
            | Self::Exception { dentry, .. } => *dentry = new,
            Self::Transformation { .. } => {}
        }
        self
    }

    /// The tree with something else in place of each leaf: its path, its rule and its name go in, a tree comes out.
    /// Names that a transformation shows as they were are not leaves.
    #[must_use]
    pub fn replace_leaves(
        self,
        replace: &mut impl FnMut(Path, Option<Arc<Dentry>>, B) -> Self,
    ) -> Self {
        match self {
            Self::Leaf {
                path,
                dentry,
                bound,
            } => replace(path, dentry, bound),
            Self::Delegate { path, dentry, tree } => Self::Delegate {
                path,
                dentry,
                tree: Box::new(tree.replace_leaves(replace)),
            },
            Self::Alt {
                path,
                dentry,
                trees,
            } => {
                let trees = trees
                    .into_iter()
                    .map(|tree| tree.replace_leaves(replace))
                    .collect();
                Self::Alt {
                    path,
                    dentry,
                    trees,
                }
            }
            Self::Union {
                path,
                dentry,
                branches,
            } => {
                let branches = branches
                    .into_iter()
                    .map(|branch| DelegateWeighted {
                        weight: branch.weight,
                        tree: branch.tree.replace_leaves(replace),
                    })
                    .collect();
                Self::Union {
                    path,
                    dentry,
                    branches,
                }
            }
            Self::Transformation {
                path,
                name,
                bound,
                tree,
            } => {
                let tree = Box::new(tree.replace_leaves(replace));
                Self::Transformation {
                    path,
                    name,
                    bound,
                    tree,
                }
            }
            other => other,
        }
    }

    /// All bound names: leaves, and what transformations show as it was before.
    #[must_use]
    pub fn bound_names(&self) -> Vec<&B> {
        let mut names = Vec::new();
        self.collect_names(&mut names);
        names
    }

    fn collect_names<'a>(&'a self, names: &mut Vec<&'a B>) {
        match self {
            Self::Leaf { bound, .. } => names.push(bound),
            Self::Delegate { tree, .. } => tree.collect_names(names),
            Self::Alt { trees, .. } => trees.iter().for_each(|tree| tree.collect_names(names)),
            Self::Union { branches, .. } => {
                branches
                    .iter()
                    .for_each(|branch| branch.tree.collect_names(names));
            }
            Self::Transformation { bound, tree, .. } => {
                names.push(bound);
                tree.collect_names(names);
            }
            Self::Neg { .. } | Self::Fail { .. } | Self::Empty { .. } | Self::Exception { .. } => {}
        }
    }
}
