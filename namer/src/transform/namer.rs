//! A namer and the transformers behind it.

use std::sync::Arc;

use dtab::{Answer, Leaf, Name, NameTree, Path};
use live::Reads;

use super::{Transformers, Unbound};
use crate::{Bound, BoundTree, Namer};

/// Changes what a namer has bound. It cannot list names: those of the namer are not the ones that it answers with.
#[derive(Debug)]
pub(crate) struct TransformedNamer {
    pub(crate) namer: Arc<dyn Namer>,
    pub(crate) transformers: Transformers,
}

impl Namer for TransformedNamer {
    /// An answer with a name that is not bound yet stays what it is.
    fn lookup(&self, path: &Path, reads: &mut Reads) -> Answer<Bound> {
        let answer = self.namer.lookup(path, reads);
        let Answer::Tree(tree) = &answer else {
            return answer;
        };
        let Some(bound) = bound(tree) else {
            return answer;
        };
        match self.transformers.transform(bound, reads) {
            Ok(tree) => Answer::Tree(tree.map(&mut |leaf| Name::Bound(leaf.bound.clone()))),
            Err(Unbound::Pending) => Answer::Pending,
            Err(Unbound::Failed(reason)) => Answer::Failed(reason),
        }
    }
}

/// The answer as a tree of bound names, if all of them are.
fn bound(tree: &NameTree<Name<Bound>>) -> Option<BoundTree> {
    tree.try_map(&mut |name| match name {
        Name::Path(_) => None,
        Name::Bound(bound) => Some(Leaf {
            bound: bound.clone(),
            weight: None,
        }),
    })
}
