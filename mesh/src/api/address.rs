use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is known about an address or a set of them.
///
/// Keys with a meaning: `authority` and `namer_nametree_weight` on a set, `endpoint_addr_weight` and `nodeName` on an address.
pub type Metadata = BTreeMap<String, Value>;

/// The addresses of a concrete name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Addr {
    /// The addresses, possibly none.
    Bound {
        /// The addresses.
        addrs: Vec<Address>,
        /// What is known about all of them.
        #[serde(default)]
        meta: Metadata,
    },
    /// There is no such name.
    Neg,
    /// The addresses can't be told.
    Failed {
        /// Why not.
        cause: String,
    },
    /// No answer yet.
    Pending,
}

/// One address of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// The IP address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// What is known about the address.
    #[serde(default)]
    pub meta: Metadata,
}

impl Address {
    /// The key of the weight in an address's metadata; 1 where it is absent.
    pub const WEIGHT: &str = "endpoint_addr_weight";
    /// The key of the node's name in an address's metadata.
    pub const NODE_NAME: &str = "nodeName";

    /// IP address and port.
    pub fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str) {
        let addr: Addr = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&addr).unwrap(), json);
    }

    #[test]
    fn every_kind_is_written_as_it_was_read() {
        check(r#"{"type":"bound","addrs":[{"ip":"10.0.0.1","port":80,"meta":{}}],"meta":{}}"#);
        check(
            r#"{"type":"bound","addrs":[{"ip":"2001:db8::1","port":65535,"meta":{"endpoint_addr_weight":0.25,"nodeName":"n"}}],"meta":{"authority":"a"}}"#,
        );
        check(r#"{"type":"neg"}"#);
        check(r#"{"type":"failed","cause":"no such host"}"#);
        check(r#"{"type":"pending"}"#);
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for json in [
            r#"{}"#,
            r#"{"type":"other"}"#,
            r#"{"type":"bound","addrs":[{"ip":"host","port":80}]}"#,
            r#"{"type":"bound","addrs":[{"ip":"10.0.0.1","port":65536}]}"#,
        ] {
            assert!(serde_json::from_str::<Addr>(json).is_err(), "{json}");
        }
    }
}
