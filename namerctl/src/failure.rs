use std::io;
use std::path::PathBuf;

use http::StatusCode;
use mesh::client::{BaseUrlError, ClientError};
use transport::TlsError;

use crate::config_file::ConfigFileError;
use crate::wait::Unconfirmed;

/// Why a command did not do what it was asked to. What is shown is the text that Linkerd 1's namerctl shows, where it has one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments make no sense; `usage` says which would.
    #[error("{message}")]
    Usage { message: String, usage: String },
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A client certificate or key without the other.
    #[error("--client-cert and --client-key go together")]
    HalfIdentity,
    #[error("resource was not found by ID or name")]
    NotFound { reason: String },
    #[error(transparent)]
    Namerd(ClientError),
    /// namerd can't do what our namerd can.
    #[error("this namerd has no {what}: is it Linkerd's?")]
    Lacks { what: &'static str },
    #[error("{name} has version {current}, not {wanted}")]
    Changed {
        name: String,
        current: String,
        wanted: String,
    },
    #[error("empty dtab path")]
    EmptyPath,
    #[error("open {}: {}", path.display(), plainly(error))]
    Open { path: PathBuf, error: io::Error },
    #[error("cannot read {origin}: {}", plainly(error))]
    Read { origin: String, error: io::Error },
    #[error("cannot write {}: {}", path.display(), plainly(error))]
    Write { path: PathBuf, error: io::Error },
    #[error("cannot read {origin}")]
    Json {
        origin: String,
        source: serde_json::Error,
    },
    #[error("{origin} is of the format {format:?}, which this namerctl doesn't know")]
    Format { origin: String, format: String },
    #[error("{text:?} is no path")]
    Path {
        text: String,
        source: dtab::ParseError,
    },
    /// The complaints are shown already.
    #[error("{origin} is refused: {}", counted(*.errors, "error"))]
    Lint { origin: String, errors: usize },
    #[error(
        "the dtab is empty, and would take every name away from {name}: --force does it anyway"
    )]
    Emptying { name: String },
    #[error("{name} had no dtab in revision {revision}")]
    NoDtab { name: String, revision: u64 },
    #[error(transparent)]
    Unconfirmed(Box<Unconfirmed>),
    #[error("{unwell} of {} not well", counted(*.total, "namerd"))]
    Unwell { unwell: usize, total: usize },
    /// Nobody reads what is written, or it can't be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl Failure {
    pub(crate) fn unconfirmed(unconfirmed: Unconfirmed) -> Self {
        Self::Unconfirmed(Box::new(unconfirmed))
    }

    /// What namerd says about it, to be shown below; empty if nothing.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::NotFound { reason } => reason,
            Self::Namerd(ClientError::Status { body, .. }) => body,
            Self::Usage { usage, .. } => usage,
            _ => "",
        }
    }

    /// What helps, where it isn't plain.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Namerd(error @ ClientError::Status { tag, .. }) => {
                let tag = tag.as_ref()?;
                let is_conflict = error.status() == Some(StatusCode::PRECONDITION_FAILED);
                is_conflict.then(|| {
                    format!("somebody else has changed it: it has version {tag} now; `namerctl dtab diff` shows the difference")
                })
            }
            Self::Changed { .. } => Some("`namerctl dtab diff` shows the difference".to_owned()),
            _ => None,
        }
    }

    /// The exit status of the program.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Changed { .. } => 3,
            Self::NotFound { .. } | Self::NoDtab { .. } => 4,
            Self::Unconfirmed(_) => 6,
            Self::Lint { .. } | Self::Emptying { .. } => 7,
            Self::Namerd(error) => match error.status() {
                Some(StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED) => 3,
                Some(StatusCode::NOT_FOUND) => 4,
                Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => 5,
                _ => 2,
            },
            _ => 2,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Status { status, body, .. } if status == StatusCode::NOT_FOUND => {
                Self::NotFound { reason: body }
            }
            error => Self::Namerd(error),
        }
    }
}

/// Without the number, and in lower case, as Go shows it.
pub(crate) fn plainly(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, exit_code: u8, text: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = ClientError::Status {
            status,
            reason: status.canonical_reason().unwrap().to_owned(),
            body: "why".to_owned(),
            tag: None,
            retry_after: None,
        };
        let failure = Failure::from(error);
        assert_eq!(failure.exit_code(), exit_code);
        assert_eq!(failure.to_string(), text);
        assert_eq!(failure.reason(), "why");
    }

    #[test]
    fn the_exit_status_says_what_kind_of_refusal_it_was() {
        check(404, 4, "resource was not found by ID or name");
        check(409, 3, "unexpected response: 409 Conflict");
        check(412, 3, "unexpected response: 412 Precondition Failed");
        check(401, 5, "unexpected response: 401 Unauthorized");
        check(403, 5, "unexpected response: 403 Forbidden");
        check(400, 2, "unexpected response: 400 Bad Request");
        check(503, 2, "unexpected response: 503 Service Unavailable");
    }

    #[test]
    fn a_missing_file_is_named_as_go_names_it() {
        let failure = Failure::Open {
            path: "x.dtab".into(),
            error: io::Error::from_raw_os_error(2),
        };
        assert_eq!(
            failure.to_string(),
            "open x.dtab: no such file or directory"
        );
    }
}
