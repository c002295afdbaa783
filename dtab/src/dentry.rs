//! One rule of a dtab: a prefix and what replaces it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::name_tree::NameTree;
use crate::parse::{self, ParseError};
use crate::path::Path;
use crate::segment::Segment;

/// A rule, `/svc/*/web => /srv/web | /srv/old`. Source: finagle `Dentry`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dentry {
    /// Which paths the rule is for.
    pub prefix: Prefix,
    /// What replaces the prefix; the rest of the path goes behind each leaf.
    pub dst: NameTree<Path>,
}

/// The left side of a rule: like a path, but an element may be the wildcard `*`. A clone shares the elements.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(Arc<[Elem]>);

/// An element of a prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Elem {
    /// `*`: any one segment.
    Any,
    /// This very segment.
    Label(Segment),
}

impl Dentry {
    /// Reads one rule, without a `;` behind it.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::dentry(text)
    }
}

impl Prefix {
    /// Reads the text of a prefix.
    ///
    /// # Errors
    /// When the text is anything else than one prefix.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::prefix(text)
    }

    /// The elements in order.
    #[must_use]
    pub fn elems(&self) -> &[Elem] {
        &self.0
    }

    /// How many elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this is `/`, the prefix of every path.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a path starts with this prefix.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        self.len() <= path.len()
            && self
                .0
                .iter()
                .zip(path.segments())
                .all(|(elem, segment)| match elem {
                    Elem::Any => true,
                    Elem::Label(label) => label == segment,
                })
    }
}

impl From<Vec<Elem>> for Prefix {
    fn from(elems: Vec<Elem>) -> Self {
        Self(elems.into())
    }
}

impl FromIterator<Elem> for Prefix {
    fn from_iter<I: IntoIterator<Item = Elem>>(elems: I) -> Self {
        Self(elems.into_iter().collect())
    }
}

/// The prefix that matches exactly what starts with the path.
impl From<&Path> for Prefix {
    fn from(path: &Path) -> Self {
        path.segments().iter().cloned().map(Elem::Label).collect()
    }
}

impl FromStr for Prefix {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl FromStr for Dentry {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Elem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Label(segment) => segment.fmt(f),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|elem| write!(f, "/{elem}"))
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Dentry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=>{}", self.prefix, self.dst)
    }
}
