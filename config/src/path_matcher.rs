//! The `prefix` of a policy's entry: which names it is for, and what it captures from them.
//!
//! Not the matcher of `io.l5d.rewrite`, [`dtab::PathMatcher`]: that one searches its text inside a segment as the reference does,
//! and takes every text for a pattern.

use dtab::{Captures, Path, Segment};
use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::nearest::nearest;

/// A pattern for the leading segments of a name, such as `/#/io.l5d.fs/{service}`; `/` is for all names.
///
/// A segment of it is `*` for any one, a literal, or a text with captures in it (`{host}:{port}`) that must be all of the name's
/// segment, in its shown form. A capture takes as much as it can, or nothing. Of a name that is captured twice the last counts.
///
/// Source: linkerd `PathMatcher`, which is content to find the text anywhere in a segment (there `a{x}` matches `bazc`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathMatcher {
    text: String,
    pieces: Vec<Piece>,
}

/// What a segment must be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Any,
    Literal(Segment),
    /// The text before each capture, and the capture's name, at least one; then the text behind the last.
    Captures(Vec<(String, String)>, String),
}

impl PathMatcher {
    /// The pattern `/`.
    pub(crate) fn all() -> Self {
        Self {
            text: "/".into(),
            pieces: Vec::new(),
        }
    }

    /// Reads a pattern.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let text = field.text()?;
        match Self::parse(&text) {
            Ok(matcher) => Some(matcher),
            Err(Wrong { what, help }) => field.wrong(&what, help),
        }
    }

    /// Slashes at either end do not count.
    fn parse(text: &str) -> Result<Self, Wrong> {
        let pieces = match text.trim_matches('/') {
            "" => Vec::new(),
            pieces => pieces
                .split('/')
                .map(Piece::parse)
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            text: text.to_owned(),
            pieces,
        })
    }

    /// What is captured from a name, if the pattern is for it.
    pub fn matches(&self, name: &Path) -> Option<Captures> {
        if name.len() < self.pieces.len() {
            return None;
        }
        let mut taken = Vec::new();
        for (piece, segment) in self.pieces.iter().zip(name.segments()) {
            match piece {
                Piece::Any => {}
                Piece::Literal(literal) if literal == segment => {}
                Piece::Literal(_) => return None,
                Piece::Captures(parts, end) => {
                    taken.extend(take(parts, end, &segment.to_string())?)
                }
            }
        }
        Some(taken.into_iter().collect())
    }

    /// Whether this is `/`.
    pub(crate) fn is_for_all(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Complains about what `template`, the text of `field`, has in braces and this pattern does not capture.
    pub(crate) fn judge(&self, field: Field<'_>, template: &str) {
        for written in
            braces(template).filter(|written| !self.names().any(|name| is_in(name, written)))
        {
            let message = format!(
                "`{}` stands on `{written}`, which `prefix` does not capture",
                field.key
            );
            field
                .complaints
                .error(&field.node.at, message, self.offer(written));
        }
    }

    fn offer(&self, written: &str) -> String {
        let meant = nearest(written.trim_matches(['{', '}']), self.names());
        let names: Vec<String> = self.names().map(|name| format!("`{{{name}}}`")).collect();
        match meant {
            Some(meant) => format!("did you mean `{{{meant}}}`?"),
            None if names.is_empty() => {
                "captures come from the `prefix` of an entry of `io.l5d.static`".into()
            }
            None => format!("it captures {}", names.join(", ")),
        }
    }

    /// What it captures.
    fn names(&self) -> impl Iterator<Item = &str> {
        let parts = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Captures(parts, _) => Some(parts),
            Piece::Any | Piece::Literal(_) => None,
        });
        parts.flatten().map(|(_, name)| name.as_str())
    }
}

/// Shown as it was written.
impl Serialize for PathMatcher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Each `{name}` of a template, with its braces; a brace that nobody closes goes to the end.
pub(crate) fn braces(template: &str) -> impl Iterator<Item = &str> {
    let opened = template
        .match_indices('{')
        .map(|(start, _)| &template[start..]);
    opened.map(|rest| rest.split_inclusive('}').next().unwrap_or(rest))
}

fn is_in(name: &str, braces: &str) -> bool {
    braces
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        == Some(name)
}

/// What the captures take from a whole segment. The texts between them stand as far right as they can, so that the first capture
/// takes the most.
fn take(parts: &[(String, String)], end: &str, segment: &str) -> Option<Vec<(String, String)>> {
    let ((start, first), others) = parts.split_first()?;
    let mut rest = segment.strip_suffix(end)?;
    let mut taken = Vec::with_capacity(parts.len());
    for (before, name) in others.iter().rev() {
        let (left, value) = rest.rsplit_once(before.as_str())?;
        taken.push((name.clone(), value.to_owned()));
        rest = left;
    }
    taken.push((first.clone(), rest.strip_prefix(start.as_str())?.to_owned()));
    taken.reverse();
    Some(taken)
}

/// Why a text is no pattern: what the value does, and what helps.
#[derive(Debug)]
struct Wrong {
    what: String,
    help: &'static str,
}

impl Wrong {
    fn new(what: impl Into<String>, help: &'static str) -> Self {
        Self {
            what: what.into(),
            help,
        }
    }
}

impl Piece {
    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "" => return Err(Wrong::new("has an empty segment", "")),
            "*" => return Ok(Self::Any),
            _ => {}
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, opened)) = rest.split_once('{') {
            let Some((name, after)) = opened.split_once('}') else {
                return Err(Wrong::new(
                    format!("opens a brace in `{text}` that nobody closes"),
                    "",
                ));
            };
            if name.is_empty() || !name.chars().all(is_of_a_name) {
                let help = "letters, digits, `.`, `:` and `_` make the name of a capture";
                return Err(Wrong::new(
                    format!("captures `{{{name}}}`, which is no name"),
                    help,
                ));
            }
            parts.push((literal(before, text)?, name.to_owned()));
            rest = after;
        }
        if parts.is_empty() {
            return segment(rest, text).map(Self::Literal);
        }
        Ok(Self::Captures(parts, literal(rest, text)?))
    }
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_')
}

/// A text beside captures, which may be empty.
fn literal(text: &str, piece: &str) -> Result<String, Wrong> {
    if !text.is_empty() {
        segment(text, piece)?;
    }
    Ok(text.to_owned())
}

fn segment(text: &str, piece: &str) -> Result<Segment, Wrong> {
    if text.contains('*') {
        let help = "write `{name}` for a part of a segment";
        return Err(Wrong::new(
            format!("has a `*` in `{piece}`, which stands for a whole segment only"),
            help,
        ));
    }
    let parsed = Path::parse(&format!("/{text}"));
    match parsed.as_ref().map(Path::segments) {
        Ok([segment]) if !text.contains(char::is_whitespace) => Ok(segment.clone()),
        _ => {
            let help = "letters, digits and `_:.#$%-` stand for themselves, every other byte is written like `\\x20`";
            Err(Wrong::new(
                format!("has `{piece}`, which no name can have"),
                help,
            ))
        }
    }
}

#[cfg(test)]
mod tests;
