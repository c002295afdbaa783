//! Where requests come in, and the form that they get there.

use std::net::SocketAddr;

use http::header::{HOST, HeaderMap};
use http::{Method, Request};

use crate::client::RequestBody;
use crate::error::RouteError;
use crate::headers::{self, Overrides, Survey};
use crate::identify::origin_form;
use crate::stats::ServerStats;

/// How a server treats what it accepts.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) stats: ServerStats,
    pub(crate) max_call_depth: usize,
    pub(crate) clear_context: bool,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) edge: &'a Edge,
    pub(crate) peer: SocketAddr,
    /// Whose connection it is, and so whose pools it uses.
    pub(crate) worker: usize,
    /// Whether the head had a `Content-Length` line. hyper hides it beside a `Transfer-Encoding`.
    pub(crate) states_length: bool,
}

/// Brings a request into the form that routers understand, and takes its own rules out.
pub(super) fn admit(
    request: &mut Request<RequestBody>,
    survey: Survey,
    Origin {
        edge,
        states_length,
        ..
    }: Origin<'_>,
) -> Result<Option<Overrides>, RouteError> {
    refuse_ambiguous(request.headers(), survey, states_length)?;
    let target = request.uri();
    if request.method() == Method::CONNECT {
        return Err(RouteError::NoTunnels(target.to_string()));
    }
    if target.scheme().is_none() && target.authority().is_some() {
        return Err(RouteError::BadTarget(target.to_string()));
    }
    if survey.via && headers::call_depth(request.headers()) > edge.max_call_depth {
        return Err(RouteError::TooManyCalls(edge.max_call_depth));
    }
    origin_form(request);
    if !survey.context {
        return Ok(None);
    }
    let headers = request.headers_mut();
    if edge.clear_context {
        headers::clear_context(headers);
        return Ok(None);
    }
    headers::merge_deadlines(headers);
    let overrides = Overrides::take(headers);
    match &overrides {
        Some(overrides) if overrides.len() > MAX_OVERRIDE_BYTES => Err(RouteError::BadOverride(
            format!("a dtab in headers is longer than {MAX_OVERRIDE_BYTES} bytes"),
        )),
        _ => Ok(overrides),
    }
}

/// Refuses what another parser could read as another request. Source: RFC 9112 §3.2, §6.1 and §6.3.
fn refuse_ambiguous(
    lines: &HeaderMap,
    survey: Survey,
    states_length: bool,
) -> Result<(), RouteError> {
    if survey.repeated && lines.get_all(HOST).iter().nth(1).is_some() {
        return Err(RouteError::Ambiguous("it has several Host lines"));
    }
    if !survey.encoded {
        return Ok(());
    }
    if states_length {
        let both = "it has a Content-Length and a Transfer-Encoding";
        return Err(RouteError::Ambiguous(both));
    }
    if !headers::is_plainly_encoded(lines) {
        let other = "its Transfer-Encoding is another than chunked";
        return Err(RouteError::Ambiguous(other));
    }
    Ok(())
}

/// How long the rules of one request may be; they are kept as long as their route.
const MAX_OVERRIDE_BYTES: usize = 32 * 1024;
