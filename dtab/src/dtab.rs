//! Delegation tables.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use crate::dentry::Dentry;
use crate::index::Index;
use crate::name_tree::NameTree;
use crate::parse::{self, ParseError};
use crate::path::Path;

/// A delegation table: rules in order, of which the last that matches is tried first. Source: finagle `Dtab`.
///
/// A clone is cheap. [`concat`](Self::concat) keeps both parts as they are, with their indexes, so that a request's own few
/// rules behind a table of thousands cost nothing but themselves.
#[derive(Clone, Default)]
pub struct Dtab {
    parts: Arc<[Arc<Part>]>,
    /// All rules in one slice, made when somebody asks for it and there are several parts.
    joined: Arc<OnceLock<Vec<Dentry>>>,
}

struct Part {
    dentries: Vec<Dentry>,
    index: OnceLock<Index>,
}

impl Dtab {
    /// The table without rules.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads rules separated by `;`. Empty text is the empty table.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::dtab(text).map(Self::from_dentries)
    }

    /// A table of these rules, weakest first.
    #[must_use]
    pub fn from_dentries(dentries: Vec<Dentry>) -> Self {
        if dentries.is_empty() {
            return Self::empty();
        }
        let part = Part {
            dentries,
            index: OnceLock::new(),
        };
        Self {
            parts: Arc::new([Arc::new(part)]),
            joined: Arc::default(),
        }
    }

    /// The rules, weakest first.
    #[must_use]
    pub fn dentries(&self) -> &[Dentry] {
        match &*self.parts {
            [] => &[],
            [part] => &part.dentries,
            _ => self.joined.get_or_init(|| self.iter().cloned().collect()),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Dentry> {
        self.parts.iter().flat_map(|part| &part.dentries)
    }

    /// How many rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.dentries.len()).sum()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The rules of this table followed by those of a stronger one. Duplicates stay.
    #[must_use]
    pub fn concat(&self, stronger: &Self) -> Self {
        if stronger.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return stronger.clone();
        }
        let parts = self.parts.iter().chain(&*stronger.parts).cloned().collect();
        Self {
            parts,
            joined: Arc::default(),
        }
    }

    /// Rewrites a path once: the trees of all matching rules, strongest first, with the rest of the path behind their
    /// leaves. No match is Neg, one is its tree, several are an Alt. How specific a prefix is plays no role.
    #[must_use]
    pub fn lookup(&self, path: &Path) -> NameTree<Path> {
        let mut trees: Vec<NameTree<Path>> = self
            .matches(path)
            .into_iter()
            .map(|dentry| dentry.dst.join(&path.skip(dentry.prefix.len())))
            .collect();
        match trees.len() {
            0 => NameTree::Neg,
            1 => trees.remove(0),
            _ => NameTree::Alt(trees),
        }
    }

    /// The rules whose prefix matches, strongest first.
    #[must_use]
    pub fn matches(&self, path: &Path) -> Vec<&Dentry> {
        self.matches_with_cost(path).0
    }

    /// The matching rules, and the work it took to find them: one for each place looked at.
    pub(crate) fn matches_with_cost(&self, path: &Path) -> (Vec<&Dentry>, usize) {
        let mut matches = Vec::new();
        let mut cost = 0;
        for part in self.parts.iter().rev() {
            let index = part.index.get_or_init(|| Index::new(&part.dentries));
            let (positions, visited) = index.matches(path);
            cost += visited + positions.len();
            matches.extend(
                positions
                    .into_iter()
                    .map(|position| &part.dentries[position]),
            );
        }
        (matches, cost)
    }
}

impl FromStr for Dtab {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl FromIterator<Dentry> for Dtab {
    fn from_iter<I: IntoIterator<Item = Dentry>>(dentries: I) -> Self {
        Self::from_dentries(Vec::from_iter(dentries))
    }
}

impl PartialEq for Dtab {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts) || self.iter().eq(other.iter())
    }
}

/// The canonical text: `/a=>/b;/c=>/d`.
impl fmt::Display for Dtab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, dentry) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(";")?;
            }
            dentry.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Dtab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtab(text: &str) -> Dtab {
        Dtab::parse(text).expect("a dtab")
    }

    fn check(table: &Dtab, path: &str, answer: &str) {
        let path = Path::parse(path).expect("a path");
        assert_eq!(table.lookup(&path).to_string(), answer, "{path} in {table}");
    }

    #[test]
    fn the_last_match_comes_first_however_specific_the_others_are() {
        let table = dtab("/a/b => /1 ; /a => /2 ; /*/b => /3 ; / => ~");
        check(&table, "/a/b/c", "~ | /3/c | /2/b/c | /1/c");
        check(&table, "/x", "~");
    }

    #[test]
    fn a_concatenation_answers_like_one_table() {
        let weak = dtab("/a => /1 ; /b => /2");
        let both = weak.concat(&dtab("/a => /3"));
        check(&both, "/a", "/3 | /1");
        assert_eq!(both.dentries().len(), 3);
        assert_eq!(both, dtab("/a=>/1;/b=>/2;/a=>/3"));
        assert_eq!(both.concat(&Dtab::empty()), both);
        assert_ne!(both, weak);
    }
}
