//! From a request to the key of its name, without building the name.
//!
//! An identifier yields a borrowed [`Key`]: the route table is asked with it, and only a key that the table does not know
//! becomes a [`Path`] through [`Identifiers::name`].

use std::borrow::Cow;

use config::IdentifierConfig;
use dtab::Path;
use http::Version;
use http::header::{HeaderName, InvalidHeaderName};
use http1::{Fields, Known, RequestHead};

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
        head: &'a RequestHead,
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

    /// The key that names here what this one, of an identifier and a text, names for others; none if nothing here makes such keys.
    pub(crate) fn as_key<'a>(
        &self,
        others: &Self,
        identifier: usize,
        text: &'a [u8],
    ) -> Option<Key<'a>> {
        let kind = others.kinds.get(identifier)?;
        let identifier = self.kinds.iter().position(|own| own == kind)?;
        let text = Cow::Borrowed(text);
        Some(Key { identifier, text })
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

    fn find<'a>(&self, head: &'a RequestHead) -> Result<Found<'a>, Unidentified> {
        match self {
            Self::HeaderToken(source) | Self::Header(source) => {
                let text = source.of(&head.fields).filter(|text| !text.is_empty());
                let absent = || Unidentified::Nothing(format!("{} header is absent", source.shown));
                Ok((Cow::Borrowed(text.ok_or_else(absent)?), None))
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
            Self::Path { .. } => segments(text.split(|byte| *byte == b'/')),
            Self::Static { path } => Ok(path.clone()),
        }
    }
}

/// The field that an identifier reads.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    /// Most read `Host`, which needs no search by its text.
    known: Option<Known>,
    /// The name as it was configured; fields are found in any case.
    shown: String,
}

impl Source {
    fn new(name: &str) -> Result<Self, InvalidHeaderName> {
        let parsed: HeaderName = name.parse()?;
        let known = Known::of(name.as_bytes());
        Ok(Self {
            // Some kinds stand for several names.
            known: (known.name() == parsed.as_str()).then_some(known),
            shown: name.to_owned(),
        })
    }

    /// The value of its first line.
    fn of<'a>(&self, fields: &'a Fields) -> Option<&'a [u8]> {
        match self.known {
            Some(known) => fields.get(known),
            None => fields.find(&self.shown),
        }
    }
}

/// Source: linkerd `MethodAndHostIdentifier`.
fn method_and_host(head: &RequestHead, with_uri: bool) -> Result<Vec<u8>, Unidentified> {
    let mut key = Vec::with_capacity(64);
    let host = head.fields.get(Known::Host);
    match (head.version, host.filter(|host| !host.is_empty())) {
        (Version::HTTP_10, _) => {
            key.extend_from_slice(b"1.0\n");
            key.extend_from_slice(head.method.as_str().as_bytes());
        }
        (_, Some(host)) => {
            key.extend_from_slice(b"1.1\n");
            key.extend_from_slice(head.method.as_str().as_bytes());
            key.push(SEPARATOR);
            key.extend(host.iter().map(u8::to_ascii_lowercase));
        }
        (_, None) => {
            return Err(Unidentified::Nothing(
                "HTTP/1.1 request missing hostname".into(),
            ));
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
    head: &RequestHead,
    count: usize,
    consume: bool,
) -> Result<Found<'_>, Unidentified> {
    let path = head.path();
    // The targets of `OPTIONS *` and of CONNECT have no segments, and no slash in front.
    let whole = path.strip_prefix(b"/").map_or(&b""[..], |_| trimmed(path));
    let slashes = whole.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let end = slashes
        .map(|(at, _)| at)
        .chain([whole.len()])
        .nth(count - 1);
    let Some(end) = end.filter(|_| !whole.is_empty()) else {
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
