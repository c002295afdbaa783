use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One change of a namespace: an element of the answer of `/api/1/history/<namespace>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The revision that the change made.
    pub revision: u64,
    /// The revision's tag.
    pub version: String,
    /// When.
    pub time: Timestamp,
    /// Who; empty if unknown.
    #[serde(default)]
    pub author: String,
    /// Why; empty if not said.
    #[serde(default)]
    pub message: String,
    /// What kind of change.
    pub action: Action,
    /// The dtab since then, as it was written; `null` if it was deleted.
    pub dtab: Option<String>,
}

/// What a change did to a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Made it.
    Create,
    /// Replaced its dtab.
    Update,
    /// Removed it.
    Delete,
    /// Something else than namerd wrote the store.
    External,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_documented_order_and_no_dtab_is_null() {
        let revision = Revision {
            revision: 12,
            version: "MTI=".to_owned(),
            time: "2026-11-21T07:00:00.25Z".parse().unwrap(),
            author: "ada".to_owned(),
            message: String::new(),
            action: Action::Delete,
            dtab: None,
        };
        let json = serde_json::to_string(&revision).unwrap();
        insta::assert_snapshot!(json, @r#"{"revision":12,"version":"MTI=","time":"2026-11-21T07:00:00.25Z","author":"ada","message":"","action":"delete","dtab":null}"#);
        assert_eq!(serde_json::from_str::<Revision>(&json).unwrap(), revision);
    }
}
