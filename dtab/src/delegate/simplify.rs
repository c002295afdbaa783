//! Leaves out the nodes of a delegation tree that say nothing. Source: linkerd `DelegateTree.simplify`.

use std::sync::Arc;

use super::tree::{DelegateTree, DelegateWeighted};
use crate::dentry::Dentry;
use crate::path::Path;

impl<B> DelegateTree<B> {
    /// The tree without steps from a path to itself, nodes of one child, and alternatives of the same path inside each other.
    #[must_use]
    pub(super) fn simplify(self) -> Self {
        match self {
            Self::Delegate { path, dentry, tree } => step(path, dentry, *tree),
            Self::Alt {
                path,
                dentry,
                mut trees,
            } => match trees.len() {
                0 => Self::Neg { path, dentry },
                1 => step(path, dentry, trees.remove(0)),
                _ => {
                    let trees = splice(&path, trees);
                    Self::Alt {
                        path,
                        dentry,
                        trees,
                    }
                }
            },
            Self::Union {
                path,
                dentry,
                mut branches,
            } => match branches.len() {
                0 => Self::Neg { path, dentry },
                1 => step(path, dentry, branches.remove(0).tree),
                _ => {
                    let branches = branches
                        .into_iter()
                        .map(|branch| DelegateWeighted {
                            weight: branch.weight,
                            tree: branch.tree.simplify(),
                        })
                        .collect();
                    Self::Union {
                        path,
                        dentry,
                        branches,
                    }
                }
            },
            other => other,
        }
    }
}

fn step<B>(path: Path, dentry: Option<Arc<Dentry>>, tree: DelegateTree<B>) -> DelegateTree<B> {
    let tree = tree.simplify();
    let is_answer = matches!(
        tree,
        DelegateTree::Neg { .. } | DelegateTree::Fail { .. } | DelegateTree::Empty { .. }
    );
    if !is_answer && *tree.path() == path {
        return tree.with_dentry(dentry);
    }
    DelegateTree::Delegate {
        path,
        dentry,
        tree: Box::new(tree),
    }
}

fn splice<B>(path: &Path, trees: Vec<DelegateTree<B>>) -> Vec<DelegateTree<B>> {
    let mut spliced = Vec::with_capacity(trees.len());
    for tree in trees {
        match tree.simplify() {
            DelegateTree::Alt {
                path: inner, trees, ..
            } if inner == *path => spliced.extend(trees),
            tree => spliced.push(tree),
        }
    }
    spliced
}
