use serde::{Deserialize, Serialize};

/// The body of an error, for clients that ask for JSON by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: String,
    /// Where in a text that does not parse, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Where in the line, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_only_where_there_is_one() {
        let mut body = ErrorBody {
            error: "no".to_owned(),
            line: None,
            column: None,
        };
        let json = serde_json::to_string(&body).unwrap();
        insta::assert_snapshot!(json, @r#"{"error":"no"}"#);
        (body.line, body.column) = (Some(1), Some(7));
        let json = serde_json::to_string(&body).unwrap();
        insta::assert_snapshot!(json, @r#"{"error":"no","line":1,"column":7}"#);
    }
}
