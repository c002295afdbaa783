//! Why a request was answered by the router itself, and what it was told.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtab::Dtab;
use http::StatusCode;
use http1::Known;
use namer::BoundId;
use transport::Peer;

use crate::client::{ConnectError, Interrupted};
use crate::headers::{Answer, Lines as _, Request, form_encoded};
use crate::http2::MOST_BODY;
use crate::identify::Unidentified;
use crate::route::{Nothing, Route};

/// A request that no endpoint answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteError {
    /// A head that is none, that is too long, or that another parser could read as another one.
    #[error("the request cannot be read: {0}")]
    Malformed(http1::Refusal),
    /// A body that is none, or that ended early.
    #[error("the body of the request broke off: {0}")]
    BadBody(http1::BadBody),
    /// A body that has to be held is longer than what is held.
    #[error(
        "the body of the request is longer than {0} bytes, the most that this router reads whole before it asks anybody"
    )]
    BodyTooLong(usize),
    /// The client stopped sending it.
    #[error("the request did not come in time")]
    TooSlow,
    /// No identifier found a name, or what it found is none.
    #[error("Unknown destination: {request} / {reason}")]
    Unidentified { request: String, reason: String },
    /// The rules that the request brought along.
    #[error("{0}")]
    BadOverride(String),
    /// The request went round and round.
    #[error("Maximum number of calls ({0}) has been exceeded. Please check for proxy loops.")]
    TooManyCalls(usize),
    /// Nobody can say how far the request may go.
    #[error("Invalid value for Max-Forwards header")]
    BadMaxForwards,
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
    /// The connection broke, or fell silent, after something of the request was sent.
    #[error("{address} did not answer: {cause}")]
    Broken {
        id: BoundId,
        address: SocketAddr,
        cause: Interrupted,
    },
    /// An answer that has to be held is longer than what is held.
    #[error(
        "{address} answered with more than {most} bytes, the most that this router reads whole before it passes anything on"
    )]
    AnswerTooLong {
        id: BoundId,
        address: SocketAddr,
        most: usize,
    },
    /// An answer cannot be held now.
    #[error("the answer of {address} has no room: {}", Full::Bytes)]
    AnswerNotHeld { id: BoundId, address: SocketAddr },
    /// As much is in flight as may be.
    #[error("{0}; try again later")]
    Overloaded(Full),
    /// It took longer than it may.
    #[error("exceeded {} {limit}", shown_duration(*.after))]
    TookTooLong { after: Duration, limit: Limit },
    /// A CONNECT on a stream.
    #[error("tunnels are for connections of HTTP/1.1: this one has CONNECT for one of its streams")]
    NoTunnels,
    /// HTTP/1.1 where nothing but HTTP/2 is spoken.
    #[error(
        "this server takes HTTP/2 only: begin with it (prior knowledge), or, without TLS, ask for `Upgrade: h2c` with a body of at most {MOST_BODY} bytes and a `Content-Length`"
    )]
    TakesHttp2Only,
    /// A tunnel to endpoints that HTTP/2 is spoken to.
    #[error(
        "the endpoints of {0} are spoken to over HTTP/2, where no connection becomes a tunnel: CONNECT and Upgrade need a client without `h2: true`"
    )]
    NoTunnelThere(BoundId),
    /// A target that cannot be said over HTTP/2.
    #[error("the target of the request is none for HTTP/2, which the endpoints of {0} speak")]
    NotForHttp2(BoundId),
    /// The endpoint switched protocols though nobody asked.
    #[error("{address} switched to another protocol, which was not asked for")]
    Switched { id: BoundId, address: SocketAddr },
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("this router has as many requests in flight as it may have")]
    Process,
    #[error("this router holds as many bytes as it may hold")]
    Bytes,
    #[error("this server has as many requests in flight as it may have")]
    Server,
    #[error("this router has as many sockets open as it may have")]
    Descriptors,
    #[error("half of all requests that this router may have in flight are for the same client")]
    Client,
}

