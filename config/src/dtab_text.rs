//! Dtabs inside the file: read and linted, with complaints at the very place inside the text.

use dtab::Dtab;

use crate::field::Field;
use crate::node::Place;
use crate::scalar::offset_in_file;

/// Reads a dtab.
pub(crate) fn read_dtab(field: Field<'_>) -> Option<Dtab> {
    let text = field.text()?;
    match Dtab::parse(&text) {
        Ok(dtab) => Some(dtab),
        Err(error) => {
            let place = place_within(field, &text, error.span());
            let message = format!(
                "`{}` cannot be read as a dtab: {}",
                field.key,
                reason(&error)
            );
            let help = if message.contains("simple expected") {
                WANTED
            } else {
                ""
            };
            field.complaints.error(&place, message, help);
            None
        }
    }
}

/// What the grammar calls simple.
const WANTED: &str = "a path, `~`, `!`, `$` or something in parentheses must stand here";

/// What was expected and what was found; the place is shown by the caret, not by the excerpt that the error carries.
fn reason(error: &dtab::ParseError) -> String {
    let text = error.to_string();
    text.split_once(" found at '")
        .map_or_else(|| text.clone(), |(reason, _)| format!("{reason} found"))
}

/// The place of the bytes `span` of a field's text.
fn place_within(field: Field<'_>, text: &str, span: std::ops::Range<usize>) -> Place {
    let at = &field.node.at;
    let file = field.complaints.written(at);
    let place = |offset: usize| at.written.start + offset_in_file(file, text, offset);
    let start = place(span.start);
    let written = start..if span.is_empty() {
        start
    } else {
        place(span.end).max(start)
    };
    let used = if at.used == at.written {
        written.clone()
    } else {
        at.used.clone()
    };
    Place { written, used }
}
