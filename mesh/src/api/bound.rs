use dtab::Path;
use serde::{Deserialize, Serialize};

use super::Addr;

/// What a name is bound to: the answer of `/api/1/bind/<namespace>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum BoundTree {
    /// A bound name.
    Leaf {
        /// The bound name.
        bound: BoundName,
    },
    /// All of them, by weight.
    Union {
        /// The branches.
        union: Vec<Weighted<Self>>,
    },
    /// The first that is not negative. Not in what namerd answers, since trees are simplified.
    Alt {
        /// The alternatives, the preferred one first.
        alt: Vec<Self>,
    },
    /// No such name.
    Neg,
    /// No such name, and no alternative was tried.
    Fail,
    /// A name without addresses.
    Empty,
}

/// One branch of a union.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weighted<T> {
    /// The share of the branch, relative to its siblings.
    pub weight: f64,
    /// What the share goes to.
    pub tree: T,
}

/// A bound name, and a sample of its addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundName {
    /// The addresses when the answer was written.
    pub addr: Addr,
    /// The concrete name.
    pub id: Path,
    /// The segments that the namer did not consume.
    pub path: Path,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str) {
        let tree: BoundTree = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&tree).unwrap(), json);
    }

    #[test]
    fn every_kind_is_written_as_it_was_read() {
        check(
            r#"{"type":"leaf","bound":{"addr":{"type":"neg"},"id":"/#/io.l5d.fs/web","path":"/residual"}}"#,
        );
        check(
            r#"{"type":"union","union":[{"weight":0.3,"tree":{"type":"empty"}},{"weight":0.0,"tree":{"type":"fail"}}]}"#,
        );
        check(r#"{"type":"alt","alt":[{"type":"neg"},{"type":"alt","alt":[]}]}"#);
    }

    #[test]
    fn an_id_that_is_no_path_is_refused() {
        let json = r#"{"type":"leaf","bound":{"addr":{"type":"neg"},"id":"web","path":"/"}}"#;
        assert!(serde_json::from_str::<BoundTree>(json).is_err());
    }
}
