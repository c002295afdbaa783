//! The name under which a dtab is kept.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a dtab: 1 to 253 of `A-Z a-z 0-9 . _ -`, but not `.` or `..`. Cheap to clone.
///
/// The reference takes any name with most stores, also one with slashes, which then reaches keys outside of its prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(Arc<str>);

impl Namespace {
    const LENGTH_MAX: usize = 253;

    /// Takes a name that keeps the rules.
    ///
    /// # Errors
    /// [`InvalidNamespace`] otherwise.
    pub fn new(name: &str) -> Result<Self, InvalidNamespace> {
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_valid = (1..=Self::LENGTH_MAX).contains(&name.len())
            && name.bytes().all(is_allowed)
            && !matches!(name, "." | "..");
        if is_valid {
            Ok(Self(name.into()))
        } else {
            Err(InvalidNamespace(name.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = InvalidNamespace;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl TryFrom<String> for Namespace {
    type Error = InvalidNamespace;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name)
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.as_str().to_owned()
    }
}

impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

/// A name that no dtab can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid namespace {0:?}: 1 to 253 of A-Z a-z 0-9 . _ - are allowed, but not \".\" or \"..\""
)]
pub struct InvalidNamespace(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, is_valid: bool) {
        assert_eq!(Namespace::new(name).is_ok(), is_valid, "{name:?}");
    }

    #[test]
    fn names_are_short_and_plain() {
        check("default", true);
        check("A-b_c.9", true);
        check("...", true);
        check(&"n".repeat(253), true);
        check(&"n".repeat(254), false);
        check("", false);
        check(".", false);
        check("..", false);
        check("a/b", false);
        check("a b", false);
        check("straße", false);
        check("a\0", false);
    }

    #[test]
    fn json_goes_through_the_same_check() {
        assert_eq!(
            serde_json::from_str::<Namespace>("\"web\"")
                .unwrap()
                .as_str(),
            "web"
        );
        assert!(serde_json::from_str::<Namespace>("\"../web\"").is_err());
    }
}
