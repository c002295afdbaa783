//! Which node takes a request.
//!
//! Nodes of equal weight form a class. First a class is drawn, by its weight times its size, then one of its members, as the
//! [`Kind`] says. A class in which no node is open gives its requests to the next. If no node is open at all, one is picked
//! that is not: status is a guess, and a request that goes nowhere has failed already.
//! Source: finagle `TrafficDistributor`, and its balancers.

mod aperture;
mod class;
mod panic;
mod picking;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::instant::nanos;
use crate::node::{Node, Standing, Status};
use crate::peak_ewma::PeakEwma;
use class::{Class, Drawn};
use panic::Panic;
use picking::{Newcomers, Picking};

/// How a node of a class is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Of two drawn, the one with fewer requests.
    P2c {
        /// How often is drawn until an open one is found.
        max_effort: usize,
    },
    /// Of two drawn, the one whose requests, and one more, cost less time.
    Ewma {
        /// How often is drawn until an open one is found.
        max_effort: usize,
        /// How fast the peak of the latencies fades.
        decay: Duration,
    },
    /// Of two drawn from a few, the one with fewer requests. The few become more or fewer with the load.
    Aperture {
        /// How often is drawn until an open one is found.
        max_effort: usize,
        /// What the load is averaged over.
        smooth_window: Duration,
        /// With so many requests at each of the few, or fewer, they become fewer.
        low_load: f64,
        /// With so many, or more, they become more.
        high_load: f64,
        /// How many they are at least.
        min_aperture: usize,
    },
    /// Of all, the one with fewest requests.
    ///
    /// All are looked at, at a few nanoseconds each: up to a few hundred nodes that is less than what the reference's heap costs,
    /// which has to be locked and rewritten when a request begins and when it ends, by every core.
    Heap,
    /// One after the other.
    RoundRobin {
        /// How many are looked at until an open one is found.
        max_effort: usize,
    },
}

impl Kind {
    /// Its name in metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::P2c { .. } => "p2c_least_loaded",
            Self::Ewma { .. } => "p2c_peak_ewma",
            Self::Aperture { .. } => "aperture_least_loaded",
            Self::Heap => "heap_least_loaded",
            Self::RoundRobin { .. } => "round_robin",
        }
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self::P2c { max_effort: 5 }
    }
}

/// How a balancer chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Balancing {
    /// How a node of a class is chosen.
    pub kind: Kind,
    /// For how long the chance of a new node grows, from none to that of the others.
    pub slow_start: Duration,
    /// With a smaller share of open nodes than this, 0..1, their status is ignored: so many cannot be broken, and the few that
    /// are left would be next.
    pub panic_threshold: f64,
}

impl Balancing {
    /// What a node needs to have, from now on.
    pub fn standing(&self, now: Duration, draw: &mut impl FnMut() -> f64) -> Standing {
        let latency = match self.kind {
            Kind::Ewma { decay, .. } => Some(PeakEwma::new(decay)),
            _ => None,
        };
        Standing {
            since: now,
            lot: draw(),
            latency,
        }
    }
}

/// Nodes to choose from. All who send requests share it. When addresses change, [`Balancer::next`] makes another one.
pub struct Balancer<N> {
    balancing: Balancing,
    classes: Vec<Class<N>>,
    /// The sum of the classes' shares.
    total: f64,
    newcomers: Newcomers,
    panic: Panic,
}

/// A node that was picked, and what that took.
#[derive(Debug)]
pub struct Pick<'a, N> {
    /// The node.
    pub node: &'a Arc<N>,
    /// Whether as many nodes as the effort allows were drawn without finding one to use. Then all were looked at.
    pub is_effort_exhausted: bool,
    /// Whether the class that was drawn had no node to use, and gave the request to the next.
    pub is_class_busy: bool,
    /// Whether no node is open: this one is not either.
    pub is_desperate: bool,
}

impl<N: Node> Balancer<N> {
    /// Groups nodes by weight. Weights that are no positive number count as zero; where all are zero, all count alike.
    pub fn new(balancing: Balancing, nodes: impl IntoIterator<Item = (f64, Arc<N>)>) -> Self {
        Self::following(balancing, nodes, None)
    }

    /// A balancer of other nodes that goes on where this one is: the aperture keeps its size, round robin its place.
    pub fn next(&self, nodes: impl IntoIterator<Item = (f64, Arc<N>)>) -> Self {
        Self::following(self.balancing, nodes, Some(self))
    }

    fn following(
        balancing: Balancing,
        nodes: impl IntoIterator<Item = (f64, Arc<N>)>,
        before: Option<&Self>,
    ) -> Self {
        let nodes = nodes.into_iter();
        let mut nodes: Vec<_> = nodes.map(|(weight, node)| (sane(weight), node)).collect();
        nodes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let all_zero = nodes.iter().all(|(weight, _)| *weight == 0.0);
        let newcomers = Newcomers::new(balancing.slow_start, nodes.iter().map(|(_, node)| &**node));
        let (mut classes, mut total) = (Vec::new(), 0.0);
        for same in nodes.chunk_by(|(a, _), (b, _)| a == b) {
            let weight = same[0].0;
            total += same.len() as f64 * if all_zero { 1.0 } else { weight };
            let members = same.iter().map(|(_, node)| Arc::clone(node)).collect();
            let before = before
                .and_then(|before| before.classes.iter().find(|class| class.weight == weight));
            let drawing = match before {
                Some(class) => class.drawing.clone(),
                None => balancing.kind.into(),
            };
            classes.push(Class::new(weight, total, members, drawing));
        }
        Self {
            balancing,
            classes,
            total,
            newcomers,
            panic: Panic::new(balancing.panic_threshold),
        }
    }

