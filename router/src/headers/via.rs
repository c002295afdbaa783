//! `Via`: which proxies a message has passed, and how many are too many.

use http::Version;
use http1::Known;

use super::Lines;

/// Adds this router to the end of `Via`. Several lines become one, in order.
///
/// Source: linkerd `ViaHeaderAppenderFilter`, which keeps only the first of several lines.
pub(crate) fn append_via(fields: &mut impl Lines, version: Version) {
    let own = match version {
        Version::HTTP_10 => "1.0 linkerd",
        // As the reference writes it.
        Version::HTTP_2 => "h2 linkerd",
        _ => "1.1 linkerd",
    };
    if !fields.has(Known::Via) {
        fields.push_static(Known::Via, own);
        return;
    }
    let mut joined = Vec::with_capacity(64);
    for line in fields.all(Known::Via) {
        joined.extend_from_slice(line);
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(own.as_bytes());
    fields.set(Known::Via, &joined);
}

/// How many proxies `Via` names. Source: linkerd `MaxCallDepthFilter`, which reads the first line only.
pub(crate) fn call_depth(fields: &impl Lines) -> usize {
    if !fields.has(Known::Via) {
        return 0;
    }
    fields
        .all(Known::Via)
        .map(|line| line.split(|byte| *byte == b',').count())
        .sum()
}
