use clap::{Args, ValueHint};
use mesh::client::Precondition;

use crate::author::AuthorArgs;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::input::Input;
use crate::review::review;
use crate::usage;
use crate::wait::WaitArgs;

/// Create a new delegation table
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The namespace
    name: Option<String>,
    /// A file with a dtab as text or JSON, - for standard input, or the text itself, such as '/svc => /host'
    #[arg(value_hint = ValueHint::FilePath)]
    file: Option<String>,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    wait: WaitArgs,
    /// Send it even if it can't work
    #[arg(long)]
    no_lint: bool,
    #[arg(hide = true)]
    rest: Vec<String>,
}

pub(super) async fn run(
    args: CreateArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let (Some(name), Some(file), []) = (&args.name, &args.file, &args.rest[..]) else {
        let message = "create requires a name and file path";
        return Err(usage::wrong(&["dtab", "create"], message));
    };
    let client = connection.client(console)?;
    let input = Input::read(file, console)?;
    if !args.no_lint {
        review(&input, &mut console.err)?;
    }
    let confirmation = args.wait.prepare(&client, name).await?;
    let by = args.author.by("");
    let written = client.write_dtab(name, &input.body, &Precondition::Absent, &by);
    let tag = written.await.map_err(Failure::Namerd)?;
    console.out.line(&format!("Created {name}"))?;
    confirmation.of_tag(tag.as_deref(), console).await
}