/// What a request took too long for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Limit {
    #[error("while waiting for a response for the request, including retries (totalTimeoutMs)")]
    Total,
    #[error("that a request of this server may take (timeoutMs)")]
    Server,
    #[error("that the caller gave the request (l5d-ctx-deadline)")]
    Caller,
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
    pub(crate) fn unidentified(head: &impl Request, peer: Peer, reason: Unidentified) -> Self {
        let target = String::from_utf8_lossy(head.target());
        Self::Unidentified {
            request: format!("Request(\"{} {target}\", from /{peer})", head.method()),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(refusal) => refusal.status(),
            Self::BadBody(_)
            | Self::Unidentified { .. }
            | Self::BadOverride(_)
            | Self::TooManyCalls(_)
            | Self::BadMaxForwards
            | Self::NotForHttp2(_) => StatusCode::BAD_REQUEST,
            Self::TakesHttp2Only => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::BodyTooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotBoundInTime { .. } | Self::NoAddressesYet { .. } | Self::Overloaded(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NotConnected {
                cause: ConnectError::NoRoom(_),
                ..
            } => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotConnected { cause, .. } if cause.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            Self::Broken {
                cause: Interrupted::TimedOut(_),
                ..
            }
            | Self::TookTooLong { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::NoTunnels => StatusCode::NOT_IMPLEMENTED,
            Self::Unbound(_)
            | Self::BindingFailed(_)
            | Self::NoEndpoints(_)
            | Self::NotConnected { .. }
            | Self::Broken { .. }
            | Self::AnswerTooLong { .. }
            | Self::AnswerNotHeld { .. }
            | Self::NoTunnelThere(_)
            | Self::Switched { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Malformed(_)
            | Self::BadBody(_)
            | Self::BodyTooLong(_)
            | Self::TooSlow
            | Self::Unidentified { .. }
            | Self::BadOverride(_)
            | Self::TooManyCalls(_)
            | Self::BadMaxForwards
            | Self::NoTunnels
            | Self::TakesHttp2Only
            | Self::NoTunnelThere(_)
            | Self::NotForHttp2(_) => Blame::Client,
            Self::NotBoundInTime { .. }
            | Self::NoAddressesYet { .. }
            | Self::AnswerNotHeld { .. }
            | Self::Overloaded(_) => Blame::Us,
            Self::Unbound(_)
            | Self::BindingFailed(_)
            | Self::NoEndpoints(_)
            | Self::NotConnected { .. }
            | Self::Broken { .. }
            | Self::TookTooLong { .. }
            | Self::AnswerTooLong { .. }
            | Self::Switched { .. } => Blame::Upstream,
        }
    }

    /// Whether the client's connection cannot be used on: nobody can say where its next request begins.
    pub(crate) fn closes(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_) | Self::BadBody(_) | Self::TooSlow | Self::TakesHttp2Only
        )
    }

    /// Whether the request was surely not delivered, and might be another time.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::NotBoundInTime { .. }
                | Self::NoAddressesYet { .. }
                | Self::NotConnected { .. }
                | Self::Overloaded(_)
        )
    }

    /// Whether another try may end otherwise, if it does no harm to try. Source: finagle `RetryableWriteException` and its kin.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::NotConnected { .. } | Self::Broken { .. })
    }

    /// The endpoint that failed, if one did.
    pub(crate) fn endpoint(&self) -> Option<SocketAddr> {
        match self {
            Self::NotConnected { address, .. } | Self::Broken { address, .. } => Some(*address),
            _ => None,
        }
    }

    /// What is behind it, where its message does not say so.
    pub(crate) fn cause(&self) -> Option<&dyn fmt::Display> {
        match self {
            Self::NotConnected { cause, .. } => Some(cause),
            Self::NotBoundInTime { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// Its name in the metrics, below `failures/`.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::BadBody(_) => "bad_body",
            Self::BodyTooLong(_) => "body_too_long",
            Self::TooSlow => "request_timeout",
            Self::Unidentified { .. } => "unidentified",
            Self::BadOverride(_) => "bad_override",
            Self::TooManyCalls(_) => "too_many_calls",
            Self::BadMaxForwards => "bad_max_forwards",
            Self::Unbound(_) => "unbound",
            Self::BindingFailed(_) => "binding_failed",
            Self::NotBoundInTime { .. } => "binding_timeout",
            Self::NoAddressesYet { .. } => "no_addresses_yet",
            Self::NoEndpoints(_) => "no_endpoints",
            Self::NotConnected { cause, .. } if cause.is_timeout() => "connect_timeout",
            Self::NotConnected {
                cause: ConnectError::Insecure(_),
                ..
            } => "tls_failed",
            Self::NotConnected {
                cause: ConnectError::NoRoom(_),
                ..
            } => "too_many_waiters",
            Self::NotConnected { .. } => "connect_failed",
            Self::Broken { cause, .. } => match cause {
                Interrupted::Io(_) | Interrupted::Closed | Interrupted::Stream(_) => {
                    "connection_broken"
                }
                Interrupted::NotTrusted(_) => "tls_failed",
                Interrupted::Malformed(_)
                | Interrupted::Body(_)
                | Interrupted::Switched
                | Interrupted::TooMuch => "malformed_answer",
                Interrupted::TimedOut(_) => "attempt_timeout",
            },
            Self::TookTooLong { limit, .. } => match limit {
                Limit::Total => "total_timeout",
                Limit::Server => "server_timeout",
                Limit::Caller => "deadline",
            },
            Self::AnswerTooLong { .. } => "answer_too_long",
            Self::AnswerNotHeld { .. } => "answer_not_held",
            Self::Overloaded(_) => "overloaded",
            Self::NoTunnels | Self::NoTunnelThere(_) => "no_tunnels",
            Self::TakesHttp2Only => "http2_only",
            Self::NotForHttp2(_) => "not_for_http2",
            Self::Switched { .. } => "protocol_switched",
        }
    }

    /// Makes this head the answer's, but for framing and `Connection`, and returns the body. `about` is absent where the request
    /// got no name; `max_err_bytes` bounds `l5d-err`.
    pub(crate) fn answer(
        &self,
        about: Option<&About<'_>>,
        max_err_bytes: usize,
        head: &mut impl Answer,
    ) -> String {
        let text = self.text(about);
        head.reset(self.status());
        let fields = head.fields_mut();
        fields.push_static(Known::ContentType, "text/plain");
        fields.push(Known::L5dErr, form_encoded(&text, max_err_bytes).as_bytes());
        if self.is_retryable() {
            fields.push_static(Known::L5dRetryable, "true");
        }
        let is_full = matches!(
            self,
            Self::Overloaded(_)
                | Self::NotConnected {
                    cause: ConnectError::NoRoom(_),
                    ..
                }
        );
        if is_full {
            fields.push_named(b"retry-after", b"1");
        }
        text
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

    fn tell_more(&self, text: &mut String, about: &About<'_>) -> fmt::Result {
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
                    Rules(about.base),
                    Rules(&about.route.local)
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
            | Self::AnswerTooLong { id, .. }
            | Self::AnswerNotHeld { id, .. }
            | Self::Switched { id, .. } => writeln!(text, "\nclient name: {id}")?,
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
struct Rules<'a>(&'a Dtab);

impl fmt::Display for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

#[cfg(test)]
mod tests;
