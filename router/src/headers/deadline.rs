//! `l5d-ctx-deadline`: until when the caller still wants an answer. Advisory: it is handed on, nothing is refused for it.

use http::header::{HeaderMap, HeaderName, HeaderValue};

const L5D_CTX_DEADLINE: HeaderName = HeaderName::from_static("l5d-ctx-deadline");

/// Leaves one deadline of several: the strictest. What cannot be read is dropped.
///
/// Source: finagle `Deadline.combined`: the latest timestamp and the earliest deadline.
pub(crate) fn merge_deadlines(headers: &mut HeaderMap) {
    let lines = headers.get_all(L5D_CTX_DEADLINE);
    let strictest =
        lines
            .iter()
            .filter_map(parse)
            .reduce(|(stamp, deadline), (other_stamp, other)| {
                (stamp.max(other_stamp), deadline.min(other))
            });
    match strictest {
        Some(_) if lines.iter().count() == 1 => {}
        Some((stamp, deadline)) => {
            let value = super::shown_value(&format!("{stamp} {deadline}"));
            headers.insert(L5D_CTX_DEADLINE, value);
        }
        None => {
            headers.remove(L5D_CTX_DEADLINE);
        }
    }
}

/// `<timestamp> <deadline>`, both in nanoseconds since 1970.
fn parse(line: &HeaderValue) -> Option<(i64, i64)> {
    let (stamp, deadline) = line.to_str().ok()?.trim().split_once(' ')?;
    Some((stamp.parse().ok()?, deadline.trim().parse().ok()?))
}
