//! What the soak can be told.

use std::time::Duration;

use clap::Parser;

/// Start a namerd and a router, change all around the router while it has traffic of all kinds, and judge what it needs
#[derive(Debug, Parser)]
#[command(name = "soak")]
pub(crate) struct Arguments {
    /// How long, in seconds; what a short one says of growth is the growth of a start
    #[arg(default_value_t = 600, value_parser = clap::value_parser!(u64).range(10..))]
    seconds: u64,
}

impl Arguments {
    pub(crate) fn lasts(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
