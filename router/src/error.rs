//! Why a request was answered by the router itself, and what it was told.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dtab::Dtab;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use namer::BoundId;

use crate::client::ConnectError;
use crate::forward::ResponseBody;
use crate::headers::{L5D_ERR, L5D_RETRYABLE, form_encoded};
use crate::identify::Unidentified;
use crate::route::{Nothing, Route};

/// A request that no endpoint answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteError {
    /// No identifier found a name, or what it found is none.
    #[error("Unknown destination: {request} / {reason}")]
    Unidentified { request: String, reason: String },
    /// A target that only CONNECT may have.
    #[error("the target of the request names no path: {0}")]
    BadTarget(String),
    /// Another parser could read the request as another one.
    #[error("the request can be read in more than one way: {0}")]
    Ambiguous(&'static str),
    /// Its body ended early, or cannot be read.
    #[error("the body of the request broke off: {}", with_causes(.0))]
    BadBody(hyper::Error),
    /// The rules that the request brought along.
    #[error("{0}")]
    BadOverride(String),
    /// The request went round and round.
    #[error("Maximum number of calls ({0}) has been exceeded. Please check for proxy loops.")]
    TooManyCalls(usize),
    /// CONNECT.
    #[error("CONNECT is not supported: no tunnel is opened to {0}")]
    NoTunnels(String),
    /// The name leads nowhere.
    #[error("Unable to route request!")]
    Unbound(Nothing),
    /// Binding fails.
    #[error("{0}")]
    BindingFailed(Arc<str>),
    /// The name is not known yet.
    #[error("Exceeded {} binding timeout while resolving name", shown_duration(*.timeout))]
    NotBoundInTime { timeout: Duration, reason: String },
    /// The name is bound, and its addresses are not known.
    #[error("the addresses of {id} are not known: {reason}")]
    NoAddressesYet { id: BoundId, reason: String },
    /// The name is bound to an id without an endpoint.
    #[error("Unable to route request!")]
    NoEndpoints(BoundId),
    /// No endpoint could be connected to.
    #[error("Unable to establish connection to {address}.")]
    NotConnected {
        id: BoundId,
        address: SocketAddr,
        cause: ConnectError,
        addresses: Vec<SocketAddr>,
    },
    /// The connection broke after something of the request was sent.
    #[error("the connection to {address} ended before it answered: {}", with_causes(.cause))]
    Broken {
        id: BoundId,
        address: SocketAddr,
        cause: hyper::Error,
    },
    /// The endpoint switched protocols though nobody asked.
    #[error("{address} switched to another protocol, which was not asked for")]
    Switched { id: BoundId, address: SocketAddr },
    /// The endpoint used a transfer coding though nobody offered any.
    #[error("{address} answered in a transfer coding other than chunked")]
    Encoded { id: BoundId, address: SocketAddr },
}

/// Who is to blame for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Whoever sent the request.
    Client,
    /// The endpoint, or who named it.
    Upstream,
    /// The control plane, or the router.
    Us,
}

impl RouteError {
    /// No identifier found a name in this request.
    pub(crate) fn unidentified<B>(
        request: &Request<B>,
        peer: SocketAddr,
        reason: Unidentified,
    ) -> Self {
        let (method, target) = (request.method(), request.uri());
        Self::Unidentified {
            request: format!("Request(\"{method} {target}\", from /{peer})"),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unidentified { .. }
            | Self::BadTarget(_)
            | Self::Ambiguous(_)
            | Self::BadBody(_)
            | Self::BadOverride(_)
            | Self::TooManyCalls(_) => StatusCode::BAD_REQUEST,
            Self::NoTunnels(_) => StatusCode::NOT_IMPLEMENTED,
            Self::NotBoundInTime { .. } | Self::NoAddressesYet { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NotConnected {
                cause: ConnectError::TimedOut,
                ..
            } => StatusCode::GATEWAY_TIMEOUT,
            Self::Unbound(_)
            | Self::BindingFailed(_)
            | Self::NoEndpoints(_)
            | Self::NotConnected { .. }
            | Self::Broken { .. }
            | Self::Switched { .. }
            | Self::Encoded { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Unidentified { .. }
            | Self::BadTarget(_)
            | Self::Ambiguous(_)
            | Self::BadBody(_)
            | Self::BadOverride(_)
            | Self::TooManyCalls(_)
            | Self::NoTunnels(_) => Blame::Client,
            Self::NotBoundInTime { .. } | Self::NoAddressesYet { .. } => Blame::Us,
            _ => Blame::Upstream,
        }
    }

    /// Whether the request was surely not delivered, and might be another time.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::NotBoundInTime { .. } | Self::NoAddressesYet { .. } | Self::NotConnected { .. }
        )
    }

