//! Files named `.namerctl.<format>`, of which one key counts: `base-url`.
//!
//! The formats are those of Linkerd 1's namerctl. JSON and YAML are read by their parsers; of the others as much is read as one
//! key needs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::plainly;

/// In the order in which they are looked for.
const EXTENSIONS: [&str; 8] = [
    "json",
    "toml",
    "yaml",
    "yml",
    "properties",
    "props",
    "prop",
    "hcl",
];

const KEY: &str = "base-url";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigFileError {
    #[error("cannot read {}: {}", path.display(), plainly(error))]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot read {}", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("cannot read {}: {text}", path.display())]
    Yaml { path: PathBuf, text: String },
    #[error("cannot read {}: {KEY} is no text", path.display())]
    NoText { path: PathBuf },
    #[error(
        "cannot tell the format of {}: its name ends in none of .json .toml .yaml .yml .properties .props .prop .hcl",
        path.display()
    )]
    Format { path: PathBuf },
}

/// The first configuration file in the folder or those above it.
pub(crate) fn find(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find_map(|folder| {
        let files = EXTENSIONS.map(|extension| folder.join(format!(".namerctl.{extension}")));
        files.into_iter().find(|file| file.is_file())
    })
}

/// The file's base URL, if it has one.
pub(crate) fn base_url(path: &Path) -> Result<Option<String>, ConfigFileError> {
    let path_buf = || path.to_path_buf();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let read: Reader = match extension.to_ascii_lowercase().as_str() {
        "json" => json,
        "yaml" | "yml" => yaml,
        "toml" | "hcl" => assignment,
        "properties" | "props" | "prop" => property,
        _ => return Err(ConfigFileError::Format { path: path_buf() }),
    };
    let text = fs::read_to_string(path).map_err(|error| ConfigFileError::Read {
        path: path_buf(),
        error,
    })?;
    read(&text, path)
}

type Reader = fn(&str, &Path) -> Result<Option<String>, ConfigFileError>;

fn json(text: &str, path: &Path) -> Result<Option<String>, ConfigFileError> {
    let keys = serde_json::from_str(text).map_err(|source| ConfigFileError::Json {
        path: path.to_path_buf(),
        source,
    })?;
    text_of(&keys, path)
}

fn yaml(text: &str, path: &Path) -> Result<Option<String>, ConfigFileError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let keys = serde_saphyr::from_str(text).map_err(|error| ConfigFileError::Yaml {
        path: path.to_path_buf(),
        text: error.to_string(),
    })?;
    text_of(&keys, path)
}

fn text_of(keys: &BTreeMap<String, Value>, path: &Path) -> Result<Option<String>, ConfigFileError> {
    let value = keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(KEY));
    match value {
        None => Ok(None),
        Some((_, Value::String(url))) => Ok(Some(url.clone())),
        Some(_) => Err(ConfigFileError::NoText {
            path: path.to_path_buf(),
        }),
    }
}

/// TOML and HCL: `base-url = "…"`, at the top level.
fn assignment(text: &str, path: &Path) -> Result<Option<String>, ConfigFileError> {
    let top_level = text.lines().map(str::trim);
    for line in top_level.take_while(|line| !line.starts_with('[')) {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim().trim_matches(['"', '\'']);
        if key.eq_ignore_ascii_case(KEY) {
            let url = quoted(value.trim()).ok_or_else(|| ConfigFileError::NoText {
                path: path.to_path_buf(),
            })?;
            return Ok(Some(url.to_owned()));
        }
    }
    Ok(None)
}

fn quoted(value: &str) -> Option<&str> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (inside, _comment) = value[1..].split_once(quote)?;
    Some(inside)
}

/// Java properties: the key ends at a blank, `=` or `:`.
fn property(text: &str, _: &Path) -> Result<Option<String>, ConfigFileError> {
    let lines = text.lines().map(str::trim);
    let properties = lines.filter(|line| !line.starts_with(['#', '!']));
    let mut pairs = properties.map(|line| {
        let end = line.find([' ', '\t', '=', ':']).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        let rest = rest.trim_start();
        let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
        // Colons are often escaped there.
        (key, rest.trim().replace('\\', ""))
    });
    Ok(pairs
        .find(|(key, _)| key.eq_ignore_ascii_case(KEY))
        .map(|(_, url)| url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(extension: &str, text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!(".namerctl.{extension}"));
        fs::write(&file, text).unwrap();
        let told = match base_url(&file) {
            Ok(url) => url.unwrap_or_else(|| "-".to_owned()),
            Err(error) => error
                .to_string()
                .replace(folder.path().to_str().unwrap(), ""),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn every_format_is_read() {
        check("json", r#"{"x":1,"base-url":"http://n"}"#, "http://n");
        check("yaml", "x: 1\nbase-url: http://n:4180\n", "http://n:4180");
        check("yml", "Base-URL: 'http://n'", "http://n");
        check("toml", "# c\nbase-url = \"http://n\" # c", "http://n");
        check("toml", "'base-url' = 'http://n'", "http://n");
        check("hcl", "\"base-url\" = \"http://n\"", "http://n");
        check("properties", "! c\nbase-url=http\\://n", "http://n");
        check("props", "base-url : http://n:1", "http://n:1");
        check("prop", "base-url http://n", "http://n");
    }

    #[test]
    fn a_file_without_the_key_tells_nothing() {
        for extension in EXTENSIONS {
            let text = if extension == "json" { "{}" } else { "" };
            check(extension, text, "-");
        }
        check("toml", "[other]\nbase-url = \"http://n\"", "-");
    }

    #[test]
    fn a_broken_file_is_named() {
        check("json", "{", "cannot read /.namerctl.json");
        check(
            "toml",
            "base-url = 5",
            "cannot read /.namerctl.toml: base-url is no text",
        );
        check(
            "json",
            r#"{"base-url":5}"#,
            "cannot read /.namerctl.json: base-url is no text",
        );
        let error = base_url(Path::new("x.ini")).unwrap_err().to_string();
        assert!(error.starts_with("cannot tell the format of x.ini"));
    }

    #[test]
    fn the_nearest_folder_counts_and_json_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let outer = folder.path().join("a/.namerctl.yaml");
        fs::write(&outer, "").unwrap();
        assert_eq!(find(&inner), Some(outer));
        let yml = inner.join(".namerctl.yml");
        fs::write(&yml, "").unwrap();
        assert_eq!(find(&inner), Some(yml));
        let json = inner.join(".namerctl.json");
        fs::write(&json, "").unwrap();
        assert_eq!(find(&inner), Some(json));
    }
}
