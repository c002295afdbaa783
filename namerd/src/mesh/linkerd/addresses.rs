//! The addresses behind a bound id.

use dtab::{NameTree, Path};
use live::{Live, Reads, State};
use mesh::wire::{AddressSet, Addresses};
use namer::{Binding, BoundTree, Evaluated};

/// What is known now of the addresses of an id, given what the id is bound to.
///
/// Source: linkerd `ResolverService`.
pub(super) fn behind(id: &Path, binding: &Live<Binding>, reads: &mut Reads) -> Addresses {
    match &*reads.read(binding) {
        State::Pending => Addresses::Pending,
        State::Failed(failure) => Addresses::Failed(failure.reason.to_string()),
        State::Ready(binding) | State::Stale(binding, _) => match &binding.outcome {
            Evaluated::Pending => Addresses::Pending,
            Evaluated::Failed(why) => Addresses::Failed(why.to_string()),
            Evaluated::Bound(tree, _) => of_tree(id, tree, reads),
        },
    }
}

fn of_tree(id: &Path, tree: &BoundTree, reads: &mut Reads) -> Addresses {
    match tree {
        NameTree::Leaf(leaf) => namer::wire::addresses_to_wire(&reads.read(&leaf.bound.addresses)),
        NameTree::Neg => Addresses::Neg,
        NameTree::Empty => Addresses::Bound(AddressSet::default()),
        NameTree::Fail => Addresses::Failed("name tree failed".to_owned()),
        NameTree::Alt(_) | NameTree::Union(_) => {
            Addresses::Failed(format!("{id} is not a concrete bound id"))
        }
    }
}
