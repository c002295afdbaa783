use serde::{Deserialize, Serialize};

/// Something in a dtab that is worth a second look: an element of the answer of `/api/1/lint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// How bad it is.
    pub level: Level,
    /// Names the kind of finding; stable.
    pub code: String,
    /// What was found.
    pub message: String,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line it begins in, from 1.
    pub line: usize,
    /// Where in the line it begins, in characters from 1.
    pub column: usize,
    /// Where in the text it begins, in bytes.
    pub start: usize,
    /// Where in the text it ends, in bytes.
    pub end: usize,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A write is refused.
    Error,
    /// A write is accepted.
    Warning,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_documented_order() {
        let lint = Lint {
            level: Level::Warning,
            code: "shadowed".to_owned(),
            message: "never used".to_owned(),
            help: Some("remove it".to_owned()),
            line: 1,
            column: 2,
            start: 3,
            end: 4,
        };
        let json = serde_json::to_string(&lint).unwrap();
        insta::assert_snapshot!(json, @r#"{"level":"warning","code":"shadowed","message":"never used","help":"remove it","line":1,"column":2,"start":3,"end":4}"#);
        assert_eq!(serde_json::from_str::<Lint>(&json).unwrap(), lint);
    }
}
