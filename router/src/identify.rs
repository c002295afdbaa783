//! From a request to the key of its name, without building the name.
//!
//! An identifier yields a borrowed [`Key`]: the route table is asked with it, and only a key that the table does not know
//! becomes a [`Path`] through [`Identifiers::name`].

use std::borrow::Cow;

use config::IdentifierConfig;
use dtab::Path;
use http::Version;
use http::header::{HeaderName, InvalidHeaderName};
use http1::Known;

use crate::headers::{Control, Lines as _, Request};

/// The identifiers of a router, tried in order.
#[derive(Debug)]
pub(crate) struct Identifiers {
    prefix: Path,
    kinds: Vec<Identifier>,
}

/// What tells two names of a router apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key<'a> {
    /// Which of the router's identifiers made it: each has a name space of its own.
    pub(crate) identifier: usize,
    /// What that identifier found.
    pub(crate) text: Cow<'a, [u8]>,
}

/// A request that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identified<'a> {
    pub(crate) key: Key<'a>,
    /// The path to ask for instead, where the name was taken off it.
    pub(crate) path: Option<Vec<u8>>,
}

/// Why a request has no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unidentified {
    /// The identifier found nothing it could use; the next one may.
    #[error("{0}")]
    Nothing(String),
    /// What it found makes no name; no other identifier is asked.
    #[error("{0}")]
    Malformed(String),
}

impl Identifiers {
    pub(crate) fn new(
        prefix: Path,
        configs: &[IdentifierConfig],
    ) -> Result<Self, InvalidHeaderName> {
        let kinds = configs
            .iter()
            .map(Identifier::new)
            .collect::<Result<_, _>>()?;
        Ok(Self { prefix, kinds })
    }

    /// The key of the first identifier that finds one; the last reason if none does.
    pub(crate) fn identify<'a>(
        &self,
        head: &'a impl Request,
    ) -> Result<Identified<'a>, Unidentified> {
        let mut reason = None;
        for (index, kind) in self.kinds.iter().enumerate() {
            match kind.find(head) {
                Ok((text, path)) => {
                    return Ok(Identified {
                        key: Key {
                            identifier: index,
                            text,
                        },
                        path,
                    });
                }
                Err(malformed @ Unidentified::Malformed(_)) => return Err(malformed),
                Err(nothing) => reason = Some(nothing),
            }
        }
        let unasked = || Unidentified::Nothing("no identifier is configured".into());
        Err(reason.unwrap_or_else(unasked))
    }

    /// The key that names here what this one names for others; none if nothing here makes such keys.
    pub(crate) fn as_key<'a>(&self, others: &Self, key: Key<'a>) -> Option<Key<'a>> {
        let kind = others.kinds.get(key.identifier)?;
        let identifier = self.kinds.iter().position(|own| own == kind)?;
        Some(Key { identifier, ..key })
    }

    /// The name that a key stands for.
    ///
    /// # Errors
    /// [`Unidentified::Malformed`] when what the identifier found is no path.
    pub(crate) fn name(&self, key: &Key<'_>) -> Result<Path, Unidentified> {
        let own = self.kinds[key.identifier].name(&key.text)?;
        Ok(self.prefix.join(&own))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Identifier {
    HeaderToken(Source),
    Header(Source),
    HeaderPath(Source, Option<usize>),
    MethodAndHost { with_uri: bool },
    Path { segments: usize, consume: bool },
    Static { path: Path },
}

/// What was found, and the path that it leaves.
type Found<'a> = (Cow<'a, [u8]>, Option<Vec<u8>>);

/// Between the parts of a `methodAndHost` key: no method, host or target can hold it.
const SEPARATOR: u8 = b'\n';

impl Identifier {
    fn new(config: &IdentifierConfig) -> Result<Self, InvalidHeaderName> {
        Ok(match config {
            IdentifierConfig::HeaderToken { header } => Self::HeaderToken(Source::new(header)?),
            IdentifierConfig::Header { header } => Self::Header(Source::new(header)?),
            IdentifierConfig::HeaderPath { header, segments } => {
                Self::HeaderPath(Source::new(header)?, *segments)
            }
            IdentifierConfig::MethodAndHost { http_uri_in_dst } => Self::MethodAndHost {
                with_uri: *http_uri_in_dst,
            },
            IdentifierConfig::Path { segments, consume } => Self::Path {
                segments: *segments,
                consume: *consume,
            },
            IdentifierConfig::Static { path } => Self::Static { path: path.clone() },
        })
    }

