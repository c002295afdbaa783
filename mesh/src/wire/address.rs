//! The addresses of a bound name.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use dtab::Path;
use serde_json::Value;

use super::{Malformed, required, weight};
use crate::{api, linkerd, v1};

/// What is known about the addresses of a bound name.
#[derive(Debug, Clone, PartialEq)]
pub enum Addresses {
    /// No answer yet.
    Pending,
    /// There is no such name.
    Neg,
    /// The addresses can't be told; why not.
    Failed(String),
    /// The addresses.
    Bound(AddressSet),
}

/// The addresses of a bound name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AddressSet {
    /// The endpoints, possibly none.
    pub endpoints: Vec<Endpoint>,
    /// The Host header that requests are to carry.
    pub authority: Option<String>,
    /// Whatever else is known about all of them.
    pub metadata: BTreeMap<String, Value>,
    /// Set while the addresses are kept although they can't be brought up to date: why not. Only our own package carries it.
    pub stale: Option<String>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its share, relative to its siblings; 1 is usual.
    pub weight: f64,
    /// The node that it runs on.
    pub node_name: Option<String>,
    /// Whatever else is known about it.
    pub metadata: BTreeMap<String, Value>,
}

/// The key of the Host header in the metadata of a set, where a format has no field for it.
const AUTHORITY: &str = "authority";
/// Likewise for endpoints.
const WEIGHT: &str = api::Address::WEIGHT;
const NODE_NAME: &str = api::Address::NODE_NAME;

impl AddressSet {
    /// All metadata, with what formats without further fields know by a key.
    fn all_metadata(&self) -> BTreeMap<String, Value> {
        let authority = self.authority.as_deref();
        let authority = authority.map(|text| (AUTHORITY.to_owned(), text.into()));
        self.metadata.clone().into_iter().chain(authority).collect()
    }

    fn from_metadata(endpoints: Vec<Endpoint>, mut metadata: BTreeMap<String, Value>) -> Self {
        Self {
            endpoints,
            authority: take_text(&mut metadata, AUTHORITY),
            metadata,
            stale: None,
        }
    }
}

impl Endpoint {
    /// All metadata, with what formats without further fields know by a key. The usual weight is left out, as in Linkerd 1.
    fn all_metadata(&self) -> BTreeMap<String, Value> {
        let mut metadata = self.metadata.clone();
        if self.weight != 1.0 {
            metadata.insert(WEIGHT.to_owned(), self.weight.into());
        }
        if let Some(name) = &self.node_name {
            metadata.insert(NODE_NAME.to_owned(), name.as_str().into());
        }
        metadata
    }

    fn from_metadata(
        address: SocketAddr,
        mut metadata: BTreeMap<String, Value>,
    ) -> Result<Self, Malformed> {
        let known = metadata.remove(WEIGHT).as_ref().and_then(number);
        Ok(Self {
            address,
            weight: weight(known.unwrap_or(1.0))?,
            node_name: take_text(&mut metadata, NODE_NAME),
            metadata,
        })
    }
}

/// A number, or the text of one, which is all that Linkerd 1's mesh carries.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn take_text(metadata: &mut BTreeMap<String, Value>, key: &str) -> Option<String> {
    match metadata.remove(key)? {
        Value::String(text) => Some(text),
        other => {
            metadata.insert(key.to_owned(), other);
            None
        }
    }
}

impl Addresses {
    /// The message of our own package for the bound name `id`.
    pub fn message(&self, id: &Path) -> v1::Addresses {
        use v1::addresses::{Neg, State};
        let state = match self {
            Self::Pending => State::Pending(v1::Pending {}),
            Self::Neg => State::Neg(Neg {}),
            Self::Failed(reason) => State::Failed(v1::Failed {
                message: reason.clone(),
            }),
            Self::Bound(set) => State::Bound(set.into()),
        };
        v1::Addresses {
            id: Some(id.into()),
            state: Some(state),
        }
    }

    /// Reads a message of our own package: the bound name, and what is known about its addresses.
    ///
    /// # Errors
    /// If a field is missing or has no meaning.
    pub fn from_message(message: &v1::Addresses) -> Result<(Path, Self), Malformed> {
        use v1::addresses::State;
        let id = required(message.id.as_ref(), "the addresses' id")?.try_into()?;
        let addresses = match required(message.state.as_ref(), "the addresses' state")? {
            State::Pending(_) => Self::Pending,
            State::Neg(_) => Self::Neg,
            State::Failed(failed) => Self::Failed(failed.message.clone()),
            State::Bound(bound) => Self::Bound(bound.try_into()?),
        };
        Ok((id, addresses))
    }
}

