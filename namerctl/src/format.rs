//! JSON and YAML for programs that read what is printed.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    Table,
    Json,
}

/// How a tree is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TreeFormat {
    Tree,
    Json,
    Yaml,
}

/// Indented JSON, with a newline at its end.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(value).map_err(unwritable)?;
    Ok(format!("{json}\n"))
}

/// Block style YAML, with a newline at its end.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    let value = serde_json::to_value(value).map_err(unwritable)?;
    let mut text = String::new();
    block(&value, 0, &mut text);
    Ok(text.trim_start().to_owned())
}

fn unwritable(error: serde_json::Error) -> Failure {
    Failure::Output(error.into())
}

/// Writes what stands behind a key's colon or a dash, and the newline.
fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(keys) if !keys.is_empty() => {
            text.push('\n');
            for (key, value) in keys {
                text.push_str(&format!("{indent}{}:", scalar(&Value::from(key.as_str()))));
                block(value, depth + 1, text);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            text.push('\n');
            for element in elements {
                let mut inner = String::new();
                block(element, depth + 1, &mut inner);
                text.push_str(&format!("{indent}- {}", inner.trim_start()));
            }
        }
        scalar_value => text.push_str(&format!(" {}\n", scalar(scalar_value))),
    }
}

/// JSON is YAML; quotes are left out only where nothing but a text could be meant.
fn scalar(value: &Value) -> String {
    let is_plain = |text: &str| {
        let rest_is_plain = text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'));
        let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
        rest_is_plain && is_word && !reserved.contains(&text.to_ascii_lowercase().as_str())
    };
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_reads_as_the_json_it_was_made_from() {
        let value = json!({"type": "union", "empty": {}, "none": null, "union": [
            {"weight": 0.5, "tree": {"type": "neg", "path": "/svc/web"}},
            {"weight": 1, "tree": {"id": "/#/io.l5d.fs", "no": "no: #\n\"x\""}},
            [1, []], "y"
        ]});
        let text = yaml(&value).unwrap();
        insta::assert_snapshot!(text, @r##"
        type: union
        empty: {}
        none: null
        union:
          - weight: 0.5
            tree:
              type: neg
              path: /svc/web
          - weight: 1
            tree:
              id: "/#/io.l5d.fs"
              "no": "no: #\n\"x\""
          - - 1
            - []
          - "y"
        "##);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, value);
    }

    #[test]
    fn a_scalar_alone_is_a_document() {
        assert_eq!(yaml(&json!([])).unwrap(), "[]\n");
    }
}
