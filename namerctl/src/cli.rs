use clap::{Parser, Subcommand};

use crate::connection::Connection;
use crate::{bind, completion, delegate, dtab, export, fleet, import};

/// Control namerd: its delegation tables, what they lead to, and the routers that obey them
///
/// namerctl looks for a configuration file in the current folder and those above it. Such files are named .namerctl with one of
/// the endings json, toml, yaml, yml, properties, props, prop and hcl; their one key is base-url. The environment
/// variable NAMERCTL_BASE_URL and the option --base-url say the same.
#[derive(Debug, Parser)]
#[command(
    name = "namerctl",
    version,
    max_term_width = 120,
    after_long_help = "Exit status: 0 done; 1 the sides of a diff differ; 2 wrong usage, or another error; 3 conflict; 4 not found; 5 denied; \
    6 not all routers confirmed in time; 7 refused by lint or a guard."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dtab(dtab::DtabArgs),
    Delegate(delegate::DelegateArgs),
    Bind(bind::BindArgs),
    Fleet(fleet::FleetArgs),
    /// Ask each namerd how it is
    Check,
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Completion(completion::CompletionArgs),
}