    fn find<'a>(&self, head: &'a impl Request) -> Result<Found<'a>, Unidentified> {
        match self {
            Self::HeaderToken(source) | Self::Header(source) => {
                let text = source.first(head).filter(|text| !text.is_empty());
                let absent = || source.absent(head.version());
                Ok((Cow::Borrowed(text.ok_or_else(absent)?), None))
            }
            Self::HeaderPath(source, count) => {
                let path = source.last(head).unwrap_or_default();
                Ok((Cow::Borrowed(segments_of(path, *count, source)?), None))
            }
            Self::MethodAndHost { with_uri } => {
                Ok((method_and_host(head, *with_uri)?.into(), None))
            }
            Self::Path { segments, consume } => first_segments(head, *segments, *consume),
            Self::Static { .. } => Ok((Cow::Borrowed(b""), None)),
        }
    }

    fn name(&self, text: &[u8]) -> Result<Path, Unidentified> {
        match self {
            Self::HeaderToken(_) => segments([text]),
            Self::Header(Source { shown, .. }) => {
                let text = std::str::from_utf8(text)
                    .map_err(|_| Unidentified::Malformed(format!("{shown} header is not UTF-8")))?;
                Path::parse(text.trim())
                    .map_err(|error| Unidentified::Malformed(format!("{shown} header: {error}")))
            }
            Self::MethodAndHost { .. } => segments(text.split(|byte| *byte == SEPARATOR)),
            Self::HeaderPath(..) | Self::Path { .. } => segments(text.split(|byte| *byte == b'/')),
            Self::Static { path } => Ok(path.clone()),
        }
    }
}

/// The field that an identifier reads.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    place: Place,
    /// The name as it was configured; fields are found in any case.
    shown: String,
}

/// Where it is found: most need no search by the text of their name.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Control(Control),
    Known(Known),
    Named,
}

impl Source {
    fn new(name: &str) -> Result<Self, InvalidHeaderName> {
        let place = match Control::named(name) {
            Some(control) => Place::Control(control),
            None => {
                let parsed: HeaderName = name.parse()?;
                match Known::of(name.as_bytes()) {
                    // Some kinds stand for several names.
                    known if known.name() == parsed.as_str() => Place::Known(known),
                    _ => Place::Named,
                }
            }
        };
        Ok(Self {
            place,
            shown: name.to_owned(),
        })
    }

    /// The value of its first line.
    fn first<'a>(&self, head: &'a impl Request) -> Option<&'a [u8]> {
        match self.place {
            Place::Control(control) => head.control(control),
            Place::Known(known) => head.fields().get(known),
            Place::Named => head.fields().find(&self.shown),
        }
    }

    /// The value of its last line.
    fn last<'a>(&self, head: &'a impl Request) -> Option<&'a [u8]> {
        match self.place {
            Place::Control(control) => head.control(control),
            Place::Known(known) => head.fields().all(known).last(),
            Place::Named => head.fields().find_last(&self.shown),
        }
    }

    /// What the reference says of it, which has words of its own for HTTP/2.
    fn absent(&self, version: Version) -> Unidentified {
        Unidentified::Nothing(match version {
            Version::HTTP_2 => format!("missing header: '{}'", self.shown),
            _ => format!("{} header is absent", self.shown),
        })
    }
}

