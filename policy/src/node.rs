//! What balancers know of an endpoint.

use std::time::Duration;

use crate::peak_ewma::PeakEwma;

/// Whether a node should be given requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Only if there is no other.
    Busy,
    /// Yes.
    Open,
}

/// What can be balanced over. Its state belongs to the node, and so outlives the balancer when addresses change.
pub trait Node {
    /// How many requests it has now.
    fn pending(&self) -> usize;

    /// Whether it should be given requests. Asked for each node that a pick looks at: a few atomic loads.
    fn status(&self, now: Duration) -> Status;

    /// What balancers keep at the node.
    fn standing(&self) -> &Standing;
}

/// What balancers keep at each node. Made by [`Balancing::standing`](crate::Balancing::standing).
#[derive(Debug)]
pub struct Standing {
    /// When the node was first seen.
    pub(crate) since: Duration,
    /// Where the node stands in line, 0..1: the same order for the life of the node, and another one in each process.
    pub(crate) lot: f64,
    pub(crate) latency: Option<PeakEwma>,
}

impl Standing {
    /// Takes in how long a request took, from the pick until its answer had ended. Only some balancers want to know.
    ///
    /// A failure that comes fast makes its node look fast: that is for accrual to see.
    pub fn observe(&self, now: Duration, took: Duration) {
        if let Some(latency) = &self.latency {
            latency.observe(now, took);
        }
    }

    /// Whether anybody wants to know how long requests take.
    pub fn is_measured(&self) -> bool {
        self.latency.is_some()
    }

    /// What a request costs at the node as balancers see it, if they look at that.
    pub fn cost(&self, now: Duration) -> Option<Duration> {
        self.latency.as_ref().map(|latency| latency.cost(now))
    }
}
