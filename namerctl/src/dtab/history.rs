use clap::Args;
use mesh::api::Action;

use crate::connection::Connection;
use crate::console::{Console, Ink};
use crate::failure::Failure;
use crate::format::{self, TableFormat};
use crate::table::Table;

/// Show who changed a delegation table, when and why, the newest change first
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The namespace
    name: String,
    /// How many changes to show
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// How to print them
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    output: TableFormat,
}

pub(super) async fn run(
    args: HistoryArgs,
    is_json: bool,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let client = connection.client(console)?;
    let history = client.history(&args.name, Some(args.limit), None).await?;
    if is_json || args.output == TableFormat::Json {
        return Ok(console.out.text(&format::json(&history)?)?);
    }
    let mut table = Table::new(&["REVISION", "TIME", "AUTHOR", "ACTION", "MESSAGE"]);
    for change in history {
        let (ink, action) = match change.action {
            Action::Create => (Ink::Good, "create"),
            Action::Update => (Ink::Plain, "update"),
            Action::Delete => (Ink::Bad, "delete"),
            Action::External => (Ink::Warn, "external"),
        };
        let author = Some(change.author).filter(|author| !author.is_empty());
        // A message of several lines would break the table.
        let message = change.message.lines().next().unwrap_or_default().to_owned();
        table.row([
            (Ink::Place, change.revision.to_string()),
            (Ink::Plain, format!("{:.0}", change.time)),
            (Ink::Plain, author.unwrap_or_else(|| "-".to_owned())),
            (ink, action.to_owned()),
            (Ink::Plain, message),
        ]);
    }
    Ok(table.write(&mut console.out)?)
}
