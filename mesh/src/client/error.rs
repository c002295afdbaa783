use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// Why namerd's API gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No namerd answered, and nothing was changed.
    #[error("cannot reach namerd: {}", Joined(.0))]
    Unreachable(Vec<Attempt>),
    /// A write was sent, and no answer came: it may have happened.
    #[error("no answer to a write, which may have happened: {0}")]
    Lost(Attempt),
    /// namerd answered that it won't.
    #[error("unexpected response: {} {reason}", status.as_u16())]
    Status {
        /// The status code.
        status: StatusCode,
        /// The reason phrase.
        reason: String,
        /// What namerd says about it, as text; empty if nothing.
        body: String,
        /// The tag of the current version, if namerd tells it, as with 412.
        tag: Option<String>,
        /// When to try again, if namerd tells it, as with 503.
        retry_after: Option<Duration>,
    },
    /// namerd answered something else than the API says.
    #[error("cannot understand the answer of {base}: {text:?}")]
    Answer {
        /// The base URL.
        base: String,
        /// The beginning of the answer.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A record of a watch is longer than any sensible one.
    #[error("{base} sends a record that does not end")]
    TooLong {
        /// The base URL.
        base: String,
    },
    /// A value can't be written as JSON.
    #[error("cannot write the request")]
    Request(#[source] serde_json::Error),
    /// A tag can't stand in a header.
    #[error("{0:?} is no version tag")]
    Tag(String),
    /// A name is too long for a URL.
    #[error("{0:?} makes no URL")]
    Url(String),
}

/// One base URL that did not answer.
#[derive(Debug)]
pub struct Attempt {
    /// The base URL.
    pub base: String,
    /// Why not.
    pub source: Box<dyn Error + Send + Sync>,
}

impl ClientError {
    /// The status code, if namerd answered with one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl fmt::Display for Attempt {
    /// Shows the causes too: of several attempts no single one can be the source of an error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.base, self.source)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

struct Joined<'a>(&'a [Attempt]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attempt) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{attempt}")?;
        }
        Ok(())
    }
}
