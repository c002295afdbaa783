use clap::Args;
use http::StatusCode;
use mesh::NamerdClient;
use mesh::client::{DtabBody, Precondition};

use crate::author::AuthorArgs;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::wait::WaitArgs;

/// Write an earlier revision of a delegation table again, as a new one
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The namespace
    name: String,
    /// The revision to go back to
    revision: u64,
    /// Go back even to a dtab without rules
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(
    args: RollbackArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let RollbackArgs { name, revision, .. } = &args;
    let client = connection.client(console)?;
    let text = text_at(&client, name, *revision).await?;
    if !args.force && super::is_empty(&text) {
        let name = name.clone();
        return Err(Failure::Emptying { name });
    }
    let precondition = match super::current(&client, name).await? {
        None => Precondition::Absent,
        Some(dtab) => dtab.tag.map_or(Precondition::None, Precondition::Tag),
    };
    let confirmation = args.wait.prepare(&client, name).await?;
    let by = args.author.by(&format!("rollback to {revision}"));
    let body = DtabBody::Text(text);
    let tag = client.write_dtab(name, &body, &precondition, &by).await?;
    console
        .out
        .line(&format!("Rolled back {name} to {revision}"))?;
    confirmation.of_tag(tag.as_deref(), console).await
}

async fn text_at(client: &NamerdClient, name: &str, revision: u64) -> Result<String, Failure> {
    match client.dtab_text_at(name, revision).await {
        Ok(dtab) => Ok(dtab.value),
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Err(Failure::NoDtab {
            name: name.to_owned(),
            revision,
        }),
        Err(error) => Err(error.into()),
    }
}
