//! What goes into a binding, and what comes out.

use std::fmt;

use crate::dentry::Dentry;
use crate::name_tree::NameTree;
use crate::path::Path;

/// Which alternatives (`|`, or several rules for one prefix) a bound tree has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Alternatives {
    /// Of each alternation the first that isn't Neg. Those behind it are not looked at.
    #[default]
    FirstOnly,
    /// Also those behind it that aren't Neg, for somebody who may pass over the first. What isn't known yet, or is an
    /// error, is left out; Fail and Empty end the list.
    All,
}

/// A name in a namer's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Name<B> {
    /// Not bound yet: goes through the table again, from the top.
    Path(Path),
    /// Bound.
    Bound(B),
}

/// What namers say about a path, as of now.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<B> {
    /// Nothing yet.
    Pending,
    /// They cannot say, for this reason. It isn't a Neg: no alternative is tried.
    Failed(String),
    /// This.
    Tree(NameTree<Name<B>>),
}

/// A bound name in a bound tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf<B> {
    /// The name.
    pub bound: B,
    /// The weight of the innermost union branch around it, also where that union has lost its other branches.
    /// Linkerd shows it as address metadata, `namer_nametree_weight`.
    pub weight: Option<f64>,
}

/// The state of a binding.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<B> {
    /// Some namer that matters has not answered yet.
    Pending,
    /// There is no answer, for this reason.
    Failed(BindError),
    /// This is what the path means.
    Bound(BoundOutcome<B>),
}

/// A bound tree, and what was left out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundOutcome<B> {
    /// Simplified, and without [`NameTree::Alt`] unless [`Alternatives::All`] are asked for: then the first of each is what
    /// stands there without the others.
    pub tree: NameTree<Leaf<B>>,
    /// Union branches that were left out because they are not known yet.
    pub pending_branches: usize,
    /// Union branches whose share went to their siblings because they are Neg, Fail or an error. Those of first
    /// alternatives only: nothing was meant for the others.
    pub dead: Vec<DeadBranch>,
}

/// A union branch without a name behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadBranch {
    /// The branch's first path.
    pub path: Path,
    /// The part of all requests that was meant for it and goes elsewhere: from 0 to 1.
    pub share: f64,
}

/// Why a path has no binding. The messages name the path and the rule that led to it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BindError {
    /// More than [`MAX_DEPTH`](crate::MAX_DEPTH) lookups in a chain.
    #[error("Max recursion level: 100 reached in Namer lookup of {path}{via}")]
    MaxDepth {
        /// The path of the first lookup that was one too many.
        path: Path,
        /// The rule that led there.
        via: Via,
    },
    /// A namer failed.
    #[error("{reason} (in Namer lookup of {path}{via})")]
    Namer {
        /// What the namer was asked for.
        path: Path,
        /// What it said.
        reason: String,
        /// The rule that led there.
        via: Via,
    },
    /// The table rewrites the path into too many names.
    #[error("the dtab rewrites this name into too many others to follow")]
    TooLarge,
}

/// The rule that led to a path; none at the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Via(pub Option<Box<Dentry>>);

impl Via {
    pub(crate) fn new(dentry: Option<&Dentry>) -> Self {
        Self(dentry.cloned().map(Box::new))
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => Ok(()),
            Some(dentry) => write!(f, ", through {} => {}", dentry.prefix, dentry.dst),
        }
    }
}
