use serde::{Deserialize, Serialize};

use super::Lint;

/// What a write would have done: the answer to `?dryRun=true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    /// The tag of the version that the write would have replaced; `null` if there is none.
    pub version: Option<String>,
    /// What is worth a second look in the new dtab.
    pub lints: Vec<Lint>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_version_is_null() {
        let new = DryRun {
            version: None,
            lints: Vec::new(),
        };
        let json = serde_json::to_string(&new).unwrap();
        insta::assert_snapshot!(json, @r#"{"version":null,"lints":[]}"#);
    }
}
