//! `/lint`, and the judgement before every write.

use std::sync::Arc;

use dtab::{Level, ParseError};
use mesh::api;
use namer::Namers;

use super::call::Call;
use super::media::Media;
use super::records::shown;
use super::refusal::Refusal;
use super::{Answer, Api, json_line};
use crate::store::Stored;

impl Api {
    /// What is wrong with a dtab, and what only looks so. A text that does not parse has that as its one finding.
    pub(super) async fn lint(&self, call: &Call) -> Answer {
        let media = Media::of_body(&call.headers)?;
        let (body, namers) = (call.body.clone(), self.namespaces.namers().clone());
        let findings = aside(move || {
            let text = match media {
                Media::Json => Arc::clone(media.read(&body)?.text()),
                Media::Dtab | Media::Text => Media::read_text(&body)?.into(),
            };
            Ok(match dtab::lint(&text, Some(&|path| namers.knows(path))) {
                Ok(findings) => placed(&findings, &text),
                Err(error) => vec![syntax(&error, &text)],
            })
        });
        Ok(shown("application/json", json_line(&findings.await?)))
    }

    /// The dtab of a request that may be written, and what is worth a second look in it.
    ///
    /// # Errors
    /// What is wrong with one that may not.
    pub(super) async fn judge(&self, call: &Call) -> Result<(Stored, Vec<api::Lint>), Refusal> {
        let media = Media::of_body(&call.headers)?;
        let (body, namers) = (call.body.clone(), self.namespaces.namers().clone());
        aside(move || {
            let stored = media.read(&body)?;
            let lints = check(stored.text(), &namers)?;
            Ok((stored, lints))
        })
        .await
    }
}

/// Does the work on something large where no watch and no router waits for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Refusal::failed(format!("cannot go on: {error}"))))
}

/// How many errors are drawn; each drawing looks through the whole text.
const DRAWN_MAX: usize = 20;

fn check(text: &str, namers: &Namers) -> Result<Vec<api::Lint>, Refusal> {
    let findings = dtab::lint(text, Some(&|path| namers.knows(path)));
    let findings = findings.map_err(|error| Refusal::unparsable("dtab", text, &error))?;
    let errors = || {
        findings
            .iter()
            .filter(|finding| finding.level == Level::Error)
    };
    let Some(first) = errors().next() else {
        return Ok(placed(&findings, text));
    };
    let drawn = errors()
        .take(DRAWN_MAX)
        .map(|error| error.render(text, "dtab"));
    let mut drawings: Vec<String> = drawn.collect();
    if let more @ 1.. = errors().count() - drawings.len() {
        drawings.push(format!("and {more} more"));
    }
    let refusal = Refusal::bad_request(first.message.clone());
    Err(refusal.drawn(drawings.join("\n"), first.line_column(text)))
}

/// The findings with line and column. They come in the order of the text, so that one walk through it finds all places.
fn placed(findings: &[dtab::Lint], text: &str) -> Vec<api::Lint> {
    let (mut at, mut line, mut column) = (0, 1, 1);
    let placed = findings.iter().map(|finding| {
        let between = text.get(at..finding.span.start).unwrap_or_default();
        match between.rsplit_once('\n') {
            Some((_, last)) => {
                line += between.matches('\n').count();
                column = 1 + last.chars().count();
            }
            None => column += between.chars().count(),
        }
        at = finding.span.start.max(at);
        api::Lint {
            level: match finding.level {
                Level::Error => api::Level::Error,
                Level::Warning => api::Level::Warning,
            },
            code: finding.code.to_owned(),
            message: finding.message.clone(),
            help: finding.help.clone(),
            line,
            column,
            start: finding.span.start,
            end: finding.span.end,
        }
    });
    placed.collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_walk_finds_the_places_that_each_finding_would_find_alone() {
        let text = "# ö\n/a => /b ; /a => /c ; # ö\n\n/a => /#/x/y ; /b => /#/x/z ;\n";
        let findings = dtab::lint(text, Some(&|_| false)).unwrap();
        assert!(findings.len() > 1, "{findings:?}");
        let alone: Vec<api::Lint> = findings
            .iter()
            .map(|finding| api::Lint::new(finding, text))
            .collect();
        assert_eq!(placed(&findings, text), alone);
    }
}
