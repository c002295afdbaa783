//! All cases, by what they are about.

use super::case::{self, Case};

/// The texts, by name.
const SECTIONS: &[(&str, &str)] = &[
    ("request_line", include_str!("request_line.txt")),
    ("target", include_str!("target.txt")),
    ("fields", include_str!("fields.txt")),
    ("length", include_str!("length.txt")),
    ("chunks", include_str!("chunks.txt")),
    ("answers", include_str!("answers.txt")),
    ("answer_length", include_str!("answer_length.txt")),
    ("connections", include_str!("connections.txt")),
    ("hops", include_str!("hops.txt")),
    ("continue", include_str!("continue.txt")),
    ("tunnels", include_str!("tunnels.txt")),
    ("limits", include_str!("limits.txt")),
];

/// The cases of all texts, in order; with `FRAMING_CASE` set, those whose name has it.
pub(super) fn cases() -> Vec<Case> {
    let wanted = std::env::var("FRAMING_CASE").unwrap_or_default();
    SECTIONS
        .iter()
        .flat_map(|(name, text)| case::parse(name, text))
        .filter(|case| case.name.contains(&wanted))
        .collect()
}
