//! The language of names: paths, name trees and delegation tables.
//!
//! A *path* (`/svc/web`) is a logical name. A *dtab* is a list of rules, *dentries*, that rewrite
//! the prefix of a path into a *name tree* of other paths, until only names are left that a namer
//! can turn into addresses. Everything here is pure: no clock, no socket, no task. What namers
//! know comes in through a closure, and the answer goes out as a value.
//!
//! Start with [`Dtab::parse`], [`Dtab::lookup`] for one rewriting step, and [`bind()`] for all of them.
//!
//! ```
//! use dtab::{Dtab, Path};
//!
//! let dtab = Dtab::parse("/svc => /host ; /host/web => 9*/srv/web-v1 & 1*/srv/web-v2")?;
//! let step = dtab.lookup(&Path::parse("/host/web/users")?);
//! assert_eq!(step.to_string(), "9.00*/srv/web-v1/users & /srv/web-v2/users");
//! # Ok::<(), dtab::ParseError>(())
//! ```
//!
//! Source: finagle's `Path`, `NameTree`, `Dentry`, `Dtab` and `Namer`. Where this crate differs on
//! purpose (weights print without loss, work is bounded), the item in question says so.

mod bind;
mod delegate;
mod dentry;
mod dtab;
mod index;
mod json;
mod lint;
mod name_tree;
mod parse;
mod path;
mod path_matcher;
mod segment;

pub use bind::{
    Alternatives, Answer, BindError, BoundOutcome, DeadBranch, Leaf, MAX_DEPTH, Name, Outcome, Via,
    bind, bind_with,
};
pub use delegate::{DelegateError, DelegateTree, DelegateWeighted, delegate, delegate_tree};
pub use dentry::{Dentry, Elem, Prefix};
pub use dtab::Dtab;
pub use lint::{Level, Lint, lint};
pub use name_tree::{Evaluation, NameTree, Weighted};
pub use parse::{MAX_NESTING, ParseError};
pub use path::{Path, strip_transformer_prefix};
pub use path_matcher::{Captures, PathMatcher};
pub use segment::{EmptySegment, Segment};
