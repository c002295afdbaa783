//! Trees of names: alternatives, weighted unions, and the three ways of saying no.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use crate::parse::{self, ParseError};
use crate::path::Path;

/// A tree of names. Source: finagle `NameTree`.
#[derive(Debug, Clone, PartialEq)]
pub enum NameTree<T> {
    /// `~`: no such name; an enclosing [`Alt`](Self::Alt) goes on to its next alternative.
    Neg,
    /// `!`: no such name, and no alternative is tried.
    Fail,
    /// `$`: the name exists, with nothing behind it.
    Empty,
    /// One name.
    Leaf(T),
    /// `a | b`: the first alternative that isn't [`Neg`](Self::Neg).
    Alt(Vec<Self>),
    /// `2*a & 3*b`: each in proportion to its weight.
    Union(Vec<Weighted<T>>),
}

/// A branch of a union.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighted<T> {
    /// The branch's share, relative to its siblings. Text can only say finite numbers from 0 up.
    pub weight: f64,
    /// The branch.
    pub tree: NameTree<T>,
}

/// What a tree evaluates to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evaluation<'a, T> {
    /// No such name, but another alternative may have it.
    Neg,
    /// No such name.
    Fail,
    /// The names, each once, in order of appearance; possibly none.
    Leaves(Vec<&'a T>),
}

impl NameTree<Path> {
    /// Reads the text of a tree.
    ///
    /// # Errors
    /// When the text is anything else than one tree, or nests deeper than [`MAX_NESTING`](crate::MAX_NESTING).
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::tree(text)
    }

    /// The tree with `residual` behind every path.
    #[must_use]
    pub fn join(&self, residual: &Path) -> Self {
        self.map(&mut |path| path.join(residual))
    }
}

impl<T> NameTree<T> {
    /// The same tree with other leaves.
    pub fn map<U>(&self, leaf: &mut impl FnMut(&T) -> U) -> NameTree<U> {
        match self {
            Self::Neg => NameTree::Neg,
            Self::Fail => NameTree::Fail,
            Self::Empty => NameTree::Empty,
            Self::Leaf(value) => NameTree::Leaf(leaf(value)),
            Self::Alt(trees) => NameTree::Alt(trees.iter().map(|tree| tree.map(leaf)).collect()),
            Self::Union(branches) => NameTree::Union(
                branches
                    .iter()
                    .map(|branch| Weighted {
                        weight: branch.weight,
                        tree: branch.tree.map(leaf),
                    })
                    .collect(),
            ),
        }
    }

    /// The same tree with other leaves, unless there is none for one of them.
    #[must_use]
    pub fn try_map<U>(&self, leaf: &mut impl FnMut(&T) -> Option<U>) -> Option<NameTree<U>> {
        Some(match self {
            Self::Neg => NameTree::Neg,
            Self::Fail => NameTree::Fail,
            Self::Empty => NameTree::Empty,
            Self::Leaf(value) => NameTree::Leaf(leaf(value)?),
            Self::Alt(trees) => {
                let trees = trees.iter().map(|tree| tree.try_map(leaf));
                NameTree::Alt(trees.collect::<Option<_>>()?)
            }
            Self::Union(branches) => {
                let branches = branches.iter().map(|branch| {
                    Some(Weighted {
                        weight: branch.weight,
                        tree: branch.tree.try_map(leaf)?,
                    })
                });
                NameTree::Union(branches.collect::<Option<_>>()?)
            }
        })
    }

    /// All leaves, in order of appearance.
    #[must_use]
    pub fn leaves(&self) -> Vec<&T> {
        let mut leaves = Vec::new();
        self.for_each_leaf(&mut |leaf| leaves.push(leaf));
        leaves
    }

    fn for_each_leaf<'a>(&'a self, visit: &mut impl FnMut(&'a T)) {
        match self {
            Self::Neg | Self::Fail | Self::Empty => {}
            Self::Leaf(value) => visit(value),
            Self::Alt(trees) => trees.iter().for_each(|tree| tree.for_each_leaf(visit)),
            Self::Union(branches) => {
                branches
                    .iter()
                    .for_each(|branch| branch.tree.for_each_leaf(visit));
            }
        }
    }

