//! A request that was read.

use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use dtab::{Dtab, Path};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;
use transport::ConnectInfo;

use super::params::Params;
use super::refusal::Refusal;
use crate::store::By;

/// A request with its body and parameters.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) params: Params,
    pub(super) body: Bytes,
    client: Option<ConnectInfo>,
}

impl Call {
    /// Reads a request whose body has at most `limit` bytes.
    pub(super) async fn read(request: Request, limit: usize) -> Result<Self, Refusal> {
        let (mut head, body) = request.into_parts();
        let too_large = || {
            let message = format!("the body has more than {limit} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        };
        // Not left to the reading: a client that waits for "100 Continue" is told before it sends anything.
        let length = head.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let body = timeout(BODY_WAIT, Limited::new(body, limit).collect()).await;
        let body = body.map_err(|_| too_slow())?.map_err(|error| {
            match error.downcast_ref::<LengthLimitError>() {
                Some(_) => too_large(),
                None => Refusal::bad_request(format!("cannot read the body: {error}")),
            }
        })?;
        let body = body.to_bytes();
        let query = Params::parse(head.uri.query().unwrap_or_default().as_bytes());
        let params = if is_form(&head.headers) {
            Params::parse(&body).or(query)
        } else {
            query
        };
        let client = head.extensions.remove::<ConnectInfo>();
        Ok(Self {
            method: head.method,
            headers: head.headers,
            params,
            body,
            client,
        })
    }

    /// Whether the client wants to be told of changes.
    pub(super) fn is_watch(&self) -> bool {
        self.method != Method::HEAD && self.params.is_true("watch")
    }

    /// The parameter `path`, which must be there.
    pub(super) fn path(&self) -> Result<Path, Refusal> {
        let Some(text) = self.params.value("path") else {
            return Err(Refusal::bad_request("the parameter \"path\" is missing"));
        };
        Path::parse(text).map_err(|error| Refusal::invalid_parameter("path", text, &error))
    }

    /// The parameter `dtab`; empty if it is not there.
    pub(super) fn dtab(&self) -> Result<Dtab, Refusal> {
        let text = self.params.value("dtab").unwrap_or_default();
        Dtab::parse(text).map_err(|error| Refusal::invalid_parameter("dtab", text, &error))
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.params.value(name) else {
            return Ok(None);
        };
        let number = text.parse();
        number.map(Some).map_err(|_| {
            Refusal::bad_request(format!("the parameter \"{name}\" is no number: {text:?}"))
        })
    }

    /// Who makes a change, and why. Who does not say so is known by the client certificate, if there is one.
    pub(super) fn by(&self) -> By {
        let said = mesh::api::By::from_headers(&self.headers);
        let certified = || {
            self.client
                .as_ref()
                .and_then(|client| client.client_cert_subject.as_deref())
        };
        let author = if said.author.is_empty() {
            certified().unwrap_or_default().to_owned()
        } else {
            said.author
        };
        By {
            author,
            message: said.message,
        }
    }
}

/// How long a client may take to send a body.
const BODY_WAIT: Duration = Duration::from_secs(60);

fn too_slow() -> Refusal {
    let message = format!("the body did not come within {} s", BODY_WAIT.as_secs());
    Refusal::new(StatusCode::REQUEST_TIMEOUT, message)
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
