//! Transformers: what is done to names once they are bound.
//!
//! A list of them stands behind a namer ([`TransformedNamer`]) or an interpreter ([`Transformed`]). Each changes where
//! bound names lead to, and puts its prefix before their ids, so that what is changed differently is never taken for
//! the same. What they do to addresses is [`rewrites`]'.
//!
//! Source: linkerd `NameTreeTransformer` and what extends it.

mod host;
mod interpreter;
mod namer;
mod rewrites;

use std::sync::Arc;

use dtab::{Dtab, Leaf, NameTree, Outcome, Path};
use live::{Live, Reads};

pub(crate) use host::local_addresses;
pub(crate) use interpreter::Transformed;
pub(crate) use namer::TransformedNamer;
pub(crate) use rewrites::Rewrite;
use rewrites::Rewrites;

use crate::binder::replace_leaves;
use crate::{Addresses, Bound, BoundId, BoundTree, Namers};

/// Transformers in their order, the first one innermost. A clone shares what they have made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transformers(Arc<[Stage]>);

/// One transformer.
#[derive(Debug)]
pub(crate) enum Transformer {
    /// Each bound name has other addresses, and this before its id.
    Rewrite(Path, Rewrite),
    /// `io.l5d.replace`: each bound name is another.
    Replace(Target),
    /// `io.l5d.const`: the tree is another, also if it has no bound name.
    Const(Target),
}

#[derive(Debug)]
enum Stage {
    /// All that stand next to each other.
    Rewrites(Rewrites),
    Replace(Target),
    Const(Target),
}

/// What names are replaced by.
#[derive(Debug)]
pub(crate) struct Target {
    /// What the ids begin with.
    pub(crate) prefix: Path,
    /// Bound without any dtab.
    pub(crate) path: Path,
    /// Who answers for it.
    pub(crate) namers: Namers,
}

/// Why there is no tree.
#[derive(Debug, PartialEq)]
pub(crate) enum Unbound {
    /// A namer has not answered yet.
    Pending,
    /// Binding fails, and why.
    Failed(String),
}

impl Transformers {
    pub(crate) fn new(transformers: Vec<Transformer>) -> Self {
        let mut stages = Vec::new();
        for transformer in transformers {
            match (transformer, stages.last_mut()) {
                (Transformer::Rewrite(prefix, rewrite), Some(Stage::Rewrites(rewrites))) => {
                    rewrites.push(prefix, rewrite);
                }
                (Transformer::Rewrite(prefix, rewrite), _) => {
                    let mut rewrites = Rewrites::default();
                    rewrites.push(prefix, rewrite);
                    stages.push(Stage::Rewrites(rewrites));
                }
                (Transformer::Replace(target), _) => stages.push(Stage::Replace(target)),
                (Transformer::Const(target), _) => stages.push(Stage::Const(target)),
            }
        }
        Self(stages.into())
    }

    /// What becomes of a tree of bound names. What that rests on, but for addresses, is read through `reads`.
    pub(crate) fn transform(
        &self,
        mut tree: BoundTree,
        reads: &mut Reads,
    ) -> Result<BoundTree, Unbound> {
        for stage in self.0.iter() {
            tree = match stage {
                Stage::Rewrites(rewrites) => tree.map(&mut |leaf| Leaf {
                    bound: rewrites.apply(&leaf.bound),
                    weight: leaf.weight,
                }),
                Stage::Replace(target) => {
                    let other = target.bind(reads)?;
                    let replace = &mut |leaf: Leaf<Bound>| in_place_of(&leaf, &other);
                    replace_leaves(tree, replace).simplify()
                }
                Stage::Const(target) => target.bind(reads)?,
            };
        }
        Ok(tree)
    }

    /// The addresses by which it is judged whether a name has any: those that are left of them in the end. None if the
    /// name itself is replaced: it does not matter then whether it has any.
    pub(crate) fn judged(&self, bound: &Bound) -> Option<Live<Addresses>> {
        match &*self.0 {
            [] => Some(bound.addresses.clone()),
            [Stage::Rewrites(rewrites)] => Some(rewrites.apply(bound).addresses),
            _ => None,
        }
    }

    /// Whether the tree is another one, not only its names.
    fn is_const(&self) -> bool {
        self.0.iter().any(|stage| matches!(stage, Stage::Const(_)))
    }

    /// The transformers, if all that they change is addresses. Only these can be shown in a delegation.
    fn only_rewrites(&self) -> Option<&Rewrites> {
        match &*self.0 {
            [Stage::Rewrites(rewrites)] => Some(rewrites),
            _ => None,
        }
    }
}

/// The other tree, whose names hang on the branch that the leaf hung on.
fn in_place_of(leaf: &Leaf<Bound>, other: &BoundTree) -> BoundTree {
    other.map(&mut |name| Leaf {
        bound: name.bound.clone(),
        weight: name.weight.or(leaf.weight),
    })
}

impl Target {
    fn bind(&self, reads: &mut Reads) -> Result<BoundTree, Unbound> {
        let mut ask = |path: &Path| self.namers.lookup(path, reads);
        match dtab::bind(&self.path, &Dtab::empty(), &mut ask) {
            Outcome::Pending => Err(Unbound::Pending),
            Outcome::Failed(error) => Err(Unbound::Failed(error.to_string())),
            Outcome::Bound(bound) => Ok(self.named(&bound.tree)),
        }
    }

    /// The tree with ids that begin with the prefix. The one name that the path leads to has the path for its id; of
    /// several each keeps its own, because they must not be taken for one.
    fn named(&self, tree: &BoundTree) -> BoundTree {
        let is_one = matches!(tree, NameTree::Leaf(_));
        tree.map(&mut |leaf| {
            let mut leaf = leaf.clone();
            if let BoundId::Path(id) = &leaf.bound.id {
                let id = if is_one { &self.path } else { id };
                leaf.bound.id = BoundId::Path(self.prefix.join(id));
            }
            leaf
        })
    }
}

#[cfg(test)]
mod tests;
