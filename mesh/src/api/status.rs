use serde::{Deserialize, Serialize};

/// How a namerd is: the answer of `/api/1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Names this namerd.
    pub id: String,
    /// The version of its program.
    pub version: String,
    /// How long it has run, in seconds.
    pub uptime_secs: u64,
    /// How its store is.
    pub store: StoreStatus,
    /// How many namespaces there are.
    pub namespaces: usize,
    /// How many routers are connected to it.
    pub routers: usize,
}

/// How a store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// Which kind of store this is.
    pub kind: String,
    /// Whether what namerd knows is what the store holds.
    pub state: StoreState,
    /// How long ago namerd last knew what the store holds, in milliseconds; absent if it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// What is wrong, if something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Whether what namerd knows is what its store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// It is.
    Ok,
    /// It was: the store does not answer now.
    Stale,
    /// The store has not answered yet.
    Pending,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_documented_order() {
        let status = Status {
            id: "n1".to_owned(),
            version: "0.1.0".to_owned(),
            uptime_secs: 60,
            store: StoreStatus {
                kind: "io.l5d.etcd".to_owned(),
                state: StoreState::Stale,
                age_ms: Some(1500),
                detail: Some("connection refused".to_owned()),
            },
            namespaces: 2,
            routers: 3,
        };
        let json = serde_json::to_string(&status).unwrap();
        insta::assert_snapshot!(json, @r#"{"id":"n1","version":"0.1.0","uptimeSecs":60,"store":{"kind":"io.l5d.etcd","state":"stale","ageMs":1500,"detail":"connection refused"},"namespaces":2,"routers":3}"#);
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
    }
}
