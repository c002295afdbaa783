//! `l5d-ctx-deadline`: until when the caller still wants an answer.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use http1::Known;

use super::Lines;

/// Leaves one deadline of several: the strictest. What cannot be read is dropped.
///
/// Source: finagle `Deadline.combined`: the latest timestamp and the earliest deadline.
pub(crate) fn merge_deadlines(fields: &mut impl Lines) {
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

/// How long the caller still wants an answer, if it says so. The clock is asked only then.
pub(crate) fn time_left(fields: &impl Lines, now: impl FnOnce() -> SystemTime) -> Option<Duration> {
    let (_, deadline) = parse(fields.get(Known::L5dCtxDeadline)?)?;
    let left = i128::from(deadline) - nanoseconds(now());
    Some(Duration::from_nanos(
        u64::try_from(left).unwrap_or_default(),
    ))
}

/// Says that an answer is wanted for so long from now on, whatever was said before.
pub(crate) fn set_deadline(fields: &mut impl Lines, left: Duration) {
    let now = nanoseconds(SystemTime::now());
    let deadline = now.saturating_add(i128::try_from(left.as_nanos()).unwrap_or(i128::MAX));
    fields.remove(Known::L5dCtxDeadline);
    fields.push_with(Known::L5dCtxDeadline, |value| {
        // Writing to a vector cannot fail.
        let _ = write!(value, "{now} {deadline}");
    });
}

/// Since 1970.
fn nanoseconds(time: SystemTime) -> i128 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i128::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i128::MAX)
}

/// `<timestamp> <deadline>`, both in nanoseconds since 1970.
fn parse(line: &[u8]) -> Option<(i64, i64)> {
    let (stamp, deadline) = std::str::from_utf8(line).ok()?.trim().split_once(' ')?;
    Some((stamp.parse().ok()?, deadline.trim().parse().ok()?))
}
