//! What was wrong with a text, and where.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use nom::error::{ContextError, ErrorKind, ParseError as NomError};

/// How much of the text around the place an error shows, in characters on either side.
const SHOWN_AROUND: usize = 1_000;

/// A text that isn't what it should be.
///
/// Its `Display` is the reference's line, `'/' expected but 'i' found at '[i]nvalid-param'`; of a long text it shows the
/// thousand characters on either side of the place. [`render`](Self::render) points at the place instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(Box<Complaint>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected} expected but {found} found at '{before}[{at}]{after}'")]
struct Complaint {
    expected: String,
    found: String,
    before: String,
    at: String,
    after: String,
    span: Range<usize>,
}

impl ParseError {
    pub(super) fn new(source: &str, unexpected: Unexpected<'_>) -> Self {
        let start = source.len() - unexpected.at.len();
        let at = unexpected.at.chars().next();
        let end = start + at.map_or(0, char::len_utf8);
        Self(Box::new(Complaint {
            expected: unexpected.expected.to_string(),
            found: Expected::of(unexpected.found.or(at)).to_string(),
            before: tail(&source[..start]),
            at: at.map(String::from).unwrap_or_default(),
            after: head(&source[end..]),
            span: start..end,
        }))
    }

    /// The offending character as a byte range of the source; empty, and at its end, when the source ended too soon.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.0.span.clone()
    }

    /// Line and column of the place, both counted from 1, the column in characters.
    #[must_use]
    pub fn line_column(&self, source: &str) -> (usize, usize) {
        line_column(source, self.0.span.start)
    }

    /// The line of the source with a caret under the place, behind `origin`, the name of the text.
    #[must_use]
    pub fn render(&self, source: &str, origin: &str) -> String {
        let message = format!("{} expected but {} found", self.0.expected, self.0.found);
        let place = AnnotationKind::Primary
            .span(clamp(source, &self.0.span))
            .label(format!("expected {}", spelled_out(&self.0.expected)));
        let report = [Level::ERROR
            .primary_title(message)
            .element(Snippet::source(source).path(origin).annotation(place))];
        Renderer::plain().render(&report)
    }
}

/// The reference's words, for people.
fn spelled_out(expected: &str) -> &str {
    match expected {
        "simple" => "a path, '(', '!', '~' or '$'",
        "label char" => "a name: letters, digits, _ : . # $ % - or \\xNN",
        "hex char" => "a hexadecimal digit",
        "weight" | "number char" => "a number such as 2 or 0.5",
        other => other,
    }
}

/// Line and column of a byte offset, both counted from 1, the column in characters. An offset beyond the end is the end.
pub(crate) fn line_column(source: &str, offset: usize) -> (usize, usize) {
    let before = &source[..clamp(source, &(offset..offset)).start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The range, moved so that it is one of this very source: a caller may hold another text than the one that was parsed.
pub(crate) fn clamp(source: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |offset: usize| {
        (0..=offset.min(source.len()))
            .rev()
            .find(|offset| source.is_char_boundary(*offset))
            .unwrap_or_default()
    };
    floor(span.start)..floor(span.end.max(span.start))
}

fn tail(text: &str) -> String {
    match text.char_indices().rev().nth(SHOWN_AROUND) {
        Some((cut, c)) => format!("…{}", &text[cut + c.len_utf8()..]),
        None => text.to_owned(),
    }
}

fn head(text: &str) -> String {
    match text.char_indices().nth(SHOWN_AROUND) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// Where the grammar stopped, and what it wanted there.
#[derive(Debug)]
pub(super) struct Unexpected<'a> {
    at: &'a str,
    expected: Expected,
    /// What to name as found, where that isn't the character at the place.
    found: Option<char>,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Char(char),
    Word(&'static str),
}

impl Expected {
    fn of(c: Option<char>) -> Self {
        c.map_or(Self::Word("end of input"), Self::Char)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(c) => write!(f, "'{c}'"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl<'a> Unexpected<'a> {
    pub(super) fn new(at: &'a str, expected: &'static str) -> nom::Err<Self> {
        nom::Err::Failure(Self {
            at,
            expected: Expected::Word(expected),
            found: None,
        })
    }

    pub(super) fn found(at: &'a str, expected: &'static str, found: char) -> nom::Err<Self> {
        nom::Err::Failure(Self {
            at,
            expected: Expected::Word(expected),
            found: Some(found),
        })
    }
}

impl<'a> NomError<&'a str> for Unexpected<'a> {
    /// Only ever seen inside a `context`, which replaces the word.
    fn from_error_kind(at: &'a str, _: ErrorKind) -> Self {
        Self {
            at,
            expected: Expected::Word("other text"),
            found: None,
        }
    }

    fn append(_: &'a str, _: ErrorKind, first: Self) -> Self {
        first
    }

    fn from_char(at: &'a str, c: char) -> Self {
        Self {
            at,
            expected: Expected::Char(c),
            found: None,
        }
    }
}

impl<'a> ContextError<&'a str> for Unexpected<'a> {
    fn add_context(_: &'a str, word: &'static str, error: Self) -> Self {
        Self {
            expected: Expected::Word(word),
            ..error
        }
    }
}
