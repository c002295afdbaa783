//! One complaint, all complaints, and how they are shown.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Renderer, Snippet};

use crate::node::Place;
use crate::source::Source;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The configuration is refused.
    Error,
    /// The configuration is accepted; somebody should look at it.
    Warning,
}

/// One complaint about a place of a file.
///
/// It displays as plain text of several lines: what is wrong, the file, line and column, the line itself with a caret below
/// the place, and what to write instead.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// What to write instead, or what would help; may be empty.
    pub help: Vec<String>,
    pub(crate) at: Place,
    pub(crate) source: Arc<Source>,
}

impl Diagnostic {
    /// The name of the file, as it was given to `parse`.
    pub fn origin(&self) -> &str {
        &self.source.origin
    }

    /// Line and column of the place, both from 1; columns count characters.
    pub fn line_column(&self) -> (usize, usize) {
        self.source.line_column(self.at.written.start)
    }

    /// As it displays, with terminal colours.
    pub fn coloured(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.level {
            Level::Error => annotate_snippets::Level::ERROR,
            Level::Warning => annotate_snippets::Level::WARNING,
        };
        let mut snippet = Snippet::source(&self.source.text)
            .path(&self.source.origin)
            .annotation(
                AnnotationKind::Primary.span(self.source.on_one_line(self.at.written.clone())),
            );
        if self.at.used != self.at.written {
            let used = self.source.on_one_line(self.at.used.clone());
            snippet = snippet.annotation(AnnotationKind::Context.span(used).label("used here"));
        }
        let help = self
            .help
            .iter()
            .map(|help| annotate_snippets::Level::HELP.message(help));
        let group: Group<'_> = level
            .primary_title(&self.message)
            .element(snippet)
            .elements(help);
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

/// Everything that is wrong with a file, in the order of its lines. At least one of it is an error.
///
/// It displays as the complaints with an empty line between two.
#[derive(Clone, Debug)]
pub struct Diagnostics(pub(crate) Vec<Diagnostic>);

impl Diagnostics {
    /// The complaints one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// As it displays, with terminal colours.
    pub fn coloured(&self) -> String {
        let rendered: Vec<String> = self.0.iter().map(Diagnostic::coloured).collect();
        rendered.join("\n\n")
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