impl From<&AddressSet> for v1::addresses::Bound {
    fn from(set: &AddressSet) -> Self {
        Self {
            endpoints: set.endpoints.iter().map(Into::into).collect(),
            authority: set.authority.clone(),
            metadata: write_json(&set.metadata),
            stale: set.stale.clone(),
        }
    }
}

impl TryFrom<&v1::addresses::Bound> for AddressSet {
    type Error = Malformed;

    fn try_from(bound: &v1::addresses::Bound) -> Result<Self, Malformed> {
        let endpoints = bound.endpoints.iter().map(TryFrom::try_from);
        Ok(Self {
            endpoints: endpoints.collect::<Result<_, _>>()?,
            authority: bound.authority.clone(),
            metadata: read_json(&bound.metadata)?,
            stale: bound.stale.clone(),
        })
    }
}

impl From<&Endpoint> for v1::Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            address: octets(endpoint.address.ip()),
            port: endpoint.address.port().into(),
            weight: endpoint.weight,
            node_name: endpoint.node_name.clone(),
            metadata: write_json(&endpoint.metadata),
        }
    }
}

impl TryFrom<&v1::Endpoint> for Endpoint {
    type Error = Malformed;

    fn try_from(endpoint: &v1::Endpoint) -> Result<Self, Malformed> {
        Ok(Self {
            address: socket_addr(&endpoint.address, endpoint.port.into())?,
            weight: weight(endpoint.weight)?,
            node_name: endpoint.node_name.clone(),
            metadata: read_json(&endpoint.metadata)?,
        })
    }
}

fn write_json(metadata: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let entries = metadata.iter();
    entries.map(|(k, v)| (k.clone(), v.to_string())).collect()
}

fn read_json(metadata: &BTreeMap<String, String>) -> Result<BTreeMap<String, Value>, Malformed> {
    let read = |(key, text): (&String, &String)| {
        let value = serde_json::from_str(text);
        value
            .map(|value| (key.clone(), value))
            .map_err(|_| Malformed::Metadata(key.clone()))
    };
    metadata.iter().map(read).collect()
}

fn octets(ip: IpAddr) -> Bytes {
    match ip {
        IpAddr::V4(ip) => Bytes::copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => Bytes::copy_from_slice(&ip.octets()),
    }
}

fn socket_addr(address: &[u8], port: i64) -> Result<SocketAddr, Malformed> {
    let ip = if let Ok(octets) = <[u8; 4]>::try_from(address) {
        IpAddr::from(octets)
    } else if let Ok(octets) = <[u8; 16]>::try_from(address) {
        IpAddr::from(octets)
    } else {
        return Err(Malformed::AddressLength(address.len()));
    };
    let port = u16::try_from(port).map_err(|_| Malformed::Port(port))?;
    Ok(SocketAddr::new(ip, port))
}

impl From<&Addresses> for linkerd::Replicas {
    /// Metadata values become texts, which is all that these messages carry.
    fn from(addresses: &Addresses) -> Self {
        use linkerd::replicas::{Bound, Failed, Neg, Pending, Result, bound::MetadataEntry};
        let result = match addresses {
            Addresses::Pending => Result::Pending(Pending {}),
            Addresses::Neg => Result::Neg(Neg {}),
            Addresses::Failed(reason) => Result::Failed(Failed {
                message: Some(reason.clone()),
            }),
            Addresses::Bound(set) => {
                let entry = |(key, value)| MetadataEntry {
                    key: Some(key),
                    value: Some(text(value)),
                };
                Result::Bound(Bound {
                    endpoints: set.endpoints.iter().map(Into::into).collect(),
                    metadata: set.all_metadata().into_iter().map(entry).collect(),
                })
            }
        };
        Self {
            result: Some(result),
        }
    }
}

impl TryFrom<&linkerd::Replicas> for Addresses {
    type Error = Malformed;

