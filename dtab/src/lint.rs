//! Complaints about tables that can be read, and will surprise.
//!
//! An *error* is a table that cannot work: names that can never be bound. A *warning* is one that says something which has no effect, or
//! another than it seems. Only the text at hand counts: a table is often a part of a larger one.

mod loops;
mod sample;
mod shadowed;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level as Severity, Renderer, Snippet};

use crate::dtab::Dtab;
use crate::parse::{self, Notes, ParseError, clamp, line_column};
use crate::path::Path;

/// A complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// How bad it is.
    pub level: Level,
    /// What kind of complaint: `loop`, `may-loop`, `unchecked`, `shadowed`, `duplicate-prefix`, `unknown-namer`, `zero-weight` or
    /// `lone-weight`.
    pub code: &'static str,
    /// Where, as a byte range of the source.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub help: Option<String>,
}

/// How bad a complaint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The table cannot work, and should be refused.
    Error,
    /// The table works, but perhaps not as meant.
    Warning,
}

/// Reads a table, and tells what is odd about it, in the order of the text.
///
/// `is_known_namer` is asked for paths of two segments and more that start with `#` or `$` and that no rule of this table rewrites;
/// without it, nothing is said about namers.
///
/// # Errors
/// When the text isn't a table.
pub fn lint(
    source: &str,
    is_known_namer: Option<&dyn Fn(&Path) -> bool>,
) -> Result<Vec<Lint>, ParseError> {
    let (dentries, notes) = parse::annotated_dtab(source)?;
    let dtab = Dtab::from_dentries(dentries);
    let mut lints = loops::check(&dtab, &notes);
    lints.extend(shadowed::check(&dtab, &notes));
    lints.extend(duplicate_prefixes(&dtab, &notes));
    lints.extend(
        is_known_namer
            .into_iter()
            .flat_map(|is_known| unknown_namers(&dtab, &notes, is_known)),
    );
    lints.extend(odd_weights(&notes));
    lints.sort_by_key(|lint| (lint.span.start, lint.level));
    Ok(lints)
}

impl Lint {
    /// Line and column of the place, both counted from 1, the column in characters.
    #[must_use]
    pub fn line_column(&self, source: &str) -> (usize, usize) {
        line_column(source, self.span.start)
    }

    /// The complaint with the lines of the source that it is about, behind `origin`, the name of the text.
    #[must_use]
    pub fn render(&self, source: &str, origin: &str) -> String {
        let severity = match self.level {
            Level::Error => Severity::ERROR,
            Level::Warning => Severity::WARNING,
        };
        let place = AnnotationKind::Primary.span(clamp(source, &self.span));
        let snippet = Snippet::source(source).path(origin).annotation(place);
        let mut group = severity
            .primary_title(&self.message)
            .id(self.code)
            .element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Severity::HELP.message(help));
        }
        Renderer::plain().render(&[group])
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

fn duplicate_prefixes(dtab: &Dtab, notes: &Notes) -> Vec<Lint> {
    let mut seen = HashSet::new();
    let rules = dtab.dentries().iter().zip(&notes.dentries);
    rules
        .filter(|(dentry, _)| !seen.insert(&dentry.prefix))
        .map(|(dentry, spans)| Lint {
            level: Level::Warning,
            code: "duplicate-prefix",
            span: spans.prefix.clone(),
            message: format!("{} has a rule already", dentry.prefix),
            help: Some(
                "this rule is tried first, the earlier one only where this one finds no name"
                    .to_owned(),
            ),
        })
        .collect()
}

fn unknown_namers(dtab: &Dtab, notes: &Notes, is_known: &dyn Fn(&Path) -> bool) -> Vec<Lint> {
    let rules = dtab.dentries().iter().zip(&notes.dentries);
    rules
        .flat_map(|(dentry, spans)| dentry.dst.leaves().into_iter().zip(&spans.leaves))
        .filter(|(path, _)| names_a_namer(path) && dtab.matches(path).is_empty() && !is_known(path))
        .map(|(path, span)| Lint {
            level: Level::Warning,
            code: "unknown-namer",
            span: span.clone(),
            message: format!("no namer is known for {path}"),
            help: None,
        })
        .collect()
}

fn names_a_namer(path: &Path) -> bool {
    matches!(path.segments(), [first, _, ..] if first == "#" || first == "$")
}

fn odd_weights(notes: &Notes) -> Vec<Lint> {
    let lint = |note: &parse::WeightNote| {
        let (code, message, help) = if note.is_lone {
            (
                "lone-weight",
                "a weight without a sibling means nothing",
                "write `&` and another branch, or no weight",
            )
        } else {
            (
                "zero-weight",
                "a branch of weight zero gets no requests",
                "remove the branch, or give it a weight",
            )
        };
        Lint {
            level: Level::Warning,
            code,
            span: note.span.clone(),
            message: message.to_owned(),
            help: Some(help.to_owned()),
        }
    };
    notes.weights.iter().map(lint).collect()
}

#[cfg(test)]
mod tests;
