//! What requests of one name draw from: clients with cumulative shares, swapped as a whole.

use std::sync::Arc;
use std::time::Duration;

use dtab::Leaf;
use namer::Bound;
use tokio::time::Instant;

use super::Share;
use crate::client::{Client, Clients};
use crate::headers::Shown;

/// The branches of a bound name.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    branches: Vec<Branch>,
    /// Until when some branches get less than their share, because they are new.
    grows_until: Option<Instant>,
    /// The share that dead branches of the unions lost to the others.
    pub(crate) dead_share: f64,
}

#[derive(Clone, Debug)]
struct Branch {
    /// The shares of this branch and of those before it.
    cumulative: f64,
    /// None for an Empty branch.
    picked: Option<Picked>,
    /// Since when it is there, if it was added to others.
    added: Option<Instant>,
}

/// The client of one request.
#[derive(Clone, Debug)]
pub(crate) struct Picked {
    pub(crate) client: Arc<Client>,
    /// What the binding left of the name, if anything, as `l5d-dst-residual` carries it.
    pub(crate) residual: Option<Shown>,
}

impl Split {
    /// The branches of a tree, each with its client. What the split `before` it had not may get its share little by little.
    pub(crate) fn new(
        shares: &[Share<'_, Leaf<Bound>>],
        dead_share: f64,
        clients: &Clients,
        before: Option<&Self>,
    ) -> Self {
        let now = Instant::now();
        let mut cumulative = 0.0;
        let branches = shares.iter().map(|share| {
            cumulative += share.share;
            let picked = share.leaf.map(|leaf| Picked {
                client: clients.of(&leaf.bound),
                residual: (!leaf.bound.residual.is_empty())
                    .then(|| Shown::new(&leaf.bound.residual.to_string())),
            });
            let added = picked.as_ref().zip(before).and_then(|(picked, before)| {
                let known = before
                    .branches
                    .iter()
                    .find(|branch| branch.leads_to(picked));
                known.map_or(Some(now), |branch| branch.added)
            });
            Branch {
                cumulative,
                picked,
                added,
            }
        });
        let branches: Vec<_> = branches.collect();
        let grown = branches.iter().filter_map(Branch::grown_at);
        Self {
            grows_until: grown.filter(|grown| *grown > now).max(),
            branches,
            dead_share,
        }
    }

    /// Draws a branch; none if it is an Empty one. `draw` yields numbers in 0..1 and is asked only where there is a choice.
    pub(crate) fn pick(&self, now: Instant, draw: &mut impl FnMut() -> f64) -> Option<Picked> {
        let branch = match &*self.branches {
            [only] => only,
            branches if self.grows_until.is_some_and(|until| now < until) => {
                pick_growing(branches, now, draw)?
            }
            branches => {
                let mark = draw() * branches.last()?.cumulative;
                let at = branches.partition_point(|branch| branch.cumulative <= mark);
                &branches[at.min(branches.len() - 1)]
            }
        };
        branch.picked.clone()
    }

    /// The address of its first client, if other names may have the very same split: not if it says what is left of a name, nor
    /// while it grows.
    pub(super) fn shared_under(&self) -> Option<usize> {
        let mut all = self
            .branches
            .iter()
            .filter_map(|branch| branch.picked.as_ref());
        let is_own = self.grows_until.is_some() || all.clone().any(|to| to.residual.is_some());
        let first = all.next().filter(|_| !is_own)?;
        Some(Arc::as_ptr(&first.client).addr())
    }
}

/// Draws a branch by shares of which new branches have a part only.
fn pick_growing<'a>(
    branches: &'a [Branch],
    now: Instant,
    draw: &mut impl FnMut() -> f64,
) -> Option<&'a Branch> {
    let shares = || {
        let mut before = 0.0;
        branches.iter().map(move |branch| {
            let share = branch.cumulative - before;
            before = branch.cumulative;
            (branch, share * branch.part_at(now))
        })
    };
    let mut mark = draw() * shares().map(|(_, share)| share).sum::<f64>();
    for (branch, share) in shares() {
        if mark < share {
            return Some(branch);
        }
        mark -= share;
    }
    branches.last()
}

/// However new it is: else nobody would ever find out that it is there.
const LEAST_PART: f64 = 0.001;

impl Branch {
    fn leads_to(&self, picked: &Picked) -> bool {
        let own = self.picked.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(&own.client, &picked.client))
    }

    fn slow_start(&self) -> Duration {
        let client = self.picked.as_ref().map(|picked| &picked.client);
        client.map_or(Duration::ZERO, |client| client.rules.balancing.slow_start)
    }

    /// When it gets all of its share, if it was added.
    fn grown_at(&self) -> Option<Instant> {
        Some(self.added? + self.slow_start())
    }

    /// Which part of its share it gets, 0..1.
    fn part_at(&self, now: Instant) -> f64 {
        let slow_start = self.slow_start();
        match self.added {
            Some(added) if added + slow_start > now => {
                let age = now.saturating_duration_since(added);
                (age.as_secs_f64() / slow_start.as_secs_f64()).max(LEAST_PART)
            }
            _ => 1.0,
        }
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
