//! Puts delegation trees together from parts that are simplified already, and leaves out the nodes that say nothing.
//! Source: linkerd `DelegateTree.simplify`.

use std::sync::Arc;

use super::tree::{DelegateTree, DelegateWeighted};
use crate::dentry::Dentry;
use crate::path::Path;

/// A step from a path to another; from a path to itself it is left out, unless it says how the path ends.
pub(super) fn step<B>(
    path: Path,
    dentry: Option<Arc<Dentry>>,
    tree: Box<DelegateTree<B>>,
) -> Box<DelegateTree<B>> {
    let is_end = matches!(
        *tree,
        DelegateTree::Neg { .. } | DelegateTree::Fail { .. } | DelegateTree::Empty { .. }
    );
    if !is_end && *tree.path() == path {
        return tree.with_dentry(dentry);
    }
    Box::new(DelegateTree::Delegate { path, dentry, tree })
}

/// Two alternatives or more. Those of an alternative for the same path count as its own.
pub(super) fn alt<B>(
    path: Path,
    dentry: Option<Arc<Dentry>>,
    alternatives: Vec<Box<DelegateTree<B>>>,
) -> Box<DelegateTree<B>> {
    let mut trees = Vec::with_capacity(alternatives.len());
    for tree in alternatives {
        match *tree {
            DelegateTree::Alt {
                path: inner,
                trees: inside,
                ..
            } if inner == path => {
                trees.extend(inside);
            }
            tree => trees.push(tree),
        }
    }
    Box::new(DelegateTree::Alt {
        path,
        dentry,
        trees,
    })
}

/// Two branches or more.
pub(super) fn union<B>(
    path: Path,
    dentry: Option<Arc<Dentry>>,
    branches: Vec<(f64, Box<DelegateTree<B>>)>,
) -> Box<DelegateTree<B>> {
    let branches = branches
        .into_iter()
        .map(|(weight, tree)| DelegateWeighted {
            weight,
            tree: *tree,
        })
        .collect();
    Box::new(DelegateTree::Union {
        path,
        dentry,
        branches,
    })
}
