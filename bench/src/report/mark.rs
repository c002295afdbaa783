//! What the router is to reach.

use crate::contender::Kind;
use crate::figure::Figure;
use crate::scenario::{Grpc, Http1, Scenario};

/// A bound of what one's figure is to another's.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) against: Against,
    pub(super) figure: Figure,
    pub(super) bound: Bound,
}

/// Who is compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Against {
    /// The router with another program.
    Peer(Kind),
    /// The router with all policy on with itself without any.
    PolicyOff,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The marks of a scenario.
pub(super) fn of(scenario: Scenario) -> &'static [Mark] {
    const POLICY: &[Mark] = &[Mark {
        against: Against::PolicyOff,
        figure: Figure::RequestsPerCpuSecond,
        bound: Bound::AtLeast(0.95),
    }];
    const UNARY: &[Mark] = &[
        Mark::at_most(0.42, Figure::CpuUsPerRequest, Kind::Envoy),
        Mark::at_most(0.22, Figure::CpuUsPerRequest, Kind::Nginx),
    ];
    const RATE: &[Mark] = &[Mark::at_most(1.0, Figure::P99Us, Kind::Envoy)];
    match scenario {
        Scenario::Http1(Http1::Policy) => POLICY,
        Scenario::Grpc(Grpc::Unary) => UNARY,
        Scenario::Grpc(Grpc::Rate) => RATE,
        Scenario::Http1(_) | Scenario::Grpc(_) => &[],
    }
}

impl Mark {
    const fn at_most(most: f64, figure: Figure, peer: Kind) -> Self {
        Self {
            against: Against::Peer(peer),
            figure,
            bound: Bound::AtMost(most),
        }
    }
}

impl Bound {
    /// Whether a ratio keeps it, in words.
    pub(super) fn verdict(self, ratio: f64) -> String {
        let (is_kept, word, bound) = match self {
            Self::AtLeast(bound) => (ratio >= bound, "least", bound),
            Self::AtMost(bound) => (ratio <= bound, "most", bound),
        };
        let kept = if is_kept { "kept" } else { "MISSED" };
        format!("the mark of at {word} {bound} is {kept}")
    }
}
