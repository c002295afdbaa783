use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::{Failure, counted};
use crate::format;

/// Write everything that namerd's store holds, history included
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The file to write; without it, standard output
    #[arg(value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

pub(crate) async fn run(
    args: ExportArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let export = connection.client(console)?.export().await?;
    let json = format::json(&export)?;
    let Some(file) = args.file else {
        return Ok(console.out.text(&json)?);
    };
    // Under another name first, so that no broken file takes the place of a good one.
    let mut draft = file.clone().into_os_string();
    draft.push(".draft");
    let written = fs::write(&draft, json).and_then(|()| fs::rename(&draft, &file));
    written.map_err(|error| Failure::Write {
        path: file.clone(),
        error,
    })?;
    let namespaces = counted(export.namespaces.len(), "namespace");
    Ok(console
        .out
        .line(&format!("Exported {namespaces} to {}", file.display()))?)
}
