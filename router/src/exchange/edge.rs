//! Where requests come in, and the form that they get there.

mod forwarded;
mod last_hop;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http1::{Form, Known, Limits, RequestHead};
use transport::Peer;

use super::{Compression, Holding};
use crate::error::RouteError;
use crate::headers::{self, Overrides};
use crate::server::{Patience, Places, Secure};
use crate::stats::ServerStats;

pub(crate) use forwarded::Forwarded;
pub(super) use last_hop::answer_here;

/// How a server treats what it accepts.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) stats: Arc<ServerStats>,
    /// TLS, if the server has any.
    pub(crate) secure: Option<Arc<Secure>>,
    pub(crate) max_call_depth: usize,
    pub(crate) clear_context: bool,
    /// How `Forwarded` names both sides; none is added by default.
    pub(crate) forwarded: Option<Forwarded>,
    /// The name of the header that says when a request came in; none is added by default.
    pub(crate) timestamp: Option<String>,
    /// How long `l5d-err` may be, in bytes.
    pub(crate) max_err_bytes: usize,
    /// How long heads may be.
    pub(crate) limits: Limits,
    /// How answers are compressed, if they are.
    pub(crate) compression: Option<Compression>,
    /// Which bodies are read whole before anybody is told of them, if any are.
    pub(crate) holding: Option<Holding>,
    /// How long clients may take.
    pub(crate) patience: Patience,
    /// How many connections there may be, if that is bounded.
    pub(crate) max_connections: Option<usize>,
    /// How many requests are taken on at once.
    pub(crate) places: Places,
    /// How long a request may take until its answer begins.
    pub(crate) timeout: Option<Duration>,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) edge: &'a Edge,
    pub(crate) peer: Peer,
    /// A random number, the same for all requests of a connection.
    pub(crate) connection: u64,
    /// Whose connection it is, and so whose pools it uses.
    pub(crate) worker: usize,
}

/// Brings a request into the form that routers understand, takes its own rules out, and notes whence and when it came.
///
/// What a client sends to its `http_proxy` (`http://user@host:80/x?y`) becomes what the host itself is asked for. The target
/// names the host, whatever `Host` says; so does that of a CONNECT. Source: linkerd `ProxyRewriteFilter`, RFC 9112 §3.2.2.
pub(super) fn admit(
    head: &mut RequestHead,
    origin: Origin<'_>,
) -> Result<Option<Overrides>, RouteError> {
    let edge = origin.edge;
    if headers::call_depth(&head.fields) > edge.max_call_depth {
        return Err(RouteError::TooManyCalls(edge.max_call_depth));
    }
    let scheme = edge
        .forwarded
        .as_ref()
        .and_then(|_| forwarded::scheme(head));
    name_the_host(head);
    let overrides = match head.fields.has_any(headers::CONTEXT) {
        true => take_context(head, edge)?,
        false => None,
    };
    if edge.forwarded.is_some() || edge.timestamp.is_some() {
        mark(head, origin, scheme.as_deref());
    }
    Ok(overrides)
}

/// Heeds what is said in the routers' own language, or drops it.
fn take_context(head: &mut RequestHead, edge: &Edge) -> Result<Option<Overrides>, RouteError> {
    let fields = &mut head.fields;
    if edge.clear_context {
        headers::clear_context(fields);
        return Ok(None);
    }
    headers::merge_deadlines(fields);
    let overrides = Overrides::take(fields);
    match &overrides {
        Some(overrides) if overrides.len() > MAX_OVERRIDE_BYTES => Err(RouteError::BadOverride(
            format!("a dtab in headers is longer than {MAX_OVERRIDE_BYTES} bytes"),
        )),
        _ => Ok(overrides),
    }
}

/// Adds what this server was told to add, each as a line of its own behind those that are there.
///
/// Source: linkerd `AddForwardedHeader` and `TimestampHeaderFilter`.
fn mark(head: &mut RequestHead, origin: Origin<'_>, scheme: Option<&[u8]>) {
    // Else the client could have our lines removed, by naming them in its `Connection`.
    headers::remove_nominated(&mut head.fields);
    if let Some(forwarded) = &origin.edge.forwarded {
        let value = forwarded.value(head.fields.get(Known::Host), scheme, origin);
        head.fields.push(Known::Forwarded, &value);
    }
    if let Some(name) = &origin.edge.timestamp {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = now.unwrap_or(Duration::ZERO).as_millis().to_string();
        head.fields.push_named(name.as_bytes(), millis.as_bytes());
    }
}

/// Makes the host that the target names, if it names one, the value of `Host`.
fn name_the_host(head: &mut RequestHead) {
    match head.form() {
        Form::Origin | Form::Asterisk => {}
        Form::Absolute => head.to_origin_form(),
        Form::Authority => {
            if let Some(authority) = head.authority().map(<[u8]>::to_vec) {
                head.fields.set(Known::Host, &authority);
            }
        }
    }
}

/// How long the rules of one request may be; they are kept as long as their route.
const MAX_OVERRIDE_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests;
