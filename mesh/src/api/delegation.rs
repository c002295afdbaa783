use serde::{Deserialize, Serialize};

use super::{BoundName, Dentry, Weighted};

/// One step of a delegation and those that follow from it: the answer of `/api/1/delegate`.
///
/// `path` is the name that was looked up at the step, or `~` and `!` where a rule said so. `dentry` is the rule that produced
/// it, and is left out at the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(
    missing_docs,
    reason = "the fields of all kinds are explained once, above"
)]
pub enum DelegateTree {
    /// A rule or a namer led to another step.
    Delegate {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
        delegate: Box<Self>,
    },
    /// Several rules or alternatives apply, the preferred one first.
    Alt {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
        alt: Vec<Self>,
    },
    /// Several branches share the traffic.
    Union {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
        union: Vec<Weighted<Self>>,
    },
    /// A bound name.
    Leaf {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
        bound: BoundName,
    },
    /// No such name.
    Neg {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
    },
    /// No such name, and no alternative is tried.
    Fail {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
    },
    /// A name without addresses.
    Empty {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
    },
    /// The lookup failed.
    Exception {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dentry: Option<Dentry>,
        /// Why.
        message: String,
    },
    /// A transformer changed a bound name.
    Transformation {
        path: String,
        /// The transformer.
        name: String,
        /// The bound name before.
        bound: BoundName,
        /// The step after.
        tree: Box<Self>,
    },
}

/// What to delegate: the body of `POST /api/1/delegate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationRequest {
    /// The namespace whose dtab comes first. Without it, only the dtab given here applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A dtab as text.
    pub dtab: String,
    /// The name to look up.
    pub path: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str) {
        let tree: DelegateTree = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&tree).unwrap(), json);
    }

    #[test]
    fn every_kind_is_written_as_it_was_read() {
        check(
            r#"{"type":"delegate","path":"/svc/web","delegate":{"type":"leaf","path":"/#/io.l5d.fs/web","dentry":{"prefix":"/svc","dst":"/#/io.l5d.fs"},"bound":{"addr":{"type":"bound","addrs":[],"meta":{}},"id":"/#/io.l5d.fs/web","path":"/"}}}"#,
        );
        check(
            r#"{"type":"alt","path":"/a","alt":[{"type":"neg","path":"~"},{"type":"fail","path":"!"},{"type":"empty","path":"/b"}]}"#,
        );
        check(
            r#"{"type":"union","path":"/a","dentry":{"prefix":"/a","dst":"0.50*/b & /c"},"union":[{"weight":0.5,"tree":{"type":"exception","path":"/b","message":"no"}}]}"#,
        );
        check(
            r#"{"type":"transformation","path":"/a","name":"SubnetLocalTransformer","bound":{"addr":{"type":"neg"},"id":"/#/a","path":"/"},"tree":{"type":"neg","path":"/a"}}"#,
        );
    }

    #[test]
    fn a_request_may_leave_the_namespace_out() {
        let request: DelegationRequest =
            serde_json::from_str(r#"{"dtab":"","path":"/a"}"#).unwrap();
        assert_eq!(request.namespace, None);
        assert!(serde_json::from_str::<DelegationRequest>(r#"{"path":"/a"}"#).is_err());
    }
}
