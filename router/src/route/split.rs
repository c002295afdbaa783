//! What requests of one name draw from: clients with cumulative shares, swapped as a whole.

use std::sync::Arc;

use dtab::Leaf;
use namer::Bound;

use super::Share;
use crate::client::{Client, Clients};
use crate::headers::shown_value;

/// The branches of a bound name.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    branches: Vec<Branch>,
    /// The share that dead branches of the unions lost to the others.
    pub(crate) dead_share: f64,
}

#[derive(Clone, Debug)]
struct Branch {
    /// The shares of this branch and of those before it.
    cumulative: f64,
    /// None for an Empty branch.
    picked: Option<Picked>,
}

/// The client of one request.
#[derive(Clone, Debug)]
pub(crate) struct Picked {
    pub(crate) client: Arc<Client>,
    /// What the binding left of the name, if anything, as `l5d-dst-residual` carries it.
    pub(crate) residual: Option<Arc<[u8]>>,
}

impl Split {
    /// The branches of a tree, each with its client.
    pub(crate) fn new(
        shares: &[Share<'_, Leaf<Bound>>],
        dead_share: f64,
        clients: &Clients,
    ) -> Self {
        let mut cumulative = 0.0;
        let branches = shares.iter().map(|share| {
            cumulative += share.share;
            let picked = share.leaf.map(|leaf| Picked {
                client: clients.of(&leaf.bound),
                residual: (!leaf.bound.residual.is_empty())
                    .then(|| shown_value(&leaf.bound.residual.to_string()).into()),
            });
            Branch { cumulative, picked }
        });
        Self {
            branches: branches.collect(),
            dead_share,
        }
    }

    /// Draws a branch; none if it is an Empty one. `draw` yields numbers in 0..1 and is asked only where there is a choice.
    pub(crate) fn pick(&self, draw: &mut impl FnMut() -> f64) -> Option<Picked> {
        let branch = match &*self.branches {
            [only] => only,
            branches => {
                let mark = draw() * branches.last()?.cumulative;
                let at = branches.partition_point(|branch| branch.cumulative <= mark);
                &branches[at.min(branches.len() - 1)]
            }
        };
        branch.picked.clone()
    }
}

/// Equal splits send every request the same way.
impl PartialEq for Split {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Branch, &Branch)| {
            let picked = match (&a.picked, &b.picked) {
                (Some(a), Some(b)) => Arc::ptr_eq(&a.client, &b.client) && a.residual == b.residual,
                (None, None) => true,
                _ => false,
            };
            picked && a.cumulative == b.cumulative
        };
        self.branches.len() == other.branches.len()
            && self.dead_share == other.dead_share
            && self.branches.iter().zip(&other.branches).all(same)
    }
}
