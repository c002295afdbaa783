use std::time::Duration;

/// Reads `30s`, `500ms`, `1m30s`; a bare number counts seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && let Ok(duration) = Duration::try_from_secs_f64(seconds)
    {
        return Ok(duration);
    }
    let told = text.parse::<jiff::SignedDuration>().ok();
    told.and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "a time looks like 30s, 500ms or 1m30s".to_owned())
}

/// Shows milliseconds in the largest unit that a person would use.
pub(crate) fn show_ms(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} m {} s", ms / 60_000, ms / 1_000 % 60),
        3_600_000..86_400_000 => format!("{} h {} m", ms / 3_600_000, ms / 60_000 % 60),
        _ => format!("{} d {} h", ms / 86_400_000, ms / 3_600_000 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_a_unit() {
        for (text, ms) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("2", 2_000),
            ("0.5", 500),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "-1s", "-1", "soon", "5 bananas"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_shown_as_people_say_them() {
        let shown = [3, 999, 1_500, 61_000, 3_600_000, 90_000_000].map(show_ms);
        let expected = ["3 ms", "999 ms", "1.5 s", "1 m 1 s", "1 h 0 m", "1 d 1 h"];
        assert_eq!(shown, expected);
    }
}
