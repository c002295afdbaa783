//! What a namespace is now.

use std::sync::Arc;

use dtab::{Dtab, ParseError};

/// The newest state of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// The namespace's newest revision; 0 if it never existed.
    pub revision: u64,
    /// Its dtab; none if it does not exist.
    pub stored: Option<Arc<Stored>>,
}

/// A dtab as it was written, and what it means.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As it was written, comments and layout included.
    pub text: Arc<str>,
    /// What the text says.
    pub dtab: Dtab,
}

impl Stored {
    /// Reads a dtab and keeps its text.
    ///
    /// # Errors
    /// The parser's complaint.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, ParseError> {
        let text = text.into();
        let dtab = Dtab::parse(&text)?;
        Ok(Self { text, dtab })
    }
}

/// Equal texts mean the same dtab.
impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
