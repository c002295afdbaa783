//! `l5d-ctx-deadline`: until when the caller still wants an answer. Advisory: it is handed on, nothing is refused for it.

use std::io::Write as _;

use http1::{Fields, Known};

/// Leaves one deadline of several: the strictest. What cannot be read is dropped.
///
/// Source: finagle `Deadline.combined`: the latest timestamp and the earliest deadline.
pub(crate) fn merge_deadlines(fields: &mut Fields) {
    let lines = fields.all(Known::L5dCtxDeadline);
    let strictest = lines
        .filter_map(parse)
        .reduce(|(stamp, deadline), (other_stamp, other)| {
            (stamp.max(other_stamp), deadline.min(other))
        });
    match strictest {
        Some(_) if fields.all(Known::L5dCtxDeadline).nth(1).is_none() => {}
        Some((stamp, deadline)) => {
            fields.remove(Known::L5dCtxDeadline);
            fields.push_with(Known::L5dCtxDeadline, |value| {
                // Writing to a vector cannot fail.
                let _ = write!(value, "{stamp} {deadline}");
            });
        }
        None => _ = fields.remove(Known::L5dCtxDeadline),
    }
}

/// `<timestamp> <deadline>`, both in nanoseconds since 1970.
fn parse(line: &[u8]) -> Option<(i64, i64)> {
    let (stamp, deadline) = std::str::from_utf8(line).ok()?.trim().split_once(' ')?;
    Some((stamp.parse().ok()?, deadline.trim().parse().ok()?))
}
