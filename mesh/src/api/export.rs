use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Revision;

/// The format that [`Export::format`] names.
pub const EXPORT_FORMAT: &str = "switchyard-export/1";

/// Everything a store holds: the answer of `/api/1/export` and the body of `/api/1/import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// [`EXPORT_FORMAT`].
    pub format: String,
    /// The revisions of each namespace, oldest first.
    pub namespaces: BTreeMap<String, Vec<Revision>>,
}

impl Export {
    /// An export in the current format.
    pub fn new(namespaces: BTreeMap<String, Vec<Revision>>) -> Self {
        Self {
            format: EXPORT_FORMAT.to_owned(),
            namespaces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_comes_first() {
        let json = serde_json::to_string(&Export::new(BTreeMap::new())).unwrap();
        insta::assert_snapshot!(json, @r#"{"format":"switchyard-export/1","namespaces":{}}"#);
    }
}
