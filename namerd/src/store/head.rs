//! What a namespace is now.

use std::sync::{Arc, OnceLock};

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
    text: Arc<str>,
    /// Much larger than its text, and needed only of the few namespaces that somebody binds with.
    dtab: OnceLock<Dtab>,
}

impl Stored {
    /// Reads a dtab and keeps its text.
    ///
    /// # Errors
    /// The parser's complaint.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, ParseError> {
        let text = text.into();
        let dtab = Dtab::parse(&text)?.into();
        Ok(Self { text, dtab })
    }

    /// As it was written, comments and layout included.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What the text says.
    pub fn dtab(&self) -> &Dtab {
        let parse = || Dtab::parse(&self.text).expect("a text that was parsed can be parsed again");
        self.dtab.get_or_init(parse)
    }

    #[cfg(test)]
    pub(super) fn is_parsed(&self) -> bool {
        self.dtab.get().is_some()
    }

    /// The text alone. Whoever asks for the dtab has it parsed again.
    pub(super) fn unparsed(self) -> Self {
        Self {
            text: self.text,
            dtab: OnceLock::new(),
        }
    }
}

/// A dtab without a text of its own has the shown form for it.
impl From<Dtab> for Stored {
    fn from(dtab: Dtab) -> Self {
        Self {
            text: dtab.to_string().into(),
            dtab: dtab.into(),
        }
    }
}

/// Equal texts mean the same dtab.
impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
