use std::cmp::Ordering;

use clap::{Args, ValueHint};
use dtab::Lint;
use http::StatusCode;
use mesh::NamerdClient;
use mesh::api;
use mesh::client::{ClientError, DtabBody, Precondition};

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::{Failure, counted};
use crate::input::Input;
use crate::review;

/// Look for mistakes in a delegation table
///
/// Without --base-url or --namespace nobody is asked, and nothing is said about namers that namerd doesn't have.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// A file with a dtab as text or JSON, - for standard input, or the text itself, such as '/svc => /host'
    #[arg(value_hint = ValueHint::FilePath)]
    file: String,
    /// Ask namerd whether it would take the table for this namespace
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
}

pub(super) async fn run(
    args: LintArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let input = Input::read(&args.file, console)?;
    let source = input.text();
    let Ok(mut lints) = dtab::lint(&source, None) else {
        return review::review(&input, &mut console.out);
    };
    if connection.is_explicit() || args.namespace.is_some() {
        let client = connection.client(console)?;
        // As text, so that places mean the same on both sides.
        let body = DtabBody::Text(source.clone());
        let more = ask(&client, args.namespace.as_deref(), &body).await?;
        lints.extend(more.iter().map(ours));
        lints.sort_by(by_place);
        lints.dedup();
    }
    if lints.is_empty() {
        let origin = &input.origin;
        let line = format!("{origin}: {}, nothing to complain about", rules(&source));
        return Ok(console.out.line(&line)?);
    }
    review::show(&lints, &source, &input.origin, &mut console.out)
}

fn rules(source: &str) -> String {
    let rules = dtab::Dtab::parse(source).map_or(0, |dtab| dtab.len());
    counted(rules, "rule")
}

/// What namerd says about a dtab, or about writing it.
async fn ask(
    client: &NamerdClient,
    namespace: Option<&str>,
    body: &DtabBody,
) -> Result<Vec<api::Lint>, Failure> {
    let lints = client
        .lint(body)
        .await
        .map_err(|error| lacks(error, "lint"))?;
    let Some(namespace) = namespace else {
        return Ok(lints);
    };
    // Only a namerd that knows the word lint surely knows what a dry run is: others would write.
    let precondition = match super::current(client, namespace).await? {
        None => Precondition::Absent,
        Some(dtab) => dtab.tag.map_or(Precondition::None, Precondition::Tag),
    };
    let dry_run = client.dry_run(namespace, body, &precondition).await?;
    Ok(dry_run.lints)
}

fn lacks(error: ClientError, what: &'static str) -> Failure {
    match error.status() {
        Some(StatusCode::NOT_FOUND) => Failure::Lacks { what },
        _ => error.into(),
    }
}

fn by_place(one: &Lint, other: &Lint) -> Ordering {
    let key = |lint: &Lint| (lint.span.start, lint.span.end, lint.level);
    let places = key(one).cmp(&key(other));
    places
        .then_with(|| one.code.cmp(other.code))
        .then_with(|| one.message.cmp(&other.message))
}

/// A complaint of namerd's as one of the language.
fn ours(lint: &api::Lint) -> Lint {
    const CODES: [&str; 8] = [
        "loop",
        "may-loop",
        "unchecked",
        "shadowed",
        "duplicate-prefix",
        "unknown-namer",
        "zero-weight",
        "lone-weight",
    ];
    let known = CODES.into_iter().find(|code| *code == lint.code);
    Lint {
        level: match lint.level {
            api::Level::Error => dtab::Level::Error,
            api::Level::Warning => dtab::Level::Warning,
        },
        // A newer namerd may have others.
        code: known.unwrap_or("other"),
        span: lint.start..lint.end,
        message: lint.message.clone(),
        help: lint.help.clone(),
    }
}
