//! JSON forms: paths, prefixes and trees are their text, a table is an array of `{"prefix","dst"}`.
//! Source: linkerd `namerd/iface/control-http` `Json.scala`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::dentry::{Dentry, Prefix};
use crate::dtab::Dtab;
use crate::name_tree::NameTree;
use crate::path::Path;

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "the text of a path")
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "the text of a dentry's prefix")
    }
}

impl Serialize for NameTree<Path> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NameTree<Path> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "the text of a name tree")
    }
}

impl Serialize for Dentry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Dentry", 2)?;
        object.serialize_field("prefix", &self.prefix)?;
        object.serialize_field("dst", &self.dst)?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Dentry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Object {
            prefix: Prefix,
            dst: NameTree<Path>,
        }
        Object::deserialize(deserializer).map(|object| Self {
            prefix: object.prefix,
            dst: object.dst,
        })
    }
}

impl Serialize for Dtab {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.len()))?;
        for dentry in self.dentries() {
            array.serialize_element(dentry)?;
        }
        array.end()
    }
}

impl<'de> Deserialize<'de> for Dtab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from_dentries)
    }
}

/// Reads a value from a JSON string, without a copy of it.
fn text<'de, D, T>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(&'static str, PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(expected, PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_an_array_of_shown_text() {
        let text =
            r#"[{"prefix":"/svc/*","dst":"0.50*/a & 0.125*/b | !"},{"prefix":"/a","dst":"~"}]"#;
        let dtab: Dtab = serde_json::from_str(text).expect("a dtab");
        assert_eq!(dtab.to_string(), "/svc/*=>0.50*/a & 0.125*/b | !;/a=>~");
        assert_eq!(serde_json::to_string(&dtab).expect("json"), text);
    }

    #[test]
    fn null_elements_and_bad_text_are_errors() {
        let error = |text| {
            serde_json::from_str::<Dtab>(text)
                .expect_err("not a dtab")
                .to_string()
        };
        assert!(error("[null]").starts_with("invalid type: null"));
        let bad = error(r#"[{"prefix":"a","dst":"/b"}]"#);
        assert!(
            bad.starts_with("'/' expected but 'a' found at '[a]'"),
            "{bad}"
        );
    }
}
