//! Where a bound name can be reached.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

/// The addresses of a bound name. "Not known yet" and "cannot be found out" are states of the `Live` around it.
#[derive(Clone, Debug, PartialEq)]
pub enum Addresses {
    /// The name does not exist.
    Neg,
    /// The name exists; its set may still be empty.
    Bound(AddressSet),
}

impl Addresses {
    /// A set of these endpoints without further metadata.
    pub fn of(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self::Bound(AddressSet::new(endpoints))
    }

    /// The endpoints; none for a name that does not exist.
    pub fn endpoints(&self) -> &[Endpoint] {
        match self {
            Self::Neg => &[],
            Self::Bound(set) => &set.endpoints,
        }
    }
}

/// A set of endpoints and what is said of all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddressSet {
    /// In order of address, each but once.
    pub endpoints: Vec<Endpoint>,
    /// What the Host header is rewritten to.
    pub authority: Option<String>,
    /// Everything else that the namer said of the set.
    pub metadata: BTreeMap<String, Value>,
}

impl AddressSet {
    /// Sorts the endpoints and drops repetitions, so that equal sets are equal values.
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        let mut endpoints: Vec<_> = endpoints.into_iter().collect();
        endpoints.sort_by(Endpoint::order);
        endpoints.dedup();
        // Most sets are small, stay for long, and were gathered with room for more.
        endpoints.shrink_to_fit();
        Self {
            endpoints,
            ..Self::default()
        }
    }
}

/// One address and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Where to connect to.
    pub address: SocketAddr,
    /// Its share of the traffic relative to the other endpoints; 1.0 by default.
    pub weight: f64,
    /// The host that it runs on, where the namer knows.
    pub node_name: Option<String>,
    /// Everything else that the namer said of the endpoint.
    pub metadata: BTreeMap<String, Value>,
}

impl Endpoint {
    /// An endpoint of weight 1.0.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            weight: 1.0,
            node_name: None,
            metadata: BTreeMap::new(),
        }
    }

    /// The same with another weight.
    #[must_use]
    pub fn with_weight(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    fn order(&self, other: &Self) -> Ordering {
        let by_address = self.address.cmp(&other.address);
        by_address
            .then_with(|| self.weight.total_cmp(&other.weight))
            .then_with(|| self.node_name.cmp(&other.node_name))
    }
}
