//! Nodes of equal weight, and how one of them is drawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Kind;
use super::aperture::{Aperture, Limits};
use super::picking::Picking;
use crate::node::Node;

/// Nodes of equal weight. There is at least one.
pub(super) struct Class<N> {
    pub(super) weight: f64,
    /// The shares of this class and of those before it.
    pub(super) cumulative: f64,
    pub(super) members: Vec<Arc<N>>,
    pub(super) drawing: Drawing,
}

/// How a member is drawn, and how far that is.
#[derive(Debug)]
pub(super) enum Drawing {
    /// Of two, the one with less load.
    Two { max_effort: usize },
    /// Of two of the first ones.
    TwoOfFew { max_effort: usize, few: Aperture },
    /// Of all.
    Least,
    /// The next.
    Next { max_effort: usize, at: AtomicUsize },
}

impl From<Kind> for Drawing {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::P2c { max_effort } | Kind::Ewma { max_effort, .. } => Self::Two { max_effort },
            Kind::Heap => Self::Least,
            Kind::RoundRobin { max_effort } => Self::Next {
                max_effort,
                at: AtomicUsize::new(0),
            },
            Kind::Aperture {
                max_effort,
                smooth_window,
                low_load,
                high_load,
                min_aperture,
            } => Self::TwoOfFew {
                max_effort,
                few: Aperture::new(Limits {
                    smooth_window,
                    low_load,
                    high_load,
                    min_aperture,
                }),
            },
        }
    }
}

impl Clone for Drawing {
    fn clone(&self) -> Self {
        match self {
            Self::Two { max_effort } => Self::Two {
                max_effort: *max_effort,
            },
            Self::TwoOfFew { max_effort, few } => Self::TwoOfFew {
                max_effort: *max_effort,
                few: few.clone(),
            },
            Self::Least => Self::Least,
            Self::Next { max_effort, at } => Self::Next {
                max_effort: *max_effort,
                at: AtomicUsize::new(at.load(Ordering::Relaxed)),
            },
        }
    }
}

/// What the draws have found.
pub(super) enum Drawn<'a, N> {
    Usable(&'a Arc<N>),
    /// Nothing; the last that was drawn.
    Unusable(&'a Arc<N>),
}

impl<N: Node> Class<N> {
    pub(super) fn new(
        weight: f64,
        cumulative: f64,
        mut members: Vec<Arc<N>>,
        drawing: Drawing,
    ) -> Self {
        // Not the order of addresses: many routers would begin with the same node.
        if matches!(drawing, Drawing::TwoOfFew { .. } | Drawing::Next { .. }) {
            members.sort_by(|a, b| a.standing().lot.total_cmp(&b.standing().lot));
        }
        Self {
            weight,
            cumulative,
            members,
            drawing,
        }
    }

    /// Draws a member that may be used.
    pub(super) fn draw<D, U>(&self, picking: &mut Picking<'_, D, U>) -> Drawn<'_, N>
    where
        D: FnMut() -> f64,
        U: Fn(&N) -> bool,
    {
        let members = &*self.members;
        match &self.drawing {
            Drawing::Two { max_effort } => two(members, *max_effort, picking),
            Drawing::TwoOfFew { max_effort, few } => {
                few.look(picking.now, members, &picking.is_usable);
                two(&members[..few.reach(members.len())], *max_effort, picking)
            }
            Drawing::Least => match self.least_admitted(picking) {
                Some(node) => Drawn::Usable(node),
                None => Drawn::Unusable(&members[picking.index(members.len())]),
            },
            Drawing::Next { max_effort, at } => next(members, *max_effort, at, picking),
        }
    }

    /// The usable member with the least load, however new it is.
    pub(super) fn least<D, U>(&self, picking: &mut Picking<'_, D, U>) -> Option<&Arc<N>>
    where
        D: FnMut() -> f64,
        U: Fn(&N) -> bool,
    {
        let newcomers = picking.newcomers.take();
        let least = self.least_admitted(picking);
        picking.newcomers = newcomers;
        least
    }

    /// Looks at all. Of those with equally little to do each has the same chance, wherever it stands.
    fn least_admitted<D, U>(&self, picking: &mut Picking<'_, D, U>) -> Option<&Arc<N>>
    where
        D: FnMut() -> f64,
        U: Fn(&N) -> bool,
    {
        let mut least: Option<(f64, &Arc<N>)> = None;
        let mut equals = 0;
        for node in &self.members {
            let load = load(&**node, picking.now);
            if least.is_some_and(|(other, _)| load > other)
                || !(picking.is_usable)(node)
                || !picking.admits(&**node)
            {
                continue;
            }
            if least.is_some_and(|(other, _)| load == other) {
                equals += 1;
                if picking.index(equals) > 0 {
                    continue;
                }
            } else {
                equals = 1;
            }
            least = Some((load, node));
        }
        least.map(|(_, node)| node)
    }
}

impl<N> Class<N> {
    pub(super) fn aperture(&self) -> usize {
        match &self.drawing {
            Drawing::TwoOfFew { few, .. } => few.size(self.members.len()),
            _ => self.members.len(),
        }
    }
}

/// Of two different members the one that may be used, or the less loaded one, or the first drawn if they are equal.
fn two<'a, N, D, U>(
    members: &'a [Arc<N>],
    max_effort: usize,
    picking: &mut Picking<'_, D, U>,
) -> Drawn<'a, N>
where
    N: Node,
    D: FnMut() -> f64,
    U: Fn(&N) -> bool,
{
    if let [only] = members {
        return if (picking.is_usable)(only) {
            Drawn::Usable(only)
        } else {
            Drawn::Unusable(only)
        };
    }
    let mut efforts = 0;
    loop {
        let first = picking.candidate(members, |picking| picking.index(members.len()));
        let second = picking.candidate(members, |picking| {
            let other = picking.index(members.len() - 1);
            if other < first { other } else { other + 1 }
        });
        let (first, second) = (&members[first], &members[second]);
        let better = match ((picking.is_usable)(first), (picking.is_usable)(second)) {
            (true, false) => return Drawn::Usable(first),
            (false, true) => return Drawn::Usable(second),
            (true, true) => return Drawn::Usable(less_loaded(first, second, picking.now)),
            (false, false) => less_loaded(first, second, picking.now),
        };
        efforts += 1;
        if efforts >= max_effort {
            return Drawn::Unusable(better);
        }
    }
}

/// The members in turn.
fn next<'a, N, D, U>(
    members: &'a [Arc<N>],
    max_effort: usize,
    at: &AtomicUsize,
    picking: &mut Picking<'_, D, U>,
) -> Drawn<'a, N>
where
    N: Node,
    D: FnMut() -> f64,
    U: Fn(&N) -> bool,
{
    let mut efforts = 0;
    loop {
        let turn = picking.candidate(members, |_| {
            at.fetch_add(1, Ordering::Relaxed) % members.len()
        });
        let node = &members[turn];
        if (picking.is_usable)(node) {
            return Drawn::Usable(node);
        }
        efforts += 1;
        if efforts >= max_effort {
            return Drawn::Unusable(node);
        }
    }
}

fn less_loaded<'a, N: Node>(first: &'a Arc<N>, second: &'a Arc<N>, now: Duration) -> &'a Arc<N> {
    if load(&**second, now) < load(&**first, now) {
        second
    } else {
        first
    }
}

/// How much a node has to do.
fn load<N: Node>(node: &N, now: Duration) -> f64 {
    let pending = node.pending();
    match &node.standing().latency {
        Some(latency) => latency.load(now, pending),
        None => pending as f64,
    }
}