/// The segments of a path, all or the first ones, without a query and one slash at the end.
///
/// Source: linkerd `HeaderPathIdentifier`.
fn segments_of<'a>(
    text: &'a [u8],
    count: Option<usize>,
    source: &Source,
) -> Result<&'a [u8], Unidentified> {
    let query = text.iter().position(|byte| *byte == b'?');
    let path = &text[..query.unwrap_or(text.len())];
    let whole = match path {
        // The target of `OPTIONS *` has no segments, and that of CONNECT is no path.
        [] | b"*" | b"/" => return Err(Unidentified::Nothing("Missing destination path".into())),
        [b'/', whole @ ..] => whole.strip_suffix(b"/").unwrap_or(whole),
        _ => return Err(malformed(source, "has no slash in front", text)),
    };
    let taken = match count {
        None => whole,
        Some(count) => {
            let end = end_of(whole, count).ok_or_else(|| {
                Unidentified::Nothing(format!("Path must have at least {count} segment(s)"))
            })?;
            &whole[..end]
        }
    };
    if taken.split(|byte| *byte == b'/').any(<[u8]>::is_empty) {
        return Err(malformed(source, "has an empty segment", text));
    }
    Ok(taken)
}

fn malformed(source: &Source, what: &str, path: &[u8]) -> Unidentified {
    let (shown, path) = (&source.shown, path.escape_ascii());
    Unidentified::Malformed(format!("the path in {shown} {what}: {path}"))
}

/// Where the first segments end, if there are so many, each but the first behind a slash.
fn end_of(whole: &[u8], count: usize) -> Option<usize> {
    let slashes = whole.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes
        .map(|(at, _)| at)
        .chain([whole.len()])
        .nth(count.checked_sub(1)?)
}

/// Source: linkerd `MethodAndHostIdentifier`. What is asked over HTTP/2 has the name that it has over HTTP/1.1.
fn method_and_host(head: &impl Request, with_uri: bool) -> Result<Vec<u8>, Unidentified> {
    let mut key = Vec::with_capacity(64);
    let host = head.control(Control::Authority);
    match (head.version(), host.filter(|host| !host.is_empty())) {
        (Version::HTTP_10, _) => {
            key.extend_from_slice(b"1.0\n");
            key.extend_from_slice(head.method().as_str().as_bytes());
        }
        (_, Some(host)) => {
            key.extend_from_slice(b"1.1\n");
            key.extend_from_slice(head.method().as_str().as_bytes());
            key.push(SEPARATOR);
            key.extend(host.iter().map(u8::to_ascii_lowercase));
        }
        (version, None) => {
            let version = match version {
                Version::HTTP_2 => "2",
                _ => "1.1",
            };
            return Err(Unidentified::Nothing(format!(
                "HTTP/{version} request missing hostname"
            )));
        }
    }
    let path = trimmed(head.path());
    if with_uri && !path.is_empty() {
        for segment in path.split(|byte| *byte == b'/') {
            key.push(SEPARATOR);
            key.extend_from_slice(segment);
        }
    }
    Ok(key)
}

/// Source: linkerd `PathIdentifier`.
fn first_segments(
    head: &impl Request,
    count: usize,
    consume: bool,
) -> Result<Found<'_>, Unidentified> {
    let path = head.path();
    // The targets of `OPTIONS *` and of CONNECT have no segments, and no slash in front.
    let whole = path.strip_prefix(b"/").map_or(&b""[..], |_| trimmed(path));
    let end = end_of(whole, count).filter(|_| !whole.is_empty());
    let Some(end) = end else {
        return Err(Unidentified::Nothing("not enough segments in path".into()));
    };
    let taken = &whole[..end];
    if taken.split(|byte| *byte == b'/').any(<[u8]>::is_empty) {
        return Err(Unidentified::Malformed(format!(
            "empty segment in path {}",
            path.escape_ascii()
        )));
    }
    let rest = consume.then(|| path[1 + end..].to_vec());
    Ok((Cow::Borrowed(taken), rest))
}

/// A target's path without the slashes around it.
fn trimmed(path: &[u8]) -> &[u8] {
    let mut path = path.strip_prefix(b"/").unwrap_or(path);
    while let Some(shorter) = path.strip_suffix(b"/") {
        path = shorter;
    }
    path
}

fn segments<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Path, Unidentified> {
    Path::from_segments(parts)
        .map_err(|_| Unidentified::Malformed("a name has an empty segment".into()))
}

#[cfg(test)]
mod tests;
