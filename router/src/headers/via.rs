//! `Via`: which proxies a message has passed, and how many are too many.

use http::Version;
use http::header::{HeaderMap, HeaderValue, VIA};

/// Adds this router to the end of `Via`. Several lines become one, in order.
///
/// Source: linkerd `ViaHeaderAppenderFilter`, which keeps only the first of several lines.
pub(crate) fn append_via(headers: &mut HeaderMap, version: Version, has_via: bool) {
    let own = match version {
        Version::HTTP_10 => const { HeaderValue::from_static("1.0 linkerd") },
        _ => const { HeaderValue::from_static("1.1 linkerd") },
    };
    if !has_via {
        headers.insert(VIA, own);
        return;
    }
    let mut joined = Vec::with_capacity(64);
    for line in headers.get_all(VIA) {
        joined.extend_from_slice(line.as_bytes());
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(own.as_bytes());
    headers.insert(VIA, HeaderValue::from_bytes(&joined).unwrap_or(own));
}

/// How many proxies `Via` names. Source: linkerd `MaxCallDepthFilter`, which reads the first line only.
pub(crate) fn call_depth(headers: &HeaderMap) -> usize {
    headers
        .get_all(VIA)
        .iter()
        .map(|line| line.as_bytes().split(|byte| *byte == b',').count())
        .sum()
}
