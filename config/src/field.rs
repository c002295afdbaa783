//! Reading a value: each method says what it wants, and complains at the value's place when it finds something else.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use dtab::Path;

use crate::complaints::Complaints;
use crate::node::{Node, Place, Value};
use crate::object::Object;

/// A value that is never null, under the key it was found at.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) key: &'a str,
    pub(crate) key_at: &'a Place,
    pub(crate) node: &'a Node,
    pub(crate) complaints: &'a Complaints,
}

impl<'a> Field<'a> {
    /// A text. What YAML takes for a number or a boolean is the text that was written, as `host: 7`.
    pub(crate) fn text(self) -> Option<String> {
        match &self.node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                Some(self.complaints.written(&self.node.at).to_owned())
            }
            _ => self.expected("text", ""),
        }
    }

    /// A text that is not empty.
    pub(crate) fn word(self) -> Option<String> {
        let text = self.text()?;
        if text.is_empty() {
            self.wrong("must not be empty", "")
        } else {
            Some(text)
        }
    }

    /// The name of a header: a token (RFC 9110 §5.6.2).
    pub(crate) fn header_name(self) -> Option<String> {
        let text = self.word()?;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if text.chars().all(is_token) {
            Some(text)
        } else {
            self.wrong(&format!("must be the name of a header, not `{text}`"), "")
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text == "true" => Some(true),
            Value::Text(text) if text == "false" => Some(false),
            _ => self.expected("`true` or `false`", ""),
        }
    }

    /// A whole number; one in quotes is taken too, as the reference does.
    pub(crate) fn integer<T>(self, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        let integer = match &self.node.value {
            Value::Integer(value) => Some(*value),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        let number = integer
            .and_then(|integer| T::try_from(integer).ok())
            .filter(|number| range.contains(number));
        let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
        if number.is_none() && integer.is_some() {
            return self.wrong(&format!("must be {}", wanted()), "");
        }
        number.or_else(|| self.expected(&wanted(), ""))
    }

    /// A number, whole or not; one in quotes is taken too.
    pub(crate) fn number(self, range: RangeInclusive<f64>) -> Option<f64> {
        let number = match &self.node.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        let wanted = || format!("a number from {} to {}", range.start(), range.end());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            Some(_) => self.wrong(&format!("must be {}", wanted()), ""),
            None => self.expected(&wanted(), ""),
        }
    }

    /// A duration written as milliseconds, from `least` to a day of them.
    pub(crate) fn milliseconds(self, least: u64) -> Option<Duration> {
        self.integer(least..=86_400_000).map(Duration::from_millis)
    }

    /// A duration written as whole seconds, 1 to a year of them.
    pub(crate) fn seconds(self) -> Option<Duration> {
        self.integer(1..=31_536_000).map(Duration::from_secs)
    }

    /// A port; 0 lets the system choose. A quoted one is refused, as the reference does.
    pub(crate) fn port(self) -> Option<u16> {
        match &self.node.value {
            Value::Text(text) if text.parse::<u16>().is_ok() => self.expected(
                "a whole number from 0 to 65535",
                &format!("write {text} without quotes"),
            ),
            _ => self.integer(0..=u16::MAX),
        }
    }

    /// An IP address; a name would have to be looked up, and could mean something else tomorrow.
    pub(crate) fn ip(self) -> Option<IpAddr> {
        let text = self.text()?;
        let help = if text == "localhost" {
            "write 127.0.0.1"
        } else {
            "write it like 127.0.0.1 or ::1; names are not looked up"
        };
        text.parse()
            .ok()
            .or_else(|| self.wrong(&format!("must be an IP address, not `{text}`"), help))
    }

    /// A path of names, `/a/b`.
    pub(crate) fn path(self) -> Option<Path> {
        let text = self.text()?;
        match Path::parse(&text) {
            Ok(path) => Some(path),
            Err(_) if !text.starts_with('/') => self.wrong(
                &format!("must be a path, not `{text}`"),
                &format!("paths begin with a slash: `/{text}`"),
            ),
            Err(error) => self.wrong(&format!("must be a path: {error}"), ""),
        }
    }

    /// A file that exists; relative to the working directory.
    pub(crate) fn file(self) -> Option<PathBuf> {
        let path = PathBuf::from(self.word()?);
        if path.is_file() {
            Some(path)
        } else {
            self.wrong_file(&path, "file")
        }
    }

    /// A folder that exists; relative to the working directory.
    pub(crate) fn directory(self) -> Option<PathBuf> {
        let path = PathBuf::from(self.word()?);
        if path.is_dir() {
            Some(path)
        } else {
            self.wrong_file(&path, "directory")
        }
    }

    fn wrong_file<T>(self, path: &std::path::Path, wanted: &str) -> Option<T> {
        let help = match path.exists() {
            true => String::new(),
            false if path.is_relative() => {
                let current = std::env::current_dir().unwrap_or_default();
                format!(
                    "it does not exist; relative paths start at the working directory, {}",
                    current.display()
                )
            }
            false => "it does not exist".into(),
        };
        self.wrong(
            &format!("names `{}`, which is not a {wanted}", path.display()),
            &help,
        )
    }

    /// The items of a list.
    pub(crate) fn items(self) -> Option<Vec<Self>> {
        match &self.node.value {
            Value::List(items) => {
                let field = |node: &'a Node| Field {
                    node,
                    key_at: &node.at,
                    ..self
                };
                Some(items.iter().map(field).collect())
            }
            _ => self.expected("a list", "begin each item with `- `"),
        }
    }

    /// Reads the items of a list, or the one value that stands for it. Judges all of them; `None` if there are none, or one is
    /// wrong.
    pub(crate) fn at_least_one<T>(
        self,
        help: &str,
        read: impl FnMut(Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = match self.node.value {
            Value::List(_) => self.items()?,
            _ => vec![self],
        };
        if items.is_empty() {
            return self.wrong("must not be empty", help);
        }
        let all: Vec<Option<T>> = items.into_iter().map(read).collect();
        all.into_iter().collect()
    }

    /// An object, to be read key by key.
    pub(crate) fn object(self) -> Option<Object<'a>> {
        match &self.node.value {
            Value::Object(entries) => Some(Object::new(self, entries)),
            _ => self.expected("an object", ""),
        }
    }

    /// The entries of an object whose keys are the user's own words.
    pub(crate) fn entries(self) -> Option<Vec<Self>> {
        match &self.node.value {
            Value::Object(entries) => Some(
                entries
                    .iter()
                    .map(|entry| Field {
                        key: &entry.key,
                        key_at: &entry.key_at,
                        node: &entry.node,
                        complaints: self.complaints,
                    })
                    .collect(),
            ),
            _ => self.expected("an object", ""),
        }
    }

    /// Complains that the file, whose value this is, says nothing.
    pub(crate) fn empty_file<T>(self) -> Option<T> {
        self.complaints
            .error(&self.node.at, "the file is empty", "");
        None
    }

    /// Complains that the value is of another kind than `wanted`.
    fn expected<T>(self, wanted: &str, help: &str) -> Option<T> {
        self.wrong(&format!("must be {wanted}, not {}", self.node.kind()), help)
    }

    /// Complains that the value `must be …` or `is …`.
    pub(crate) fn wrong<T>(self, what: &str, help: &str) -> Option<T> {
        let key = if self.key.is_empty() {
            "the file".into()
        } else {
            format!("`{}`", self.key)
        };
        self.complaints
            .error(&self.node.at, format!("{key} {what}"), help);
        None
    }
}