    /// Its name in the metrics, below `failures/`.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unidentified { .. } => "unidentified",
            Self::BadTarget(_) => "bad_target",
            Self::Ambiguous(_) => "ambiguous",
            Self::BadBody(_) => "bad_body",
            Self::BadOverride(_) => "bad_override",
            Self::TooManyCalls(_) => "too_many_calls",
            Self::NoTunnels(_) => "connect_method",
            Self::Unbound(_) => "unbound",
            Self::BindingFailed(_) => "binding_failed",
            Self::NotBoundInTime { .. } => "binding_timeout",
            Self::NoAddressesYet { .. } => "no_addresses_yet",
            Self::NoEndpoints(_) => "no_endpoints",
            Self::NotConnected {
                cause: ConnectError::TimedOut,
                ..
            } => "connect_timeout",
            Self::NotConnected { .. } => "connect_failed",
            Self::Broken { .. } => "connection_broken",
            Self::Switched { .. } => "protocol_switched",
            Self::Encoded { .. } => "unknown_coding",
        }
    }

    /// The answer for the client. `about` is absent where the request got no name.
    pub(crate) fn response(&self, about: Option<&About<'_>>) -> Response<ResponseBody> {
        let text = self.text(about);
        let mut response = Response::new(ResponseBody::Text(Bytes::from(text.clone())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            const { HeaderValue::from_static("text/plain") },
        );
        headers.insert(L5D_ERR, form_encoded(&text, MAX_ERR_BYTES));
        if matches!(self, Self::Ambiguous(_) | Self::BadBody(_)) {
            // Nobody can say where its next request begins.
            headers.insert(CONNECTION, const { HeaderValue::from_static("close") });
        }
        if self.is_retryable() {
            headers.insert(L5D_RETRYABLE, const { HeaderValue::from_static("true") });
        }
        response
    }

    /// What failed, on which name, where it stopped, and what explains it. The first line is the reference's.
    fn text(&self, about: Option<&About<'_>>) -> String {
        let mut text = self.to_string();
        let Some(about) = about.filter(|_| self.blame() != Blame::Client) else {
            return text;
        };
        // Writing to a string cannot fail.
        let _ = self.tell_more(&mut text, about);
        text
    }

    fn tell_more(&self, text: &mut String, about: &About<'_>) -> std::fmt::Result {
        match self {
            Self::NotBoundInTime { .. } => write!(text, ": {}", about.route.path)?,
            _ => write!(text, "\n\nservice name: {}", about.route.path)?,
        }
        match self {
            Self::Unbound(_) | Self::NoEndpoints(_) | Self::BindingFailed(_) => {
                write!(text, "\ndtab:\n{}", about.dtab)?;
                write!(
                    text,
                    "base dtab:\n{}override dtab:\n{}",
                    Lines(about.base),
                    Lines(&about.route.local)
                )?;
            }
            Self::NotConnected {
                id,
                address,
                cause,
                addresses,
            } => {
                writeln!(
                    text,
                    "\nclient name: {id}\naddresses: {addresses:?}\nselected address: {address}\ncause: {cause}"
                )?;
            }
            Self::NoAddressesYet { id, .. }
            | Self::Broken { id, .. }
            | Self::Switched { id, .. }
            | Self::Encoded { id, .. } => writeln!(text, "\nclient name: {id}")?,
            _ => text.push('\n'),
        }
        match self {
            Self::Unbound(Nothing::Neg) => {
                writeln!(text, "stopped: no rule and no namer knows this name")?
            }
            Self::Unbound(Nothing::Fail) => {
                writeln!(text, "stopped: a rule refuses this name (!)")?
            }
            Self::Unbound(Nothing::Empty) => writeln!(
                text,
                "stopped: a rule binds this name, or this share of it, to nothing ($)"
            )?,
            Self::NoEndpoints(id) => writeln!(text, "stopped: {id} has no endpoint")?,
            Self::NotBoundInTime { reason, .. } => writeln!(text, "stopped: {reason}")?,
            _ => {}
        }
        write!(text, "explain: {}", about.command)
    }
}

/// How much of a header an error may take.
const MAX_ERR_BYTES: usize = 8 * 1024;

/// What an error is about.
#[derive(Debug)]
pub(crate) struct About<'a> {
    pub(crate) route: &'a Route,
    /// The router's own rules.
    pub(crate) base: &'a Dtab,
    /// Where the other rules are.
    pub(crate) dtab: &'a str,
    /// The command that shows how the name is delegated.
    pub(crate) command: &'a str,
}

/// A dtab as an indented list.
struct Lines<'a>(&'a Dtab);

impl std::fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for dentry in self.0.dentries() {
            writeln!(f, "  {} => {}", dentry.prefix, dentry.dst)?;
        }
        Ok(())
    }
}

/// As the reference shows durations.
fn shown_duration(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}.seconds", duration.as_secs()),
        _ => format!("{}.milliseconds", duration.as_millis()),
    }
}

/// An error of hyper says only its own level.
fn with_causes(error: &hyper::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
