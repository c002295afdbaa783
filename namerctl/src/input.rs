//! Dtabs that are written somewhere: in a file, on standard input, on the command line.

use std::fs;
use std::path::Path;

use mesh::api::Dentry;
use mesh::client::DtabBody;
use serde::Deserialize;

use crate::console::Console;
use crate::failure::Failure;

/// A dtab as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// Where it is from, for messages.
    pub(crate) origin: String,
    pub(crate) body: DtabBody,
    /// The version that it was made from, which JSON may tell.
    pub(crate) version: Option<String>,
}

impl Input {
    /// Reads a file, `-` for standard input, or the text itself, if it begins with a slash and has an arrow in it.
    pub(crate) fn read(file: &str, console: &mut Console<'_>) -> Result<Self, Failure> {
        let (origin, bytes) = match file {
            "" => return Err(Failure::EmptyPath),
            text if is_inline(text) => ("the command line", text.as_bytes().to_vec()),
            "-" => {
                let mut bytes = Vec::new();
                let read = console.input.read_to_end(&mut bytes);
                read.map_err(|error| Failure::Read {
                    origin: "standard input".to_owned(),
                    error,
                })?;
                ("standard input", bytes)
            }
            file => (file, read_file(Path::new(file))?),
        };
        let invalid = |error: std::string::FromUtf8Error| Failure::Read {
            origin: origin.to_owned(),
            error: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
        };
        let text = String::from_utf8(bytes).map_err(invalid)?;
        Self::parse(origin, text)
    }

    /// Joins rules that stand on the command line.
    pub(crate) fn entries(entries: &[String]) -> Self {
        let rules = entries
            .iter()
            .map(|entry| entry.trim_end_matches([';', ' ', '\n']));
        let rules: String = rules.map(|rule| format!("{rule} ;\n")).collect();
        Self {
            origin: "the command line".to_owned(),
            body: DtabBody::Text(rules),
            version: None,
        }
    }

    /// JSON is told by its first byte. Linkerd 1's namerctl takes the object only.
    fn parse(origin: &str, text: String) -> Result<Self, Failure> {
        let wrong = |source| Failure::Json {
            origin: origin.to_owned(),
            source,
        };
        let (body, version) = match text.as_bytes().first() {
            Some(b'{') => {
                let object: VersionedDtab = serde_json::from_str(&text).map_err(wrong)?;
                (object.dtab, object.version)
            }
            Some(b'[') => (serde_json::from_str(&text).map_err(wrong)?, None),
            _ => {
                return Ok(Self {
                    origin: origin.to_owned(),
                    body: DtabBody::Text(text),
                    version: None,
                });
            }
        };
        Ok(Self {
            origin: origin.to_owned(),
            body: DtabBody::Json(body.into_iter().map(Dentry::from).collect()),
            version: version.filter(|version| !version.is_empty()),
        })
    }

    /// The dtab as text, which places in messages count in.
    pub(crate) fn text(&self) -> String {
        match &self.body {
            DtabBody::Text(text) => text.clone(),
            DtabBody::Json(dentries) => text_of(dentries),
        }
    }
}

/// A rule in each line.
pub(crate) fn text_of(dentries: &[Dentry]) -> String {
    let rules = dentries.iter();
    rules
        .map(|dentry| format!("{} => {} ;\n", dentry.prefix, dentry.dst))
        .collect()
}

pub(crate) fn is_inline(text: &str) -> bool {
    text.starts_with('/') && text.contains("=>")
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::Open {
        path: path.to_path_buf(),
        error,
    })
}

/// What `dtab get --json` prints. Keys that aren't known are skipped.
#[derive(Deserialize)]
struct VersionedDtab {
    version: Option<String>,
    dtab: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    prefix: String,
    dst: String,
}

impl From<Rule> for Dentry {
    fn from(rule: Rule) -> Self {
        Self {
            prefix: rule.prefix,
            dst: rule.dst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Input, Failure> {
        Input::parse("x", text.to_owned())
    }

    #[track_caller]
    fn check(text: &str, version: Option<&str>, rules: &str) {
        let input = parse(text).unwrap();
        assert_eq!(input.version.as_deref(), version);
        let DtabBody::Json(_) = &input.body else {
            panic!("{text} was taken for text");
        };
        assert_eq!(input.text(), rules);
    }

    #[test]
    fn json_is_told_by_its_first_byte() {
        check(
            r#"{"version":"MTI=","dtab":[{"prefix":"/a","dst":"/b"}],"more":1}"#,
            Some("MTI="),
            "/a => /b ;\n",
        );
        check(r#"{"version":"","dtab":[]}"#, None, "");
        check(
            r#"[{"prefix":"/a","dst":"/b | /c","x":0}]"#,
            None,
            "/a => /b | /c ;\n",
        );
    }

    #[test]
    fn everything_else_is_text_and_stays_as_it_is() {
        for text in ["", "/a=>/b", " {}", "# c\n/a => /b ;\n"] {
            assert_eq!(parse(text).unwrap().body, DtabBody::Text(text.to_owned()));
        }
    }

    #[test]
    fn json_of_another_shape_is_refused() {
        for text in [
            "{}",
            "{",
            "[null]",
            r#"{"dtab":null}"#,
            r#"[{"prefix":"/a"}]"#,
            "[] x",
        ] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.to_string(), "cannot read x", "{text}");
        }
    }

    #[test]
    fn entries_are_joined() {
        let entries = ["/a=>/b".to_owned(), "/c => /d ; /e=>/f;".to_owned()];
        let text = Input::entries(&entries).text();
        assert_eq!(text, "/a=>/b ;\n/c => /d ; /e=>/f ;\n");
        assert!(is_inline("/a => /b"));
        assert!(!is_inline("/etc/web.dtab"));
        assert!(!is_inline("a=>b"));
    }
}
