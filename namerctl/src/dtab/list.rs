use clap::Args;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::usage;

/// List delegation table names
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[arg(hide = true)]
    rest: Vec<String>,
}

pub(super) async fn run(
    args: ListArgs,
    is_json: bool,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if !args.rest.is_empty() {
        return Err(usage::wrong(
            &["dtab", "list"],
            "list does not take arguments",
        ));
    }
    let client = connection.client(console)?;
    let names = client.namespaces().await.map_err(Failure::Namerd)?;
    let line = if is_json {
        super::escape_html(&serde_json::Value::from(names).to_string())
    } else {
        names.join("\n")
    };
    Ok(console.out.line(&line)?)
}