    /// How many nodes the tree has, itself included.
    pub(crate) fn node_count(&self) -> usize {
        match self {
            Self::Neg | Self::Fail | Self::Empty | Self::Leaf(_) => 1,
            Self::Alt(trees) => 1 + trees.iter().map(Self::node_count).sum::<usize>(),
            Self::Union(branches) => {
                1 + branches
                    .iter()
                    .map(|branch| branch.tree.node_count())
                    .sum::<usize>()
            }
        }
    }

    /// The tree without branches that cannot matter: alternatives that are Neg or stand behind a Fail, union
    /// branches that are Neg or Fail, nodes of one child. Nothing is flattened, and weights are not rescaled.
    #[must_use]
    pub fn simplify(self) -> Self {
        match self {
            Self::Alt(trees) => simplify_alt(trees),
            Self::Union(branches) => simplify_union(branches),
            other => other,
        }
    }
}

impl<T: Eq + Hash> NameTree<T> {
    /// Chooses the names that the tree stands for, whatever their weights.
    #[must_use]
    pub fn eval(&self) -> Evaluation<'_, T> {
        match self {
            Self::Neg => Evaluation::Neg,
            Self::Fail => Evaluation::Fail,
            Self::Empty => Evaluation::Leaves(Vec::new()),
            Self::Leaf(value) => Evaluation::Leaves(vec![value]),
            Self::Alt(trees) => trees
                .iter()
                .map(Self::eval)
                .find(|evaluation| !matches!(evaluation, Evaluation::Neg))
                .unwrap_or(Evaluation::Neg),
            Self::Union(branches) => eval_union(branches),
        }
    }
}

/// Positive if one branch is; with none it is Neg, even if all were Fail, so that an enclosing alternative goes on.
fn eval_union<T: Eq + Hash>(branches: &[Weighted<T>]) -> Evaluation<'_, T> {
    let mut seen = HashSet::new();
    let mut union = Vec::new();
    let mut is_positive = false;
    for branch in branches {
        if let Evaluation::Leaves(leaves) = branch.tree.eval() {
            is_positive = true;
            union.extend(leaves.into_iter().filter(|leaf| seen.insert(*leaf)));
        }
    }
    if is_positive {
        Evaluation::Leaves(union)
    } else {
        Evaluation::Neg
    }
}

fn simplify_alt<T>(trees: Vec<NameTree<T>>) -> NameTree<T> {
    let is_alone = trees.len() == 1;
    let mut kept = Vec::with_capacity(trees.len());
    for tree in trees {
        match tree.simplify() {
            NameTree::Neg => {}
            NameTree::Fail if !is_alone => {
                kept.push(NameTree::Fail);
                break;
            }
            tree => kept.push(tree),
        }
    }
    sole(kept, NameTree::Alt)
}

fn simplify_union<T>(branches: Vec<Weighted<T>>) -> NameTree<T> {
    // A union of one is its branch, even if that is Fail; among siblings a Fail only loses its share.
    let is_alone = branches.len() == 1;
    let kept: Vec<Weighted<T>> = branches
        .into_iter()
        .map(|branch| Weighted {
            weight: branch.weight,
            tree: branch.tree.simplify(),
        })
        .filter(|branch| is_alone || !matches!(branch.tree, NameTree::Neg | NameTree::Fail))
        .collect();
    if kept.len() > 1 {
        return NameTree::Union(kept);
    }
    kept.into_iter()
        .next()
        .map_or(NameTree::Neg, |branch| branch.tree)
}

fn sole<T>(
    mut trees: Vec<NameTree<T>>,
    many: impl FnOnce(Vec<NameTree<T>>) -> NameTree<T>,
) -> NameTree<T> {
    match trees.len() {
        0 => NameTree::Neg,
        1 => trees.remove(0),
        _ => many(trees),
    }
}

impl FromStr for NameTree<Path> {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// The canonical text. It differs from finagle's in one thing: weights have as many decimals as it takes to read the
/// same number back (`0.001*/a`), and at least two, where finagle rounds to two.
impl<T: fmt::Display> fmt::Display for NameTree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Neg => f.write_str("~"),
            Self::Fail => f.write_str("!"),
            Self::Empty => f.write_str("$"),
            Self::Leaf(value) => value.fmt(f),
            Self::Alt(trees) => match trees.as_slice() {
                [] => f.write_str("~"),
                [tree] => tree.fmt(f),
                trees => write_joined(f, " | ", trees, |f, tree| {
                    write_operand(
                        f,
                        tree,
                        matches!(tree.shown(), Self::Alt(trees) if !trees.is_empty()),
                    )
                }),
            },
            Self::Union(branches) => match branches.as_slice() {
                [] => f.write_str("~"),
                [branch] => branch.tree.fmt(f),
                branches => write_joined(f, " & ", branches, Weighted::write),
            },
        }
    }
}

