//! `/lint`, and the check before every write.

use dtab::{Level, ParseError, Path};
use mesh::api;

use super::call::Call;
use super::media::Media;
use super::records::shown;
use super::refusal::Refusal;
use super::{Answer, Api, json_line};

impl Api {
    /// What is wrong with a dtab, and what only looks so. A text that does not parse has that as its one finding.
    pub(super) fn lint(&self, call: &Call) -> Answer {
        let media = Media::of_body(&call.headers)?;
        let text = match media {
            Media::Json => media.read(&call.body)?.text,
            Media::Dtab | Media::Text => Media::read_text(&call.body)?.into(),
        };
        let is_known = |path: &Path| self.namespaces.namers().knows(path);
        let findings = match dtab::lint(&text, Some(&is_known)) {
            Ok(findings) => findings
                .iter()
                .map(|finding| api::Lint::new(finding, &text))
                .collect(),
            Err(error) => vec![syntax(&error, &text)],
        };
        Ok(shown("application/json", json_line(&findings)))
    }
}

/// What is worth a second look in a dtab that may be written.
///
/// # Errors
/// The errors in one that may not.
pub(super) fn check(
    text: &str,
    is_known: &dyn Fn(&Path) -> bool,
) -> Result<Vec<api::Lint>, Refusal> {
    let findings = dtab::lint(text, Some(is_known));
    let findings = findings.map_err(|error| Refusal::unparsable("dtab", text, &error))?;
    let errors: Vec<&dtab::Lint> = findings
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .collect();
    if let Some(first) = errors.first() {
        let drawings: Vec<String> = errors
            .iter()
            .map(|error| error.render(text, "dtab"))
            .collect();
        let place = first.line_column(text);
        return Err(Refusal::bad_request(first.message.clone()).drawn(drawings.join("\n"), place));
    }
    Ok(findings
        .iter()
        .map(|finding| api::Lint::new(finding, text))
        .collect())
}

fn syntax(error: &ParseError, text: &str) -> api::Lint {
    let (line, column) = error.line_column(text);
    let span = error.span();
    api::Lint {
        level: api::Level::Error,
        code: "syntax".to_owned(),
        message: error.to_string(),
        help: None,
        line,
        column,
        start: span.start,
        end: span.end,
    }
}
