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

impl Lint {
    /// A finding in `source`, with its place spelled out.
    pub fn new(lint: &dtab::Lint, source: &str) -> Self {
        let (line, column) = lint.line_column(source);
        Self {
            level: match lint.level {
                dtab::Level::Error => Level::Error,
                dtab::Level::Warning => Level::Warning,
            },
            code: lint.code.to_owned(),
            message: lint.message.clone(),
            help: lint.help.clone(),
            line,
            column,
            start: lint.span.start,
            end: lint.span.end,
        }
    }
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

    #[test]
    fn a_finding_says_where_in_the_text_it_is() {
        let source = "# ö\n/a=>/b;/a=>/c";
        let lints = dtab::lint(source, None).unwrap();
        let lint = Lint::new(&lints[0], source);
        assert_eq!(lint.level, Level::Warning);
        assert_eq!((lint.line, lint.column), (2, 8));
        assert_eq!(&source[lint.start..lint.start + 2], "/a");
        assert!(lint.end > lint.start);
    }
}
