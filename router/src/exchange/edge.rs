//! Where requests come in, and the form that they get there.

mod forwarded;
mod last_hop;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::{Http2Server, Protocol};
use http1::{Known, Limits};
use transport::Peer;

use super::{Compression, Holding};
use crate::error::RouteError;
use crate::headers::{self, Control, Lines, Overrides, Request};
use crate::server::{Patience, Phase, Places, Secure};
use crate::stats::ServerStats;

pub(crate) use forwarded::Forwarded;
pub(crate) use last_hop::answer_here;

/// How a server treats what it accepts.
#[derive(Debug)]
pub(crate) struct Edge {
    /// What its clients speak.
    pub(crate) protocol: Protocol,
    /// Whether some of them speak HTTP/2, or all.
    pub(crate) takes_http2: bool,
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
    /// How HTTP/2 is spoken with its clients.
    pub(crate) http2: Http2Server,
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

impl Edge {
    /// What a new client is waited for, where it has to be seen which version of HTTP it speaks.
    pub(crate) fn first_phase(&self) -> Option<Phase> {
        self.takes_http2.then_some(match self.protocol {
            Protocol::Http => Phase::Idle,
            Protocol::H2 => Phase::Head,
        })
    }

    /// How long the fields of a request over HTTP/2 may be, as RFC 9113 §6.5.2 counts them.
    pub(crate) fn max_header_list(&self) -> u32 {
        let fields = u32::try_from(self.limits.fields).unwrap_or(u32::MAX);
        self.http2.flow.max_header_list_bytes.unwrap_or(fields)
    }
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
pub(crate) fn admit(
    head: &mut impl Request,
    origin: Origin<'_>,
) -> Result<Option<Overrides>, RouteError> {
    let edge = origin.edge;
    if headers::call_depth(head.fields()) > edge.max_call_depth {
        return Err(RouteError::TooManyCalls(edge.max_call_depth));
    }
    // Before the target loses it.
    let scheme = edge.forwarded.as_ref().and_then(|_| {
        let scheme = head.control(Control::Scheme)?;
        Some(scheme.to_ascii_lowercase())
    });
    head.name_the_host(edge.secure.is_some());
    let overrides = match head.fields().has_any(headers::CONTEXT) {
        true => take_context(head.fields_mut(), edge)?,
        false => None,
    };
    if edge.forwarded.is_some() || edge.timestamp.is_some() {
        mark(head, origin, scheme.as_deref());
    }
    Ok(overrides)
}

/// Heeds what is said in the routers' own language, or drops it.
fn take_context(fields: &mut impl Lines, edge: &Edge) -> Result<Option<Overrides>, RouteError> {
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
fn mark<H: Request>(head: &mut H, origin: Origin<'_>, scheme: Option<&[u8]>) {
    // Else the client could have our lines removed, by naming them in its `Connection`.
    head.fields_mut().remove_nominated();
    if let Some(forwarded) = &origin.edge.forwarded {
        let host = (H::FORWARDED_HOST, head.control(Control::Authority));
        let value = forwarded.value(host, scheme, origin);
        head.fields_mut().push(Known::Forwarded, &value);
    }
    if let Some(name) = &origin.edge.timestamp {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = now.unwrap_or(Duration::ZERO).as_millis().to_string();
        let fields = head.fields_mut();
        fields.push_named(name.as_bytes(), millis.as_bytes());
    }
}

/// How long the rules of one request may be; they are kept as long as their route.
const MAX_OVERRIDE_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests;
