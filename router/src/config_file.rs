//! Where the configuration comes from, and comes from again.

use std::io::{self, Read as _};
use std::path::Path;

use config::{Diagnostic, Diagnostics, RouterConfig};

/// The router's file, or the standard input (`-`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    origin: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// There is no such file.
    #[error("config is not a file: {0}")]
    NoFile(String),
    /// It cannot be read.
    #[error("cannot read {origin}")]
    Unreadable {
        /// What was to be read.
        origin: String,
        /// What the system says.
        source: io::Error,
    },
    /// It was read already.
    #[error("the configuration came from the standard input, which cannot be read again")]
    Consumed,
    /// What is wrong with it.
    #[error("{0}")]
    Wrong(Diagnostics),
}

impl ConfigFile {
    /// The file of this name; `-` for the standard input.
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
        }
    }

    /// The configuration, and warnings about it.
    ///
    /// # Errors
    /// [`ConfigFileError`], with everything that is wrong.
    pub fn read(&self) -> Result<(RouterConfig, Vec<Diagnostic>), ConfigFileError> {
        let origin = &*self.origin;
        let mut text = String::new();
        let read = if origin == "-" {
            io::stdin().read_to_string(&mut text).map(|_| text)
        } else if Path::new(origin).is_file() {
            std::fs::read_to_string(origin)
        } else {
            return Err(ConfigFileError::NoFile(origin.to_owned()));
        };
        let text = read.map_err(|source| ConfigFileError::Unreadable {
            origin: origin.to_owned(),
            source,
        })?;
        RouterConfig::parse(origin, &text).map_err(ConfigFileError::Wrong)
    }

    /// The configuration as it is now.
    ///
    /// # Errors
    /// As [`read`](Self::read), and for the standard input.
    pub fn read_again(&self) -> Result<(RouterConfig, Vec<Diagnostic>), ConfigFileError> {
        if self.origin == "-" {
            return Err(ConfigFileError::Consumed);
        }
        self.read()
    }
}
