//! The complaints of one reading, gathered while it goes on.

use std::cell::RefCell;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Level};
use crate::field::Field;
use crate::node::{Node, Place, Value};
use crate::source::Source;

/// Gathers complaints about one file.
#[derive(Debug)]
pub(crate) struct Complaints {
    source: Arc<Source>,
    said: RefCell<Vec<Diagnostic>>,
}

impl Complaints {
    /// Reads `text` as a document, lets `read` judge it, and answers with what it made unless there was an error.
    pub(crate) fn gather<T>(
        origin: &str,
        text: &str,
        read: impl FnOnce(Field<'_>) -> Option<T>,
    ) -> Result<(T, Vec<Diagnostic>), Diagnostics> {
        let source = Arc::new(Source::new(origin, text));
        let (document, not_yaml) = Node::read(&source);
        let complaints = Self {
            source,
            said: RefCell::default(),
        };
        if let Some(not_yaml) = not_yaml {
            complaints.error(&not_yaml.at, not_yaml.message, "");
        }
        let value = document.and_then(|document| {
            let file = Field {
                key: "",
                key_at: &document.at,
                node: &document,
                complaints: &complaints,
            };
            if document.value == Value::Null {
                file.empty_file()
            } else {
                read(file)
            }
        });
        let mut said = complaints.said.into_inner();
        said.sort_by_key(|diagnostic| diagnostic.at.written.start);
        match value {
            Some(value)
                if said
                    .iter()
                    .all(|diagnostic| diagnostic.level == Level::Warning) =>
            {
                Ok((value, said))
            }
            _ => Err(Diagnostics(said)),
        }
    }

    /// Refuses the file: what is wrong at `at`, and what to write instead (which may be empty).
    pub(crate) fn error(&self, at: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.say(Level::Error, at, message.into(), help.into());
    }

    /// Accepts the file, and tells what somebody should look at.
    pub(crate) fn warn(&self, at: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.say(Level::Warning, at, message.into(), help.into());
    }

    /// The line of `at`, from 1.
    pub(crate) fn line(&self, at: &Place) -> usize {
        self.source.line_column(at.written.start).0
    }

    /// The characters of the file at `at`.
    pub(crate) fn written(&self, at: &Place) -> &str {
        self.source.text.get(at.written.clone()).unwrap_or_default()
    }

    fn say(&self, level: Level, at: &Place, message: String, help: String) {
        let help = if help.is_empty() {
            Vec::new()
        } else {
            vec![help]
        };
        let diagnostic = Diagnostic {
            level,
            message,
            help,
            at: at.clone(),
            source: Arc::clone(&self.source),
        };
        let mut said = self.said.borrow_mut();
        // What an alias repeats is wrong once, where it is written.
        if !said
            .iter()
            .any(|other| other.at.written == at.written && other.message == diagnostic.message)
        {
            said.push(diagnostic);
        }
    }
}
