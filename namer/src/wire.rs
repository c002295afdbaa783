//! Between our live values and what the mesh carries of them.

use dtab::{Leaf, NameTree};
use live::{Failure, Live, Publisher, State};
use mesh::wire;
use tokio::time::Instant;

use crate::{AddressSet, Addresses, Bound, BoundId, BoundTree, Endpoint};

/// A bound tree as the mesh carries it: names without their addresses.
pub fn tree_to_wire(tree: &BoundTree) -> wire::BoundTree {
    tree.map(&mut |leaf| Leaf {
        weight: leaf.weight,
        bound: name_to_wire(&leaf.bound),
    })
}

/// A bound name as the mesh carries it: without its addresses.
pub fn name_to_wire(bound: &Bound) -> wire::BoundName {
    wire::BoundName {
        id: match &bound.id {
            BoundId::Path(path) => wire::BoundId::Path(path.clone()),
            BoundId::Status(code) => wire::BoundId::Status(*code),
        },
        residual: bound.residual.clone(),
    }
}

/// A bound tree from the mesh; `addresses` finds the live addresses of an id, and the id that they are kept by, so that it
/// is kept once.
pub fn tree_from_wire(
    tree: &wire::BoundTree,
    addresses: &mut dyn FnMut(&dtab::Path) -> (dtab::Path, Live<Addresses>),
) -> BoundTree {
    tree.map(&mut |leaf| Leaf {
        weight: leaf.weight,
        bound: match &leaf.bound.id {
            wire::BoundId::Path(id) => {
                let (id, addresses) = addresses(id);
                Bound::new(id, leaf.bound.residual.clone(), addresses)
            }
            wire::BoundId::Status(code) => Bound::status(*code, leaf.bound.residual.clone()),
        },
    })
}

/// The ids in a tree that have addresses of their own, with these.
pub fn concrete_names(tree: &BoundTree) -> Vec<(dtab::Path, Live<Addresses>)> {
    let leaves = NameTree::leaves(tree).into_iter();
    leaves
        .filter_map(|leaf| Some((leaf.bound.id.path()?.clone(), leaf.bound.addresses.clone())))
        .collect()
}

/// What is known of addresses, as the mesh carries it.
pub fn addresses_to_wire(state: &State<Addresses>) -> wire::Addresses {
    let stale = state.failure().map(|failure| failure.reason.to_string());
    match (state.value().map(|value| &**value), stale) {
        (Some(Addresses::Neg), _) => wire::Addresses::Neg,
        (Some(Addresses::Bound(set)), stale) => wire::Addresses::Bound(wire::AddressSet {
            endpoints: set.endpoints.iter().map(endpoint_to_wire).collect(),
            authority: set.authority.clone(),
            metadata: set.metadata.clone(),
            stale,
        }),
        (None, Some(why)) => wire::Addresses::Failed(why),
        (None, None) => wire::Addresses::Pending,
    }
}

/// Publishes what the mesh said of addresses. "No answer yet" publishes nothing: what was known before stays.
pub fn publish_addresses(said: wire::Addresses, out: &mut Publisher<Addresses>) {
    match said {
        wire::Addresses::Pending => {}
        wire::Addresses::Neg => out.set(Addresses::Neg),
        wire::Addresses::Failed(why) => out.fail(why),
        wire::Addresses::Bound(set) => {
            let mut addresses = AddressSet::new(set.endpoints.into_iter().map(endpoint_from_wire));
            addresses.authority = set.authority;
            addresses.metadata = set.metadata;
            match set.stale {
                None => out.set(Addresses::Bound(addresses)),
                Some(why) => {
                    let failure = Failure {
                        reason: why.into(),
                        since: Instant::now(),
                    };
                    out.set_stale(Addresses::Bound(addresses), &failure);
                }
            }
        }
    }
}

fn endpoint_to_wire(endpoint: &Endpoint) -> wire::Endpoint {
    wire::Endpoint {
        address: endpoint.address,
        weight: endpoint.weight,
        node_name: endpoint.node_name.clone(),
        metadata: endpoint.metadata.clone(),
    }
}

fn endpoint_from_wire(endpoint: wire::Endpoint) -> Endpoint {
    Endpoint {
        address: endpoint.address,
        weight: endpoint.weight,
        node_name: endpoint.node_name,
        metadata: endpoint.metadata,
    }
}
