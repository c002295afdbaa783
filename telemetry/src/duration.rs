//! Durations as the reference's flags and parameters write them: `10.seconds`, `1.minute + 30.seconds`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration {text:?}; write it as 10.seconds or 500.milliseconds")]
pub struct BadDuration {
    /// What was written.
    pub text: String,
}

/// Reads whole numbers with units, added up: `500.milliseconds`, `1.minute+30.seconds`. The units are those of twitter-util's `Duration.parse`,
/// from `nanosecond` to `day`, singular or plural.
///
/// # Errors
/// Anything else, negative durations among it.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    let sum = text.split('+').try_fold(Duration::ZERO, |sum, term| {
        sum.checked_add(parse_term(term.trim())?)
    });
    sum.ok_or_else(|| BadDuration {
        text: text.to_owned(),
    })
}

fn parse_term(term: &str) -> Option<Duration> {
    let (number, unit) = term.split_once('.')?;
    let unit = match unit.strip_suffix('s').unwrap_or(unit) {
        "nanosecond" => Duration::from_nanos(1),
        "microsecond" => Duration::from_micros(1),
        "millisecond" => Duration::from_millis(1),
        "second" => Duration::from_secs(1),
        "minute" => Duration::from_secs(60),
        "hour" => Duration::from_secs(60 * 60),
        "day" => Duration::from_secs(24 * 60 * 60),
        _ => return None,
    };
    let is_digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    unit.checked_mul(is_digits.then(|| number.parse().ok()).flatten()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(
                parse_duration(text).ok(),
                millis.map(Duration::from_millis),
                "{text:?}"
            );
        };
        check("10.seconds", Some(10_000));
        check("1.second", Some(1_000));
        check("500.milliseconds", Some(500));
        check("1.minute + 30.seconds", Some(90_000));
        check("2.hours+1.day", Some(26 * 3_600_000));
        check("0.seconds", Some(0));
        for bad in [
            "",
            "10",
            "10s",
            "seconds",
            ".seconds",
            "-1.seconds",
            "+1.second",
            "1.5.seconds",
            "1.fortnight",
            "99999999999.days",
        ] {
            check(bad, None);
        }
    }
}
