//! Answers that say no, and why.

use axum::body::Body;
use axum::response::Response;
use dtab::ParseError;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use mesh::api::{ErrorBody, Version};

use crate::store::StoreError;

/// A request that is not answered with what it asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    /// What the message is about, with carets.
    drawing: Option<String>,
    /// Line and column of what does not parse, from 1.
    place: Option<(usize, usize)>,
    hint: Option<Hint>,
}

/// What a header adds to a refusal.
#[derive(Debug)]
enum Hint {
    Allow(&'static str),
    RetryAfterSecs(u64),
    /// The revision that there is.
    Current(u64),
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            drawing: None,
            place: None,
            hint: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Something went wrong here, or with what is stored.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// The method is not among those that are allowed here, which are listed.
    pub(super) fn wrong_method(method: &Method, allowed: &'static str) -> Self {
        let message = format!("{method} is not allowed here, only {allowed}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message).with(Hint::Allow(allowed))
    }

    /// Something is not known yet; asking again later may help.
    pub(super) fn not_now(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).with(Hint::RetryAfterSecs(1))
    }

    /// The request expects a version that is not the current one.
    pub(super) fn stale_match(current: u64, message: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, message).with(Hint::Current(current))
    }

    /// A text that does not parse; `what` is put before the parser's message, and names the text in the drawing.
    pub(super) fn unparsable(what: &str, source: &str, error: &ParseError) -> Self {
        let drawing = error.render(source, what);
        Self::bad_request(error.to_string()).drawn(drawing, error.line_column(source))
    }

    /// The same as [`Refusal::unparsable`] for a text in a parameter, in the words of the reference.
    pub(super) fn invalid_parameter(name: &str, source: &str, error: &ParseError) -> Self {
        let message = format!("Invalid {name}: {source} / {error}");
        let drawing = error.render(source, name);
        Self::bad_request(message).drawn(drawing, error.line_column(source))
    }

    #[must_use]
    pub(super) fn drawn(self, drawing: String, place: (usize, usize)) -> Self {
        Self {
            drawing: Some(drawing),
            place: Some(place),
            ..self
        }
    }

    #[must_use]
    pub(super) fn at(self, place: (usize, usize)) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    fn with(self, hint: Hint) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    /// The answer: JSON for who asked for that by name, else text.
    pub(super) fn answer(self, as_json: bool) -> Response {
        let (media, body) = if as_json {
            let body = ErrorBody {
                error: self.message,
                line: self.place.map(|place| place.0),
                column: self.place.map(|place| place.1),
            };
            ("application/json", super::json_line(&body))
        } else {
            let drawing = self.drawing.map(|drawing| format!("\n{drawing}"));
            let text = self.message + drawing.as_deref().unwrap_or_default();
            ("text/plain; charset=utf-8", text.into())
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.extend(self.hint.map(Hint::header));
        response
    }
}

impl Hint {
    fn header(self) -> (HeaderName, HeaderValue) {
        match self {
            Self::Allow(methods) => (header::ALLOW, HeaderValue::from_static(methods)),
            Self::RetryAfterSecs(secs) => (header::RETRY_AFTER, secs.into()),
            Self::Current(revision) => (header::ETAG, etag(revision)),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::AlreadyExists(_) | StoreError::ImportExists(_) => {
                Self::new(StatusCode::CONFLICT, message)
            }
            StoreError::DoesNotExist(_) => Self::not_found(message),
            StoreError::VersionMismatch { current, .. } => Self::stale_match(current, message),
            StoreError::Unavailable { .. } => Self::not_now(message),
            StoreError::Invalid { .. } => Self::bad_request(message),
        }
    }
}

/// The version tag of a revision.
pub(super) fn etag(revision: u64) -> HeaderValue {
    let tag = Version(revision).tag();
    HeaderValue::try_from(tag).expect("base64 makes a header value")
}
