use std::path::Path;

use clap::{Args, ValueHint};
use mesh::api::{EXPORT_FORMAT, Export};
use mesh::client::Existing;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::{Failure, counted};
use crate::input::read_file;

/// Write an export into namerd's store
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What `namerctl export` wrote; - for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    file: String,
    /// Replace namespaces that are there already, with their history; otherwise nothing is written if there is one
    #[arg(long)]
    replace: bool,
}

pub(crate) async fn run(
    args: ImportArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let client = connection.client(console)?;
    let origin = args.file.clone();
    let bytes = match args.file.as_str() {
        "-" => read_all(console)?,
        file => read_file(Path::new(file))?,
    };
    let read = serde_json::from_slice(&bytes);
    let export: Export = read.map_err(|source| Failure::Json {
        origin: origin.clone(),
        source,
    })?;
    if export.format != EXPORT_FORMAT {
        return Err(Failure::Format {
            origin,
            format: export.format,
        });
    }
    let existing = if args.replace {
        Existing::Replace
    } else {
        Existing::Refuse
    };
    client.import(&export, existing).await?;
    let namespaces = counted(export.namespaces.len(), "namespace");
    Ok(console.out.line(&format!("Imported {namespaces}"))?)
}

fn read_all(console: &mut Console<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = console.input.read_to_end(&mut bytes);
    read.map_err(|error| Failure::Read {
        origin: "standard input".to_owned(),
        error,
    })?;
    Ok(bytes)
}
