//! Delegations that were made elsewhere.

use std::collections::HashSet;

use dtab::{DelegateTree, DelegateWeighted, Path};
use live::Live;
use mesh::wire::{BoundId, BoundName};

use crate::{Addresses, Bound};

/// The tree with each name made into something else.
pub(super) fn map<A, B>(tree: DelegateTree<A>, name: &mut impl FnMut(A) -> B) -> DelegateTree<B> {
    use DelegateTree as Tree;
    match tree {
        Tree::Delegate { path, dentry, tree } => Tree::Delegate {
            path,
            dentry,
            tree: Box::new(map(*tree, name)),
        },
        Tree::Alt {
            path,
            dentry,
            trees,
        } => Tree::Alt {
            path,
            dentry,
            trees: trees.into_iter().map(|tree| map(tree, name)).collect(),
        },
        Tree::Union {
            path,
            dentry,
            branches,
        } => {
            let branches = branches.into_iter().map(|branch| DelegateWeighted {
                weight: branch.weight,
                tree: map(branch.tree, name),
            });
            Tree::Union {
                path,
                dentry,
                branches: branches.collect(),
            }
        }
        Tree::Leaf {
            path,
            dentry,
            bound,
        } => Tree::Leaf {
            path,
            dentry,
            bound: name(bound),
        },
        Tree::Neg { path, dentry } => Tree::Neg { path, dentry },
        Tree::Fail { path, dentry } => Tree::Fail { path, dentry },
        Tree::Empty { path, dentry } => Tree::Empty { path, dentry },
        Tree::Exception {
            path,
            dentry,
            message,
        } => Tree::Exception {
            path,
            dentry,
            message,
        },
        Tree::Transformation {
            path,
            name: transformer,
            bound,
            tree,
        } => Tree::Transformation {
            path,
            name: transformer,
            bound: name(bound),
            tree: Box::new(map(*tree, name)),
        },
    }
}

/// The tree as it is, and the ids in it that have addresses.
pub(super) fn with_ids(tree: DelegateTree<BoundName>) -> (DelegateTree<BoundName>, HashSet<Path>) {
    let mut ids = HashSet::new();
    let tree = map(tree, &mut |name: BoundName| {
        if let BoundId::Path(id) = &name.id {
            ids.insert(id.clone());
        }
        name
    });
    (tree, ids)
}

/// A name with its addresses.
pub(super) fn bound(name: BoundName, addresses: impl FnOnce(&Path) -> Live<Addresses>) -> Bound {
    match name.id {
        BoundId::Status(code) => Bound::status(code, name.residual),
        BoundId::Path(id) => {
            let addresses = addresses(&id);
            Bound::new(id, name.residual, addresses)
        }
    }
}
