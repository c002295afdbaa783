//! `/bind`, `/addr`, `/resolve` and `/bound-names`: what names mean now.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dtab::{Dtab, Leaf, NameTree, Path};
use live::{Live, Reads, State};
use mesh::api::{Addr, BoundName};
use namer::{Addresses, Binder, Binding, Bound, BoundId, BoundTree, Evaluated, Interpreter};
use serde_json::Value;

use super::call::Call;
use super::records::{Look, Records};
use super::{Answer, Api, json_line};
use crate::store::Namespace;

impl Api {
    /// The tree that a path is bound to. A change of addresses alone is no news to a watch.
    pub(super) async fn bind(&self, namespace: &str, call: &Call) -> Answer {
        let (path, dtab) = (call.path()?, call.dtab()?);
        let bound = Bindings::new(self.binder(namespace), &path, &dtab);
        let mut last: Option<(Arc<BoundTree>, Bytes)> = None;
        let records = Records::new(move |reads| {
            let tree = match bound.tree(reads) {
                Ok(tree) => tree,
                Err(look) => return look,
            };
            if let Some((shown, record)) = &last
                && *shown == tree
            {
                return Look::Shows(record.clone());
            }
            let Some(json) = tree_json(&tree, reads) else {
                return Look::Wait;
            };
            let record = json_line(&json);
            last = Some((tree, record.clone()));
            Look::Shows(record)
        });
        self.shown(call, records, &unanswered(&path)).await
    }

    /// The addresses of a bound id. No dtab plays a part in it.
    pub(super) async fn addr(&self, call: &Call) -> Answer {
        let path = call.path()?;
        let id = dtab::strip_transformer_prefix(&path);
        let bound = Bindings::new(Arc::clone(self.namespaces.concrete()), &id, &Dtab::empty());
        let records = Records::new(move |reads| {
            let tree = match bound.tree(reads) {
                Ok(tree) => tree,
                Err(look) => return look,
            };
            match &*tree {
                NameTree::Leaf(Leaf { bound, .. }) => addresses(bound, reads),
                NameTree::Neg => Look::Shows(json_line(&Addr::Neg)),
                NameTree::Empty => Look::Shows(json_line(&no_addresses())),
                NameTree::Fail => Look::Fails("name tree failed".to_owned()),
                NameTree::Alt(_) | NameTree::Union(_) => {
                    Look::Fails(format!("{id} is not a concrete bound id"))
                }
            }
        });
        self.shown(call, records, &unanswered(&path)).await
    }

    /// The addresses of one bound id of the tree that a path is bound to, drawn by weight, and again whenever the tree
    /// changes.
    pub(super) async fn resolve(&self, namespace: &str, call: &Call) -> Answer {
        let (path, dtab) = (call.path()?, call.dtab()?);
        let bindings = Bindings::new(self.binder(namespace), &path, &dtab);
        let mut last: Option<(Arc<BoundTree>, Option<Bound>)> = None;
        let records = Records::new(move |reads| {
            let tree = match bindings.tree(reads) {
                Ok(tree) => tree,
                Err(look) => return look,
            };
            let drawn = match &last {
                Some((shown, drawn)) if *shown == tree => drawn.clone(),
                _ => draw(&tree).cloned(),
            };
            last = Some((tree, drawn.clone()));
            drawn.map_or_else(
                || Look::Shows(json_line(&Addr::Neg)),
                |bound| addresses(&bound, reads),
            )
        });
        self.shown(call, records, &unanswered(&path)).await
    }

    /// What the namers can list.
    pub(super) async fn bound_names(&self, call: &Call) -> Answer {
        let lists = self.namespaces.namers().names();
        let records = Records::new(move |reads| {
            let states: Vec<_> = lists.iter().map(|list| reads.read(list)).collect();
            if states.iter().any(|state| state.is_pending()) {
                return Look::Wait;
            }
            let known = states.iter().filter_map(|state| state.value());
            let names: BTreeSet<&Path> = known.flat_map(|names| names.iter()).collect();
            Look::Shows(json_line(&names))
        });
        self.shown(call, records, "the namers have not answered yet")
            .await
    }

