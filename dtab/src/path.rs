//! Logical and bound names: sequences of segments.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use crate::parse::{self, ParseError};
use crate::segment::{EmptySegment, Segment};

/// A sequence of zero or more segments, shown as `/svc/web`; the empty path is `/`.
///
/// A clone, [`take`](Self::take) and [`skip`](Self::skip) share the segments. Nothing is normalized: `.` and `..` are ordinary
/// segments, comparison is by bytes. Source: finagle `Path`.
#[derive(Clone)]
pub struct Path {
    all: Arc<[Segment]>,
    range: Range<usize>,
}

impl Path {
    /// The path of no segments, `/`.
    #[must_use]
    pub fn empty() -> Self {
        Self::from(Vec::new())
    }

    /// Reads the text of a path; whitespace and comments may stand around it.
    ///
    /// # Errors
    /// When the text is anything else than one path.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::path(text)
    }

    /// A path of these segments, taken as raw bytes.
    ///
    /// # Errors
    /// When one of them is empty.
    pub fn from_segments<S: AsRef<[u8]>>(
        segments: impl IntoIterator<Item = S>,
    ) -> Result<Self, EmptySegment> {
        let segments: Vec<Segment> = segments
            .into_iter()
            .map(Segment::new)
            .collect::<Result<_, _>>()?;
        Ok(Self::from(segments))
    }

    /// How many segments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether this is `/`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The segments in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.all[self.range.clone()]
    }

    /// Whether the first segments are those of `prefix`. Every path starts with the empty path.
    #[must_use]
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.segments().starts_with(prefix.segments())
    }

    /// The first `count` segments, or all if there are fewer.
    #[must_use]
    pub fn take(&self, count: usize) -> Self {
        let count = count.min(self.len());
        Self {
            all: Arc::clone(&self.all),
            range: self.range.start..self.range.start + count,
        }
    }

    /// All but the first `count` segments; the empty path if there are fewer.
    #[must_use]
    pub fn skip(&self, count: usize) -> Self {
        let count = count.min(self.len());
        Self {
            all: Arc::clone(&self.all),
            range: self.range.start + count..self.range.end,
        }
    }

    /// This path, followed by the segments of another.
    #[must_use]
    pub fn join(&self, residual: &Self) -> Self {
        if residual.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return residual.clone();
        }
        let segments: Arc<[Segment]> = self
            .segments()
            .iter()
            .chain(residual.segments())
            .cloned()
            .collect();
        let range = 0..segments.len();
        Self {
            all: segments,
            range,
        }
    }
}

/// The id to ask a namer for: an id that starts with `%` loses everything before its first `#` or `$` segment (all, if it has neither).
/// Source: linkerd `Paths.stripTransformerPrefix`.
#[must_use]
pub fn strip_transformer_prefix(id: &Path) -> Path {
    let is_transformed = id.segments().first().is_some_and(|first| first == "%");
    if !is_transformed {
        return id.clone();
    }
    let start = id
        .segments()
        .iter()
        .position(|segment| segment == "#" || segment == "$");
    id.skip(start.unwrap_or_else(|| id.len()))
}

impl From<Vec<Segment>> for Path {
    fn from(segments: Vec<Segment>) -> Self {
        let range = 0..segments.len();
        Self {
            all: match range.is_empty() {
                // All empty paths share theirs: most residuals are empty.
                true => Arc::default(),
                false => segments.into(),
            },
            range,
        }
    }
}

impl FromIterator<Segment> for Path {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self::from(Vec::from_iter(segments))
    }
}

impl Default for Path {
    fn default() -> Self {
        Self::empty()
    }
}

impl FromStr for Path {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("/");
        }
        self.segments()
            .iter()
            .try_for_each(|segment| write!(f, "/{segment}"))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.segments() == other.segments()
    }
}

impl Eq for Path {}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        self.segments().cmp(other.segments())
    }
}

impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.segments().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("a path")
    }

    #[test]
    fn take_and_skip_clamp_to_the_length() {
        let abc = path("/a/b/c");
        assert_eq!((abc.take(2), abc.skip(2)), (path("/a/b"), path("/c")));
        assert_eq!((abc.take(9), abc.skip(9)), (abc.clone(), Path::empty()));
        assert_eq!(abc.skip(1).take(1).join(&abc.skip(2)), path("/b/c"));
    }

    #[test]
    fn starts_with_compares_whole_segments() {
        assert!(path("/a/b").starts_with(&path("/a")));
        assert!(path("/a").starts_with(&Path::empty()));
        assert!(!path("/ab").starts_with(&path("/a")));
        assert!(!path("/A").starts_with(&path("/a")));
    }

    #[test]
    fn slices_of_different_paths_are_equal_by_segments() {
        assert_eq!(path("/a/b/c").skip(1), path("/b/c"));
        assert_eq!(
            Path::from_segments(["a b"]).expect("not empty").to_string(),
            r"/\x61\x20\x62"
        );
        assert_eq!(Path::from_segments(["a", ""]), Err(EmptySegment));
    }
}