    fn try_from(replicas: &linkerd::Replicas) -> Result<Self, Malformed> {
        use linkerd::replicas::{Result, bound::MetadataEntry};
        Ok(
            match required(replicas.result.as_ref(), "the replicas' result")? {
                Result::Pending(_) => Self::Pending,
                Result::Neg(_) => Self::Neg,
                Result::Failed(failed) => Self::Failed(failed.message.clone().unwrap_or_default()),
                Result::Bound(bound) => {
                    let endpoints = bound.endpoints.iter().map(TryFrom::try_from);
                    let entry = |entry: &MetadataEntry| {
                        text_entry(entry.key.as_ref(), entry.value.as_ref())
                    };
                    Self::Bound(AddressSet::from_metadata(
                        endpoints.collect::<std::result::Result<_, _>>()?,
                        bound.metadata.iter().map(entry).collect(),
                    ))
                }
            },
        )
    }
}

impl From<&Endpoint> for linkerd::Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        use linkerd::endpoint::{AddressFamily, Meta, MetadataEntry};
        let family = match endpoint.address {
            SocketAddr::V4(_) => AddressFamily::Inet4,
            SocketAddr::V6(_) => AddressFamily::Inet6,
        };
        let entry = |(key, value)| MetadataEntry {
            key: Some(key),
            value: Some(text(value)),
        };
        Self {
            inet_af: Some(family.into()),
            address: Some(octets(endpoint.address.ip())),
            port: Some(endpoint.address.port().into()),
            meta: Some(Meta {
                node_name: endpoint.node_name.clone(),
            }),
            metadata: endpoint.all_metadata().into_iter().map(entry).collect(),
        }
    }
}

impl TryFrom<&linkerd::Endpoint> for Endpoint {
    type Error = Malformed;

    fn try_from(endpoint: &linkerd::Endpoint) -> Result<Self, Malformed> {
        use linkerd::endpoint::{AddressFamily, MetadataEntry};
        let octets = endpoint.address.as_deref().unwrap_or_default();
        let address = socket_addr(octets, endpoint.port.unwrap_or_default().into())?;
        if address.is_ipv6() != (endpoint.inet_af() == AddressFamily::Inet6) {
            return Err(Malformed::AddressLength(octets.len()));
        }
        let entry = |entry: &MetadataEntry| text_entry(entry.key.as_ref(), entry.value.as_ref());
        let mut read = Self::from_metadata(address, endpoint.metadata.iter().map(entry).collect())?;
        let meta = endpoint.meta.as_ref();
        let node_name = meta.and_then(|meta| meta.node_name.clone());
        read.node_name = read.node_name.or(node_name);
        Ok(read)
    }
}

/// A text as it is; anything else as JSON.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// An absent key or value is an empty one: most encoders leave those out.
fn text_entry(key: Option<&String>, value: Option<&String>) -> (String, Value) {
    let value = value.cloned().unwrap_or_default();
    (key.cloned().unwrap_or_default(), Value::String(value))
}

impl From<&Addresses> for api::Addr {
    fn from(addresses: &Addresses) -> Self {
        match addresses {
            Addresses::Pending => Self::Pending,
            Addresses::Neg => Self::Neg,
            Addresses::Failed(reason) => Self::Failed {
                cause: reason.clone(),
            },
            Addresses::Bound(set) => Self::Bound {
                addrs: set.endpoints.iter().map(Into::into).collect(),
                meta: set.all_metadata(),
            },
        }
    }
}

impl TryFrom<api::Addr> for Addresses {
    type Error = Malformed;

    fn try_from(addr: api::Addr) -> Result<Self, Malformed> {
        Ok(match addr {
            api::Addr::Pending => Self::Pending,
            api::Addr::Neg => Self::Neg,
            api::Addr::Failed { cause } => Self::Failed(cause),
            api::Addr::Bound { addrs, meta } => {
                let endpoints = addrs.into_iter().map(TryFrom::try_from);
                Self::Bound(AddressSet::from_metadata(
                    endpoints.collect::<Result<_, _>>()?,
                    meta,
                ))
            }
        })
    }
}

impl From<&Endpoint> for api::Address {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            ip: endpoint.address.ip(),
            port: endpoint.address.port(),
            meta: endpoint.all_metadata(),
        }
    }
}

impl TryFrom<api::Address> for Endpoint {
    type Error = Malformed;

    fn try_from(address: api::Address) -> Result<Self, Malformed> {
        Self::from_metadata(address.socket_addr(), address.meta)
    }
}

#[cfg(test)]
mod tests;
