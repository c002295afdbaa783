use clap::{Args, ValueHint};
use http::StatusCode;
use mesh::NamerdClient;

use crate::Exit;
use crate::connection::Connection;
use crate::console::Console;
use crate::difference::{Difference, Side};
use crate::failure::Failure;
use crate::input::Input;

/// Show what differs between two revisions of a delegation table, or between it and a file
///
/// Without a revision the last change is shown; with one, what changed since. Rules are compared, not their layout.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The namespace
    name: String,
    /// A revision; or a file with a dtab, - for standard input, or the text itself
    #[arg(value_name = "REVISION|FILE", value_hint = ValueHint::FilePath)]
    old: Option<String>,
    /// The revision to compare with the first one
    #[arg(value_name = "REVISION")]
    new: Option<u64>,
}

/// A dtab, and what to call it.
struct Named {
    name: String,
    text: String,
}

pub(super) async fn run(
    args: DiffArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let client = connection.client(console)?;
    let name = &args.name;
    let revision = args.old.as_ref().and_then(|old| old.parse::<u64>().ok());
    let (old, new) = match (&args.old, revision, args.new) {
        (_, Some(old), Some(new)) => (at(&client, name, old).await?, at(&client, name, new).await?),
        (_, Some(old), None) => (at(&client, name, old).await?, now(&client, name).await?),
        (None, None, _) => last_change(&client, name).await?,
        (Some(file), None, None) => {
            let input = Input::read(file, console)?;
            let new = Named {
                name: input.origin.clone(),
                text: input.text(),
            };
            (now(&client, name).await?, new)
        }
        (Some(_), None, Some(_)) => {
            let message = "diff compares two revisions, or the dtab with one file";
            return Err(crate::usage::wrong(&["dtab", "diff"], message));
        }
    };
    let difference = Difference::between(old.side(), new.side());
    difference.write(&mut console.out)?;
    Ok(match difference.is_empty() {
        true => Exit::Done,
        false => Exit::Differs,
    })
}

impl Named {
    fn side(&self) -> Side<'_> {
        Side {
            name: &self.name,
            text: &self.text,
        }
    }
}

async fn now(client: &NamerdClient, name: &str) -> Result<Named, Failure> {
    Ok(Named {
        name: name.to_owned(),
        text: client.dtab_text(name).await?.value,
    })
}

/// A revision without a dtab, which deleted it, is an empty one here.
async fn at(client: &NamerdClient, name: &str, revision: u64) -> Result<Named, Failure> {
    let text = match client.dtab_text_at(name, revision).await {
        Ok(dtab) => dtab.value,
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
            deleted(client, name, revision).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Named {
        name: format!("{name}@{revision}"),
        text,
    })
}

async fn deleted(client: &NamerdClient, name: &str, revision: u64) -> Result<String, Failure> {
    let before = revision.checked_add(1);
    let history = client.history(name, Some(1), before).await?;
    let was_there = history
        .first()
        .is_some_and(|change| change.revision == revision);
    was_there.then(String::new).ok_or_else(|| Failure::NoDtab {
        name: name.to_owned(),
        revision,
    })
}

async fn last_change(client: &NamerdClient, name: &str) -> Result<(Named, Named), Failure> {
    let history = client.history(name, Some(2), None).await?;
    let mut changes = history.into_iter().map(|change| Named {
        name: format!("{name}@{}", change.revision),
        text: change.dtab.unwrap_or_default(),
    });
    let none = || Named {
        name: format!("{name}@0"),
        text: String::new(),
    };
    let new = changes.next().unwrap_or_else(none);
    let old = changes.next().unwrap_or_else(none);
    Ok((old, new))
}
