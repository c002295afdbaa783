//! Dtabs inside the file: read and linted, with complaints at the very place inside the text.

use std::ops::Range;

use dtab::{Dtab, ParseError, Path, Segment};

use crate::field::Field;
use crate::namer::NamerConfig;
use crate::node::Place;
use crate::scalar::offset_in_file;

/// The namers that answer for a dtab's names. `None`: they are not known, and nothing is said about them.
pub(crate) type KnownNamers<'a> = Option<&'a [NamerConfig]>;

/// Reads a dtab, and says what is odd about it.
pub(crate) fn read_dtab(field: Field<'_>, namers: KnownNamers<'_>) -> Option<Dtab> {
    let text = field.text()?;
    let is_known = |path: &Path| is_known(path, namers.unwrap_or_default());
    match dtab::lint(&text, namers.is_some().then_some(&is_known)) {
        Ok(lints) => lints.into_iter().for_each(|lint| say(field, &text, lint)),
        Err(error) => refuse(field, &text, &error),
    }
    Dtab::parse(&text).ok()
}

/// Whether somebody answers for `path`, or for names below it.
pub(crate) fn is_known(path: &Path, namers: &[NamerConfig]) -> bool {
    let is_built_in = |class: &Segment| BUILT_IN.contains(&&*class.to_str_lossy());
    match path.segments() {
        [marker, class, ..] if marker == "$" => is_built_in(class),
        _ => namers
            .iter()
            .map(NamerConfig::prefix)
            .any(|prefix| path.starts_with(prefix) || prefix.starts_with(path)),
    }
}

/// The names under `/$` that need no namer of the file.
const BUILT_IN: &[&str] = &[
    "fail",
    "fixedinet",
    "inet",
    "io.buoyant.hostportPfx",
    "io.buoyant.http.anyHost",
    "io.buoyant.http.anyHostPfx",
    "io.buoyant.http.anyMethod",
    "io.buoyant.http.anyMethodPfx",
    "io.buoyant.http.domainToPath",
    "io.buoyant.http.domainToPathPfx",
    "io.buoyant.http.status",
    "io.buoyant.http.subdomainOf",
    "io.buoyant.http.subdomainOfPfx",
    "io.buoyant.porthostPfx",
    "io.buoyant.rinet",
    "nil",
];

fn say(field: Field<'_>, text: &str, lint: dtab::Lint) {
    let place = place_within(field, text, lint.span);
    let help = lint.help.unwrap_or_default();
    match lint.level {
        dtab::Level::Error => field.complaints.error(&place, lint.message, help),
        dtab::Level::Warning => field.complaints.warn(&place, lint.message, help),
    }
}

fn refuse(field: Field<'_>, text: &str, error: &ParseError) {
    let message = format!(
        "`{}` cannot be read as a dtab: {}",
        field.key,
        reason(error)
    );
    let help = if message.contains("simple expected") {
        WANTED
    } else {
        ""
    };
    field
        .complaints
        .error(&place_within(field, text, error.span()), message, help);
}

/// What the grammar calls simple.
const WANTED: &str = "a path, `~`, `!`, `$` or something in parentheses must stand here";

/// What was expected and what was found; the place is shown by the caret, not by the excerpt that the error carries.
fn reason(error: &ParseError) -> String {
    let text = error.to_string();
    text.split_once(" found at '")
        .map_or_else(|| text.clone(), |(reason, _)| format!("{reason} found"))
}

/// The place of the bytes `span` of a field's text.
fn place_within(field: Field<'_>, text: &str, span: Range<usize>) -> Place {
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
