use clap::Args;

use crate::author::AuthorArgs;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::usage;
use crate::wait::WaitArgs;

/// Delete a delegation table by name
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The namespace
    name: Option<String>,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    wait: WaitArgs,
    #[arg(hide = true)]
    rest: Vec<String>,
}

pub(super) async fn run(
    args: DeleteArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let (Some(name), []) = (&args.name, &args.rest[..]) else {
        return Err(usage::wrong(
            &["dtab", "delete"],
            "delete requires one argument",
        ));
    };
    let client = connection.client(console)?;
    let confirmation = args.wait.prepare(&client, name).await?;
    client.delete_dtab(name, &args.author.by("")).await?;
    console.out.line(&format!("Deleted {name}"))?;
    confirmation.of_newest(console).await
}
