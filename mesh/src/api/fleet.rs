use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The routers that all namerds know: the answer of `/api/1/fleet`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// The routers, by id.
    pub routers: Vec<FleetRouter>,
}

/// One router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetRouter {
    /// Names the router.
    pub id: String,
    /// What its operator says about it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The version of its program.
    pub version: String,
    /// The namerd that it is, or was last, connected to.
    pub namerd: String,
    /// Where it connected from.
    pub address: String,
    /// The protocol that it speaks to namerd.
    pub protocol: String,
    /// Whether it is connected now.
    pub connected: bool,
    /// When its last connection began.
    pub connected_since: Timestamp,
    /// When it was last heard.
    pub last_seen: Timestamp,
    /// What it routes by.
    #[serde(default)]
    pub namespaces: BTreeMap<String, FleetNamespace>,
}

/// What a router routes by, as its last receipt for a namespace says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetNamespace {
    /// The revision of the namespace.
    pub revision: u64,
    /// The revision's tag.
    pub version: String,
    /// When it said so.
    pub since: Timestamp,
    /// How long after the revision was written, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<u64>,
    /// How many names of the namespace it routes.
    pub names: u64,
    /// A digest of everything that it routes them by, in hexadecimal digits.
    pub digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_documented_order() {
        let at: Timestamp = "2026-11-21T07:00:00Z".parse().unwrap();
        let namespace = FleetNamespace {
            revision: 12,
            version: "MTI=".to_owned(),
            since: at,
            lag_ms: Some(3),
            names: 5,
            digest: "0a".to_owned(),
        };
        let fleet = Fleet {
            routers: vec![FleetRouter {
                id: "r1".to_owned(),
                labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
                version: "0.1.0".to_owned(),
                namerd: "n1".to_owned(),
                address: "127.0.0.1:5".to_owned(),
                protocol: "switchyard.mesh.v1".to_owned(),
                connected: true,
                connected_since: at,
                last_seen: at,
                namespaces: BTreeMap::from([("default".to_owned(), namespace)]),
            }],
        };
        let json = serde_json::to_string(&fleet).unwrap();
        insta::assert_snapshot!(json, @r#"{"routers":[{"id":"r1","labels":{"zone":"a"},"version":"0.1.0","namerd":"n1","address":"127.0.0.1:5","protocol":"switchyard.mesh.v1","connected":true,"connectedSince":"2026-11-21T07:00:00Z","lastSeen":"2026-11-21T07:00:00Z","namespaces":{"default":{"revision":12,"version":"MTI=","since":"2026-11-21T07:00:00Z","lagMs":3,"names":5,"digest":"0a"}}}]}"#);
        assert_eq!(serde_json::from_str::<Fleet>(&json).unwrap(), fleet);
    }
}