    /// The binder of a namespace. One with an illegal name cannot exist, so that only what comes with the request counts.
    pub(super) fn binder(&self, namespace: &str) -> Arc<Binder> {
        match Namespace::new(namespace) {
            Ok(namespace) => self.namespaces.binder(&namespace),
            Err(_) => Arc::clone(self.namespaces.concrete()),
        }
    }
}

fn unanswered(path: &Path) -> String {
    format!("no answer for {path} yet: the store or a namer was not heard, try again soon")
}

/// A binding, and the binder that it must not outlive, so that others share it.
struct Bindings {
    _binder: Arc<Binder>,
    binding: Live<Binding>,
}

impl Bindings {
    fn new(binder: Arc<Binder>, path: &Path, dtab: &Dtab) -> Self {
        Self {
            binding: binder.bind(path, dtab),
            _binder: binder,
        }
    }

    /// The bound tree, or why there is none.
    fn tree(&self, reads: &mut Reads) -> Result<Arc<BoundTree>, Look> {
        let state = reads.read(&self.binding);
        let Some(binding) = state.value() else {
            return Err(match state.failure() {
                Some(failure) => Look::Fails(failure.reason.to_string()),
                None => Look::Wait,
            });
        };
        match &binding.outcome {
            Evaluated::Pending => Err(Look::Wait),
            Evaluated::Failed(why) => Err(Look::Fails(why.to_string())),
            Evaluated::Bound(tree, _) => Ok(Arc::clone(tree)),
        }
    }
}

/// A tree with a sample of its addresses; none while one of them is not known yet.
fn tree_json(tree: &BoundTree, reads: &mut Reads) -> Option<Value> {
    let mut is_pending = false;
    let json = tree.to_json(&mut |leaf| {
        let state = reads.read(&leaf.bound.addresses);
        is_pending |= state.is_pending();
        let mut addr = addr(&state);
        if let (Addr::Bound { meta, .. }, Some(weight)) = (&mut addr, leaf.weight) {
            meta.insert("namer_nametree_weight".to_owned(), weight.into());
        }
        let id = match &leaf.bound.id {
            BoundId::Path(id) => id.clone(),
            BoundId::Status(code) => mesh::wire::BoundId::Status(*code).path(),
        };
        bound_json(id, &leaf.bound.residual, addr)
    });
    (!is_pending).then_some(json)
}

/// A bound name as JSON.
pub(super) fn bound_json(id: Path, residual: &Path, addr: Addr) -> Value {
    let name = BoundName {
        addr,
        id,
        path: residual.clone(),
    };
    serde_json::to_value(name).expect("a bound name has text keys and no failing parts")
}

/// What is known of addresses, as JSON shows it.
pub(super) fn addr(state: &State<Addresses>) -> Addr {
    Addr::from(&namer::wire::addresses_to_wire(state))
}

fn addresses(bound: &Bound, reads: &mut Reads) -> Look {
    match addr(&reads.read(&bound.addresses)) {
        Addr::Pending => Look::Wait,
        addr => Look::Shows(json_line(&addr)),
    }
}

fn no_addresses() -> Addr {
    Addr::Bound {
        addrs: Vec::new(),
        meta: mesh::api::Metadata::new(),
    }
}

/// Draws one bound name of a tree: of a union by weight, of an alternative the first that has one.
fn draw(tree: &BoundTree) -> Option<&Bound> {
    match tree {
        NameTree::Leaf(leaf) => Some(&leaf.bound),
        NameTree::Alt(trees) => trees.iter().find_map(draw),
        NameTree::Union(branches) => {
            let mut left =
                fastrand::f64() * branches.iter().map(|branch| branch.weight).sum::<f64>();
            let drawn = branches.iter().find(|branch| {
                left -= branch.weight;
                left < 0.0
            });
            // Nothing is drawn where all weights are zero.
            drawn
                .or_else(|| branches.last())
                .and_then(|branch| draw(&branch.tree))
        }
        NameTree::Neg | NameTree::Fail | NameTree::Empty => None,
    }
}