impl<T> NameTree<T> {
    /// The node that is printed for this one: nodes of one child print as that child.
    fn shown(&self) -> &Self {
        match self {
            Self::Alt(trees) if trees.len() == 1 => trees[0].shown(),
            Self::Union(branches) if branches.len() == 1 => branches[0].tree.shown(),
            tree => tree,
        }
    }

    fn is_operator(&self) -> bool {
        match self.shown() {
            Self::Alt(trees) => !trees.is_empty(),
            Self::Union(branches) => !branches.is_empty(),
            _ => false,
        }
    }
}

impl<T: fmt::Display> Weighted<T> {
    fn write(f: &mut fmt::Formatter<'_>, branch: &Self) -> fmt::Result {
        write_weight(f, branch.weight)?;
        write_operand(f, &branch.tree, branch.tree.is_operator())
    }
}

/// `2.00*`, or nothing for the default weight of 1.
fn write_weight(f: &mut fmt::Formatter<'_>, weight: f64) -> fmt::Result {
    #[expect(clippy::float_cmp, reason = "only exactly 1 is the default")]
    if weight == 1.0 {
        return Ok(());
    }
    // Rust prints the shortest digits that read back as the same number, and never an exponent.
    let digits = weight.to_string();
    let decimals = digits
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    if decimals >= 2 {
        write!(f, "{digits}*")
    } else {
        write!(f, "{weight:.2}*")
    }
}

fn write_operand<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    tree: &NameTree<T>,
    in_parentheses: bool,
) -> fmt::Result {
    if in_parentheses {
        write!(f, "({tree})")
    } else {
        write!(f, "{tree}")
    }
}

fn write_joined<T>(
    f: &mut fmt::Formatter<'_>,
    separator: &str,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            f.write_str(separator)?;
        }
        write(f, item)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> NameTree<Path> {
        NameTree::parse(text).expect("a tree")
    }

    fn check_shown(text: &str, shown: &str) {
        assert_eq!(tree(text).to_string(), shown);
    }

    #[test]
    fn weights_print_without_loss_and_with_two_decimals_at_least() {
        check_shown("0.5*/a & .001*/b", "0.50*/a & 0.001*/b");
        check_shown(
            "33.333*/a & 1.005*/b & 12*/c",
            "33.333*/a & 1.005*/b & 12.00*/c",
        );
        check_shown("0.1*/a & 1.0*/b & 0*/c", "0.10*/a & /b & 0.00*/c");
        check_shown("0.9999999999999999*/a & /b", "0.9999999999999999*/a & /b");
    }

    #[test]
    fn parentheses_are_printed_where_the_structure_needs_them() {
        check_shown("(/a | /b) | /c", "(/a | /b) | /c");
        check_shown("(/a & /b) | /c", "/a & /b | /c");
        check_shown("2*(/a | !) & (/b & ~)", "2.00*(/a | !) & (/b & ~)");
    }

    #[test]
    fn nodes_of_one_child_print_as_the_child() {
        let one = NameTree::Alt(vec![NameTree::Union(vec![Weighted {
            weight: 3.0,
            tree: tree("/a | /b"),
        }])]);
        assert_eq!(one.to_string(), "/a | /b");
        assert_eq!(
            NameTree::Alt(vec![one, NameTree::Alt(vec![])]).to_string(),
            "(/a | /b) | ~"
        );
    }

    #[test]
    fn failed_branches_of_a_union_leave_room_for_an_alternative() {
        assert_eq!(tree("! & !").eval(), Evaluation::Neg);
        assert_eq!(tree("! | /ok").eval(), Evaluation::Fail);
        assert_eq!(tree("! & ! | /ok").simplify(), tree("/ok"));
        assert_eq!(tree("$ & ~").eval(), Evaluation::Leaves(vec![]));
    }
}
