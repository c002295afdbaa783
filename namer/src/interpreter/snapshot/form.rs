//! A snapshot as JSON.

use std::collections::HashMap;
use std::sync::Arc;

use dtab::{Leaf, NameTree, Path, Weighted};
use live::State;
use mesh::api;
use mesh::wire::{self, BoundName};
use serde::{Deserialize, Serialize};

use super::{KnownAddresses, KnownName, KnownTree, Moment, Snapshot};
use crate::Addresses;

/// What the first field says.
const FORMAT: &str = "switchyard-snapshot/1";

/// A whole snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Form {
    format: String,
    namespace: String,
    /// The dtabs that names are bound with beside the namespace's.
    dtabs: Vec<String>,
    names: Vec<Name>,
    addresses: Vec<Id>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    path: Path,
    /// Which of the dtabs.
    dtab: usize,
    revision: u64,
    /// Seconds since 1970.
    known_at: u64,
    /// Seconds since 1970.
    used_at: u64,
    tree: Tree,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Tree {
    Neg,
    Fail,
    Empty,
    Alt {
        alt: Vec<Self>,
    },
    Union {
        union: Vec<Branch>,
    },
    Leaf {
        id: Path,
        residual: Path,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<f64>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Branch {
    weight: f64,
    tree: Tree,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Id {
    id: Path,
    /// Seconds since 1970.
    known_at: u64,
    addresses: api::Addr,
}

impl Form {
    pub(super) fn new(snapshot: Snapshot, namespace: &str) -> Self {
        let mut dtabs = Vec::new();
        let mut numbers: HashMap<Arc<str>, usize> = HashMap::new();
        let names = snapshot.names.into_iter().map(|((path, dtab), known)| {
            let number = *numbers.entry(dtab).or_insert_with_key(|dtab| {
                dtabs.push(dtab.to_string());
                dtabs.len() - 1
            });
            Name {
                path,
                dtab: number,
                revision: known.revision,
                known_at: known.known_at.0,
                used_at: known.used_at.0,
                tree: write_tree(&known.tree.to_wire()),
            }
        });
        let names = names.collect();
        let addresses = snapshot.addresses.into_iter().map(|(id, known)| Id {
            id,
            known_at: known.known_at.0,
            addresses: (&crate::wire::addresses_to_wire(&State::Ready(known.addresses))).into(),
        });
        Self {
            format: FORMAT.to_owned(),
            namespace: namespace.to_owned(),
            dtabs,
            names,
            addresses: addresses.collect(),
        }
    }

    /// What is in it; an error says whose it is if it is not this namespace's. Single entries without a meaning are left
    /// out.
    pub(super) fn into_snapshot(self, namespace: &str) -> Result<Snapshot, String> {
        if self.format != FORMAT {
            return Err(format!("of the format {:?}", self.format));
        }
        if self.namespace != namespace {
            return Err(format!("of the namespace {:?}", self.namespace));
        }
        let dtabs: Vec<Arc<str>> = self.dtabs.into_iter().map(Into::into).collect();
        let names = self.names.into_iter().filter_map(|name| {
            let known = KnownName {
                tree: KnownTree::Past(Arc::new(read_tree(name.tree)?)),
                revision: name.revision,
                known_at: Moment(name.known_at),
                used_at: Moment(name.used_at),
            };
            Some(((name.path, Arc::clone(dtabs.get(name.dtab)?)), known))
        });
        let addresses = self.addresses.into_iter().filter_map(|id| {
            let known = KnownAddresses {
                addresses: read_addresses(id.addresses)?,
                known_at: Moment(id.known_at),
            };
            Some((id.id, known))
        });
        Ok(Snapshot {
            names: names.collect(),
            addresses: addresses.collect(),
            ..Snapshot::default()
        })
    }
}

fn read_addresses(addresses: api::Addr) -> Option<Arc<Addresses>> {
    let (mut out, live) = live::channel();
    crate::wire::publish_addresses(addresses.try_into().ok()?, &mut out);
    live.value()
}

fn write_tree(tree: &wire::BoundTree) -> Tree {
    match tree {
        NameTree::Neg => Tree::Neg,
        NameTree::Fail => Tree::Fail,
        NameTree::Empty => Tree::Empty,
        NameTree::Alt(trees) => Tree::Alt {
            alt: trees.iter().map(write_tree).collect(),
        },
        NameTree::Union(branches) => {
            let branches = branches.iter().map(|branch| Branch {
                weight: branch.weight,
                tree: write_tree(&branch.tree),
            });
            Tree::Union {
                union: branches.collect(),
            }
        }
        NameTree::Leaf(leaf) => Tree::Leaf {
            id: leaf.bound.id.path(),
            residual: leaf.bound.residual.clone(),
            weight: leaf.weight,
        },
    }
}

/// None for a weight that is none.
fn read_tree(tree: Tree) -> Option<wire::BoundTree> {
    let is_weight = |weight: f64| weight.is_finite() && weight >= 0.0;
    Some(match tree {
        Tree::Neg => NameTree::Neg,
        Tree::Fail => NameTree::Fail,
        Tree::Empty => NameTree::Empty,
        Tree::Alt { alt } => NameTree::Alt(alt.into_iter().map(read_tree).collect::<Option<_>>()?),
        Tree::Union { union } => {
            let branches = union.into_iter().map(|branch| {
                let tree = read_tree(branch.tree)?;
                is_weight(branch.weight).then_some(Weighted {
                    weight: branch.weight,
                    tree,
                })
            });
            NameTree::Union(branches.collect::<Option<_>>()?)
        }
        Tree::Leaf {
            id,
            residual,
            weight,
        } => NameTree::Leaf(Leaf {
            bound: BoundName {
                id: id.into(),
                residual,
            },
            weight: weight.filter(|weight| is_weight(*weight)),
        }),
    })
}