    /// Picks a node that was not tried before, while there is one. `draw` yields numbers in 0..1.
    pub fn pick(
        &self,
        now: Duration,
        draw: &mut impl FnMut() -> f64,
        is_tried: impl Fn(&N) -> bool,
    ) -> Option<Pick<'_, N>> {
        let panics = self.panic.is_on(now, || (self.open(now), self.len()));
        let mut picking = Picking {
            now,
            draw,
            is_usable: |node: &N| !is_tried(node) && (panics || node.status(now) == Status::Open),
            newcomers: self.newcomers.of(now),
        };
        let first = self.draw_class(&mut picking)?;
        match self.classes[first].draw(&mut picking) {
            Drawn::Usable(node) => Some(Pick {
                node,
                is_effort_exhausted: false,
                is_class_busy: false,
                is_desperate: false,
            }),
            Drawn::Unusable(last) => self.pick_elsewhere(first, last, &mut picking, &is_tried),
        }
    }

    /// The number of a class; none if there are no nodes.
    fn draw_class<D: FnMut() -> f64, U>(&self, picking: &mut Picking<'_, D, U>) -> Option<usize> {
        match &*self.classes {
            [] => None,
            [_] => Some(0),
            classes => {
                let mark = (picking.draw)() * self.total;
                let at = classes.partition_point(|class| class.cumulative <= mark);
                Some(at.min(classes.len() - 1))
            }
        }
    }

    /// The node that has least to do, of the class whose draws found none; else one of the next class; else one that is not open.
    #[cold]
    fn pick_elsewhere<'a, D, U>(
        &'a self,
        first: usize,
        last: &'a Arc<N>,
        picking: &mut Picking<'_, D, U>,
        is_tried: impl Fn(&N) -> bool,
    ) -> Option<Pick<'a, N>>
    where
        D: FnMut() -> f64,
        U: Fn(&N) -> bool,
    {
        let pick = |node, is_class_busy, is_desperate| Pick {
            node,
            is_effort_exhausted: true,
            is_class_busy,
            is_desperate,
        };
        let (before, from_first) = self.classes.split_at(first);
        for (turn, class) in from_first.iter().chain(before).enumerate() {
            if turn > 0
                && let Drawn::Usable(node) = class.draw(picking)
            {
                return Some(pick(node, true, false));
            }
            if let Some(node) = class.least(picking) {
                return Some(pick(node, turn > 0, false));
            }
        }
        if !is_tried(last) {
            return Some(pick(last, false, true));
        }
        let node = self.members().find(|node| !is_tried(node))?;
        Some(pick(node, false, true))
    }

    /// How many nodes are open. Asks each one.
    pub fn open(&self, now: Duration) -> usize {
        let open = |node: &&Arc<N>| node.status(now) == Status::Open;
        self.members().filter(open).count()
    }
}

impl<N> Balancer<N> {
    /// How it chooses.
    pub fn balancing(&self) -> &Balancing {
        &self.balancing
    }

    /// All nodes.
    pub fn members(&self) -> impl Iterator<Item = &Arc<N>> {
        self.weighted().map(|(_, node)| node)
    }

    /// All nodes with their weights.
    pub fn weighted(&self) -> impl Iterator<Item = (f64, &Arc<N>)> {
        self.classes
            .iter()
            .flat_map(|class| class.members.iter().map(|node| (class.weight, node)))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.classes.iter().map(|class| class.members.len()).sum()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Of how many nodes one is picked at present, over all classes: fewer than all with an aperture only.
    pub fn aperture(&self) -> usize {
        self.classes.iter().map(Class::aperture).sum()
    }
}

/// The nodes that have left their set and are still open. They are used until they are busy: discovery may be wrong about
/// them. With those that stay, the next balancer is made from `new` and from what this says of `old`, which may hold some that
/// left before.
pub fn on_probation<N: Node>(
    now: Duration,
    old: impl IntoIterator<Item = (f64, Arc<N>)>,
    new: &[(f64, Arc<N>)],
) -> Vec<(f64, Arc<N>)> {
    let stays = |node: &Arc<N>| new.iter().any(|(_, other)| Arc::ptr_eq(node, other));
    old.into_iter()
        .filter(|(_, node)| node.status(now) == Status::Open && !stays(node))
        .collect()
}

/// What is no positive number counts as zero.
fn sane(weight: f64) -> f64 {
    if weight.is_finite() {
        weight.max(0.0)
    } else {
        0.0
    }
}

impl<N> fmt::Debug for Balancer<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self
            .classes
            .iter()
            .map(|class| (class.weight, class.members.len()));
        write!(f, "{} ", self.balancing.kind.label())?;
        f.debug_map().entries(sizes).finish()
    }
}

#[cfg(test)]
mod tests;
