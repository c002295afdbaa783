//! Patterns over paths, with captures, as `io.l5d.static` and `io.l5d.rewrite` use them.
//! Source: linkerd `PathMatcher`; its regular expressions come down to searching literals from both ends.

use std::fmt;

use crate::path::Path;

/// A pattern such as `/#/io.l5d.fs/{service}/*`: it matches paths that start with as many segments as it has pieces.
///
/// A piece is `*`, a literal, or literals around captures (`{host}:{port}`). Pieces are compared with segments in their shown
/// form. A capture takes as much as it can; outside of captures a piece is *searched* in its segment, so that
/// `{A}:http` matches `web:http2` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMatcher {
    text: String,
    pieces: Vec<Piece>,
}

/// What the captures of a pattern took from a path, in shown form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captures(Vec<(String, String)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Any,
    Literal(String),
    /// Text before each capture, and the capture's name; then the text behind the last.
    Captures(Vec<(String, String)>, String),
}

impl PathMatcher {
    /// Reads a pattern. Every text is one. Slashes at either end do not count; a pattern without pieces matches all paths, and
    /// one with an empty piece in the middle matches none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let trimmed = text.trim_matches('/');
        let pieces = match trimmed {
            "" => Vec::new(),
            pieces => pieces.split('/').map(Piece::parse).collect(),
        };
        Self {
            text: text.to_owned(),
            pieces,
        }
    }

    /// What the captures take from the path, if it matches.
    #[must_use]
    pub fn matches(&self, path: &Path) -> Option<Captures> {
        if path.len() < self.pieces.len() {
            return None;
        }
        let mut captures = Captures::default();
        for (piece, segment) in self.pieces.iter().zip(path.segments()) {
            match piece {
                Piece::Any => {}
                Piece::Literal(literal) if *literal == segment.to_string() => {}
                Piece::Literal(_) => return None,
                Piece::Captures(parts, end) => {
                    captures.take(parts, end, &segment.to_string())?;
                }
            }
        }
        Some(captures)
    }
}

impl fmt::Display for PathMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Captures {
    /// The value of a capture; of a name that is captured twice, the last.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The captures in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The template with each `{name}` replaced by its value. Unknown names stay as they are.
    #[must_use]
    pub fn substitute(&self, template: &str) -> String {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, name, after)) = next_capture(rest) {
            text.push_str(before);
            match self.get(name) {
                Some(value) => text.push_str(value),
                None => text.extend(["{", name, "}"]),
            }
            rest = after;
        }
        text + rest
    }

    /// Matches one segment against `(text, capture)… text`.
    ///
    /// What stands before the first capture is found as far left as it can be, everything else as far right: the captures
    /// are greedy, and the first takes the most.
    fn take(&mut self, parts: &[(String, String)], end: &str, segment: &str) -> Option<()> {
        let (first, _) = parts.first()?;
        let start = segment.find(first.as_str())? + first.len();
        let mut values = Vec::with_capacity(parts.len());
        // Nothing behind the last capture lets it run to the end of the segment.
        let mut rest = &segment[start..];
        let mut literal = end;
        for (before, name) in parts.iter().rev() {
            let position = if literal.is_empty() {
                rest.len()
            } else {
                rest.rfind(literal)?
            };
            values.push((name, position));
            rest = &rest[..position];
            literal = before;
        }
        let mut from = start;
        for ((_, name), index) in parts.iter().zip((0..values.len()).rev()) {
            let to = start + values[index].1;
            self.0.push((name.clone(), segment[from..to].to_owned()));
            let next_literal = parts
                .get(values.len() - index)
                .map_or(0, |(text, _)| text.len());
            from = to + next_literal;
        }
        Some(())
    }
}

impl FromIterator<(String, String)> for Captures {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(captures: I) -> Self {
        Self(Vec::from_iter(captures))
    }
}

impl Piece {
    fn parse(text: &str) -> Self {
        if text == "*" {
            return Self::Any;
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_capture(rest) {
            parts.push((before.to_owned(), name.to_owned()));
            rest = after;
        }
        if parts.is_empty() {
            Self::Literal(text.to_owned())
        } else {
            Self::Captures(parts, rest.to_owned())
        }
    }
}

/// The first `{name}` of a text: what is before it, the name, what is after it.
fn next_capture(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('{').find_map(|(open, _)| {
        let (name, after) = text[open + 1..].split_once('}')?;
        let is_name = !name.is_empty() && name.bytes().all(is_name_byte);
        is_name.then_some((&text[..open], name, after))
    })
}

/// Letters, digits, `.`, and what lies from `:` to `_` in ASCII, which the reference's class takes in.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || (b':'..=b'_').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, template: &str, text: Option<&str>) {
        let path = Path::parse(path).expect("a path");
        let captures = PathMatcher::parse(pattern).matches(&path);
        let substituted = captures.map(|captures| captures.substitute(template));
        assert_eq!(substituted.as_deref(), text, "{pattern} on {path}");
    }

    #[test]
    fn pieces_with_captures_are_searched_and_captures_are_greedy() {
        check("{A}:http", "/web:http2", "{A}", Some("web"));
        check("v{A}.{B}", "/xv1.2.3", "{A},{B}", Some("1.2,3"));
        check("{A}{B}", "/abc", "{A},{B}", Some("abc,"));
        check("{A}-x-{B}", "/a-x-x-b", "{A},{B}", Some("a-x,b"));
        check("{A}-{B}-c", "/a-b-c-c-d", "{A},{B}", Some("a-b,c"));
        check("a{A}b{B}", "/xab", "[{A}{B}]", Some("[]"));
        check("{A}b{B}c", "/xcb", "", None);
    }

    #[test]
    fn braces_around_anything_else_are_literal() {
        check("/{a-b}", "/x", "", None);
        check("/{}", "/x", "", None);
        check("/x", "/x", "{a-b}{", Some("{a-b}{"));
        check("/{a{b}", "/x", "{b}", None);
    }

    #[test]
    fn slashes_at_the_ends_do_not_count_and_inside_they_do() {
        check("//foo/{A}//", "/foo/x", "{A}", Some("x"));
        check("", "/", "y", Some("y"));
        check("/a//b", "/a/x/b", "y", None);
        check("/a/*", "/a", "y", None);
    }

    #[test]
    fn captured_text_is_escaped_and_a_repeated_name_keeps_the_last() {
        check("/{A}", r"/a\x20", "{A}", Some(r"\x61\x20"));
        check("/{A}/{A}", "/a/b", "{A}", Some("b"));
    }
}
