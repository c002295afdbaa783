//! `namerctl dtab …`: the commands about delegation tables.

mod create;
mod delete;
mod diff;
mod get;
mod history;
mod lint;
mod list;
mod rollback;
mod update;

use clap::builder::TypedValueParser as _;
use clap::{Args, Subcommand};
use http::StatusCode;
use mesh::NamerdClient;
use mesh::client::Versioned;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::{Exit, usage};

/// Control namerd's delegation tables
#[derive(Debug, Args)]
pub(crate) struct DtabArgs {
    /// Print JSON, where the command is list, get or history
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        value_parser = flag(), hide_possible_values = true, hide_default_value = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<DtabCommand>,
}

#[derive(Debug, Subcommand)]
enum DtabCommand {
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    #[command(visible_alias = "cat")]
    Get(get::GetArgs),
    #[command(visible_alias = "new")]
    Create(create::CreateArgs),
    #[command(visible_alias = "up")]
    Update(update::UpdateArgs),
    #[command(visible_aliases = ["del", "rm"])]
    Delete(delete::DeleteArgs),
    History(history::HistoryArgs),
    Diff(diff::DiffArgs),
    Rollback(rollback::RollbackArgs),
    #[command(visible_alias = "validate")]
    Lint(lint::LintArgs),
}

pub(crate) async fn run(
    args: DtabArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let is_json = args.json;
    match args.command {
        None => usage::help(&["dtab"], console)?,
        Some(DtabCommand::List(args)) => list::run(args, is_json, connection, console).await?,
        Some(DtabCommand::Get(args)) => get::run(args, is_json, connection, console).await?,
        Some(DtabCommand::Create(args)) => create::run(args, connection, console).await?,
        Some(DtabCommand::Update(args)) => update::run(args, connection, console).await?,
        Some(DtabCommand::Delete(args)) => delete::run(args, connection, console).await?,
        Some(DtabCommand::History(args)) => {
            history::run(args, is_json, connection, console).await?
        }
        Some(DtabCommand::Diff(args)) => return diff::run(args, connection, console).await,
        Some(DtabCommand::Rollback(args)) => rollback::run(args, connection, console).await?,
        Some(DtabCommand::Lint(args)) => lint::run(args, connection, console).await?,
    }
    Ok(Exit::Done)
}

/// The namespace's dtab; `None` if it has none.
pub(crate) async fn current(
    client: &NamerdClient,
    namespace: &str,
) -> Result<Option<Versioned<String>>, Failure> {
    match client.dtab_text(namespace).await {
        Ok(dtab) => Ok(Some(dtab)),
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is no rule in it; what is no dtab isn't empty.
fn is_empty(text: &str) -> bool {
    dtab::Dtab::parse(text).is_ok_and(|dtab| dtab.is_empty())
}

/// `--flag`, `--flag=true`, `--flag=0` and so on. Source: Go's `strconv.ParseBool`, which pflag uses.
fn flag() -> impl clap::builder::TypedValueParser<Value = bool> {
    const TRUE: [&str; 6] = ["true", "1", "t", "T", "TRUE", "True"];
    const FALSE: [&str; 6] = ["false", "0", "f", "F", "FALSE", "False"];
    let all = TRUE.into_iter().chain(FALSE);
    clap::builder::PossibleValuesParser::new(all).map(|text| TRUE.contains(&text.as_str()))
}

/// JSON as Go writes it: safe inside HTML.
fn escape_html(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '&' | '<' | '>' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
