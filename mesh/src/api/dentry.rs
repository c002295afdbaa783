use serde::{Deserialize, Serialize};

/// One rule of a dtab, shown: an element of the JSON form of a dtab, `[{"prefix":"/svc","dst":"/#/io.l5d.fs"}]`.
///
/// The texts are not parsed: a dtab that someone else stored must be shown as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dentry {
    /// What a path must begin with.
    pub prefix: String,
    /// The tree that replaces it.
    pub dst: String,
}

impl From<&dtab::Dentry> for Dentry {
    fn from(dentry: &dtab::Dentry) -> Self {
        Self {
            prefix: dentry.prefix.to_string(),
            dst: dentry.dst.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_keys_and_no_others_are_required() {
        let read = |json| serde_json::from_str::<Vec<Dentry>>(json);
        assert!(read(r#"[{"prefix":"/a","dst":"/b"}]"#).is_ok());
        assert!(read(r#"[{"prefix":"/a"}]"#).is_err());
        assert!(read(r#"[{"dst":"/a"}]"#).is_err());
        assert!(read(r#"[{"prefix":"/a","dst":"/b","weight":1}]"#).is_err());
        assert!(read(r#"[null]"#).is_err());
    }
}
