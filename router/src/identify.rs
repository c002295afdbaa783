//! From a request to the key of its name, without building the name.
//!
//! An identifier yields a borrowed [`Key`]: the route table is asked with it, and only a key that the table does not know
//! becomes a [`Path`] through [`Identifiers::name`].

mod uri;

use std::borrow::Cow;

use config::IdentifierConfig;
use dtab::Path;
use http::header::{HOST, HeaderName};
use http::{Request, Uri, Version};

pub(crate) use uri::origin_form;

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
    /// The target to ask for instead, where the name was taken off it.
    pub(crate) target: Option<Uri>,
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
    ) -> Result<Self, http::header::InvalidHeaderName> {
        let kinds = configs
            .iter()
            .map(Identifier::new)
            .collect::<Result<_, _>>()?;
        Ok(Self { prefix, kinds })
    }

    /// The key of the first identifier that finds one; the last reason if none does.
    pub(crate) fn identify<'a, B>(
        &self,
        request: &'a Request<B>,
    ) -> Result<Identified<'a>, Unidentified> {
        let mut reason = Unidentified::Nothing("no identifier is configured".into());
        for (index, kind) in self.kinds.iter().enumerate() {
            match kind.find(request) {
                Ok((text, target)) => {
                    return Ok(Identified {
                        key: Key {
                            identifier: index,
                            text,
                        },
                        target,
                    });
                }
                Err(malformed @ Unidentified::Malformed(_)) => return Err(malformed),
                Err(nothing) => reason = nothing,
            }
        }
        Err(reason)
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

#[derive(Debug)]
enum Identifier {
    HeaderToken { header: HeaderName, shown: String },
    Header { header: HeaderName, shown: String },
    MethodAndHost { with_uri: bool },
    Path { segments: usize, consume: bool },
    Static { path: Path },
}

type Found<'a> = (Cow<'a, [u8]>, Option<Uri>);

/// Between the parts of a `methodAndHost` key: no method, host or target can hold it.
const SEPARATOR: u8 = b'\n';

impl Identifier {
    fn new(config: &IdentifierConfig) -> Result<Self, http::header::InvalidHeaderName> {
        Ok(match config {
            IdentifierConfig::HeaderToken { header } => Self::HeaderToken {
                header: header.parse()?,
                shown: header.clone(),
            },
            IdentifierConfig::Header { header } => Self::Header {
                header: header.parse()?,
                shown: header.clone(),
            },
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

    fn find<'a, B>(&self, request: &'a Request<B>) -> Result<Found<'a>, Unidentified> {
        match self {
            Self::HeaderToken { header, shown } | Self::Header { header, shown } => {
                let value = request.headers().get(header).map(|value| value.as_bytes());
                let text = value.filter(|text| !text.is_empty());
                let absent = || Unidentified::Nothing(format!("{shown} header is absent"));
                Ok((Cow::Borrowed(text.ok_or_else(absent)?), None))
            }
            Self::MethodAndHost { with_uri } => {
                Ok((method_and_host(request, *with_uri)?.into(), None))
            }
            Self::Path { segments, consume } => first_segments(request, *segments, *consume),
            Self::Static { .. } => Ok((Cow::Borrowed(b""), None)),
        }
    }

    fn name(&self, text: &[u8]) -> Result<Path, Unidentified> {
        match self {
            Self::HeaderToken { .. } => segments([text]),
            Self::Header { shown, .. } => {
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

/// Source: linkerd `MethodAndHostIdentifier`.
fn method_and_host<B>(request: &Request<B>, with_uri: bool) -> Result<Vec<u8>, Unidentified> {
    let mut key = Vec::with_capacity(64);
    let host = request
        .headers()
        .get(HOST)
        .map(|host| host.as_bytes())
        .filter(|host| !host.is_empty());
    match (request.version(), host) {
        (Version::HTTP_10, _) => {
            key.extend_from_slice(b"1.0\n");
            key.extend_from_slice(request.method().as_str().as_bytes());
        }
        (_, Some(host)) => {
            key.extend_from_slice(b"1.1\n");
            key.extend_from_slice(request.method().as_str().as_bytes());
            key.push(SEPARATOR);
            key.extend(host.iter().map(u8::to_ascii_lowercase));
        }
        (_, None) => {
            return Err(Unidentified::Nothing(
                "HTTP/1.1 request missing hostname".into(),
            ));
        }
    }
    if with_uri {
        for segment in trimmed(request.uri().path())
            .split('/')
            .filter(|_| !trimmed(request.uri().path()).is_empty())
        {
            key.push(SEPARATOR);
            key.extend_from_slice(segment.as_bytes());
        }
    }
    Ok(key)
}

/// Source: linkerd `PathIdentifier`.
fn first_segments<B>(
    request: &Request<B>,
    count: usize,
    consume: bool,
) -> Result<Found<'_>, Unidentified> {
    let path = request.uri().path();
    // The target of `OPTIONS *` has no segments, and no slash in front.
    let whole = path.strip_prefix('/').map_or("", |_| trimmed(path));
    let end = whole
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([whole.len()])
        .nth(count - 1);
    let Some(end) = end.filter(|_| !whole.is_empty()) else {
        return Err(Unidentified::Nothing("not enough segments in path".into()));
    };
    let taken = &whole[..end];
    if taken.split('/').any(str::is_empty) {
        return Err(Unidentified::Malformed(format!(
            "empty segment in path {path}"
        )));
    }
    let target = consume.then(|| uri::with_path(request.uri(), &path[1 + end..]));
    Ok((Cow::Borrowed(taken.as_bytes()), target))
}

/// A target's path without the slashes around it.
fn trimmed(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path).trim_end_matches('/')
}

fn segments<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Path, Unidentified> {
    Path::from_segments(parts)
        .map_err(|_| Unidentified::Malformed("a name has an empty segment".into()))
}

#[cfg(test)]
mod tests;
