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
    /// The router in its second setting with itself in the first: all policy with none, many names with one.
    Itself,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The marks of a scenario.
pub(super) fn of(scenario: Scenario) -> &'static [Mark] {
    const GET: &[Mark] = &cpu(0.45, 0.97, 0.95);
    const SINGLE: &[Mark] = &cpu(0.67, 0.97, 0.95);
    const POST: &[Mark] = &cpu(0.50, 0.85, 0.50);
    const CONNECT: &[Mark] = &cpu(0.68, 1.10, 0.99);
    // With larger buffers nginx needs half as much for a long answer; the mark is that of an nginx as it comes.
    const DOWNLOAD: &[Mark] = &[
        Mark::at_most(0.75, Figure::CpuUsPerRequest, Kind::Envoy),
        Mark::at_most(0.25, Figure::CpuUsPerRequest, Kind::NginxDefault),
        Mark::at_most(0.55, Figure::CpuUsPerRequest, Kind::Haproxy),
    ];
    const NAMES: &[Mark] = &[Mark {
        against: Against::Itself,
        figure: Figure::CpuUsPerRequest,
        bound: Bound::AtMost(1.05),
    }];
    const POLICY: &[Mark] = &[Mark {
        against: Against::Itself,
        figure: Figure::RequestsPerCpuSecond,
        bound: Bound::AtLeast(0.95),
    }];
    const UNARY: &[Mark] = &[
        Mark::at_most(0.42, Figure::CpuUsPerRequest, Kind::Envoy),
        Mark::at_most(0.22, Figure::CpuUsPerRequest, Kind::Nginx),
    ];
    const RATE: &[Mark] = &[Mark::at_most(1.0, Figure::P99Us, Kind::Envoy)];
    match scenario {
        Scenario::Http1(Http1::Get) => GET,
        Scenario::Http1(Http1::Single) => SINGLE,
        Scenario::Http1(Http1::Post) => POST,
        Scenario::Http1(Http1::Connect) => CONNECT,
        Scenario::Http1(Http1::Download) => DOWNLOAD,
        Scenario::Http1(Http1::Names) => NAMES,
        Scenario::Http1(Http1::Policy) => POLICY,
        Scenario::Grpc(Grpc::Unary) => UNARY,
        Scenario::Grpc(Grpc::Rate) => RATE,
        Scenario::Http1(Http1::Idle | Http1::Rate) | Scenario::Grpc(_) => &[],
    }
}

/// How much CPU time the router may take by request, to that of each peer.
const fn cpu(envoy: f64, nginx: f64, haproxy: f64) -> [Mark; 3] {
    [
        Mark::at_most(envoy, Figure::CpuUsPerRequest, Kind::Envoy),
        Mark::at_most(nginx, Figure::CpuUsPerRequest, Kind::Nginx),
        Mark::at_most(haproxy, Figure::CpuUsPerRequest, Kind::Haproxy),
    ]
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
