//! A YAML (or JSON) document as a tree that knows its places.
//!
//! Anchors and `<<` merges are expanded by the reader below; a node that came through one has two places, where it is used
//! and where it was written. Which objects and keys make sense is decided elsewhere.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Spanned};

use crate::source::Source;

/// A value and its places.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Place,
}

/// Where something stands, as bytes of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// Where it was written. A block of several lines begins here, and has no end.
    pub(crate) written: Range<usize>,
    /// Where an alias or a merge put it; the same place for everything else.
    pub(crate) used: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Place,
    pub(crate) node: Node,
}

/// Why a text is no document.
#[derive(Debug)]
pub(crate) struct NotYaml {
    pub(crate) message: String,
    pub(crate) at: Place,
}

impl Node {
    /// Reads the one document of `source`. A key that stands twice in one object is reported beside a tree that has the
    /// first, so that the rest can be judged too.
    pub(crate) fn read(source: &Source) -> (Option<Self>, Option<NotYaml>) {
        match parse(source, DuplicateKeyPolicy::Error) {
            Ok(node) => (Some(node), None),
            Err(error) => {
                let is_duplicate = matches!(
                    error.without_snippet(),
                    serde_saphyr::Error::DuplicateMappingKey { .. }
                );
                let tree = if is_duplicate {
                    parse(source, DuplicateKeyPolicy::FirstWins).ok()
                } else {
                    None
                };
                (tree, Some(NotYaml::new(&error, source)))
            }
        }
    }

    /// What kind of value it is, with its article.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "a number",
            Value::Float(_) => "a fraction",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

fn parse(source: &Source, duplicate_keys: DuplicateKeyPolicy) -> Result<Node, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Value>>(&source.text, options).map(Node::from)
}

impl NotYaml {
    fn new(error: &serde_saphyr::Error, source: &Source) -> Self {
        let place = error.location().unwrap_or(Location::UNKNOWN);
        let (line, column) = (place.line(), place.column());
        let message = match error.without_snippet() {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("the key `{key}` stands twice in one object")
            }
            serde_saphyr::Error::MultipleDocuments { .. } => {
                "a second document begins here, and only one is read".into()
            }
            other => {
                let text = other.render();
                format!(
                    "not YAML: {}",
                    text.strip_suffix(&format!(" at line {line}, column {column}"))
                        .unwrap_or(&text)
                )
            }
        };
        let written = match bytes(place) {
            unknown if unknown.is_empty() => source.character(line, column),
            known => known,
        };
        Self {
            message,
            at: Place {
                used: written.clone(),
                written,
            },
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        let mut at = Place::new(spanned.referenced, spanned.defined);
        // A block of keys has no text of its own: the first of them stands for it.
        if let Value::Object(entries) = &spanned.value
            && at.written.is_empty()
            && let Some(first) = entries.first()
        {
            at = first.key_at.clone();
        }
        Self {
            value: spanned.value,
            at,
        }
    }
}

impl Place {
    fn new(used: Location, written: Location) -> Self {
        Self {
            used: bytes(used),
            written: bytes(written),
        }
    }
}

/// Empty where the reader does not know.
fn bytes(location: Location) -> Range<usize> {
    let place = |offset: Option<u64>| {
        offset
            .and_then(|offset| usize::try_from(offset).ok())
            .unwrap_or_default()
    };
    let start = place(location.span().byte_offset());
    start..start + place(location.span().byte_len())
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(item.into());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Spanned<Value>>()? {
            object.push(Entry {
                key_at: Place::new(key.referenced, key.defined),
                key: key.value,
                node: value.into(),
            });
        }
        Ok(Value::Object(object))
    }
}
