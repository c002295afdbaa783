//! The commands, from a configuration's text to the end of the process.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use config::{NamerdConfig, StorageConfig};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::build::{self, Namerd};
use crate::command::{Serve, Source};
use crate::store::{self, By, Export, Store};

/// How long a store that is not on this machine may take to answer for the first time.
const STORE_WAIT: Duration = Duration::from_secs(10);

/// Serves until a signal or the admin server asks for the end.
///
/// # Errors
/// Whatever stands in the way of the start.
pub fn serve(serve: Serve) -> Result<()> {
    telemetry::init_logs(&serve.log_level)?;
    for ignored in &serve.ignored {
        tracing::warn!("{ignored}");
    }
    let config = read(&serve.config)?;
    runtime()?.block_on(async {
        let mut namerd = Namerd::build(&config)?;
        if let Some(interval) = serve.snapshot_interval {
            namerd = namerd.snapshot_every(interval);
        }
        namerd.run().await;
        Ok(())
    })
}

/// Looks for everything that would stand in the way of a start, but opens neither store nor socket.
///
/// # Errors
/// What was found.
pub fn check(config: &Source) -> Result<()> {
    let config = read(config)?;
    build::check(&config)?;
    Ok(())
}

/// Writes all that a store has to a file, or to standard output.
///
/// # Errors
/// The store cannot be opened or read, or the file cannot be written.
pub fn export(config: &Source, file: Option<&Path>) -> Result<()> {
    let config = read(config)?;
    let export = runtime()?.block_on(async {
        let store = store::open("namerd-export", &config.storage)?;
        heard(&*store).await?;
        Ok::<_, anyhow::Error>(store.export().await?)
    })?;
    let export = mesh::api::Export::from(export);
    let mut json = serde_json::to_vec_pretty(&export)?;
    json.push(b'\n');
    match file {
        Some(file) => {
            fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
        }
        None => io::stdout()
            .write_all(&json)
            .context("cannot write to standard output"),
    }
}

/// Takes in what was exported, from a file or from standard input.
///
/// # Errors
/// The file cannot be read, the store cannot be opened or refuses what is in the file.
pub fn import(config: &Source, file: Option<&Path>, replace: bool) -> Result<()> {
    let config = read(config)?;
    if matches!(config.storage, StorageConfig::InMemory { .. }) {
        bail!("the storage io.l5d.inMemory ends with the process: nothing would be kept");
    }
    let json = match file {
        Some(file) => fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
        None => {
            let mut json = Vec::new();
            io::stdin()
                .read_to_end(&mut json)
                .context("cannot read standard input")?;
            json
        }
    };
    let export: Export = serde_json::from_slice(&json).context("cannot read the export")?;
    let by = By {
        author: std::env::var("USER").unwrap_or_default(),
        message: "namerd import".to_owned(),
    };
    runtime()?.block_on(async {
        let store = store::open("namerd-import", &config.storage)?;
        heard(&*store).await?;
        store.import(export, replace, by).await?;
        Ok(())
    })
}

async fn heard(store: &dyn Store) -> Result<()> {
    let namespaces = store.view().namespaces();
    if namespaces.ready(Instant::now() + STORE_WAIT).await.is_err() {
        let health = store.view().health().value();
        let detail = health
            .and_then(|health| health.detail())
            .unwrap_or_default();
        bail!("the store does not answer: {detail}");
    }
    Ok(())
}

/// Reads a configuration; complaints that do not stop it go to standard error.
fn read(source: &Source) -> Result<NamerdConfig> {
    let (origin, text) = match source {
        Source::Stdin => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            ("stdin".to_owned(), text)
        }
        Source::File(path) => {
            if !path.is_file() {
                bail!("config is not a file: {}", path.display());
            }
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            (path.display().to_string(), text)
        }
    };
    let (config, warnings) = NamerdConfig::parse(&origin, &text)?;
    for warning in &warnings {
        eprintln!("{warning}\n");
    }
    Ok(config)
}

fn runtime() -> Result<Runtime> {
    Runtime::new().context("cannot start the runtime")
}
