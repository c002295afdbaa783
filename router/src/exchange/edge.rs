//! Where requests come in, and the form that they get there.

use std::net::SocketAddr;

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
}

/// Brings a request into the form that routers understand, and takes its own rules out.
pub(super) fn admit(
    request: &mut Request<RequestBody>,
    survey: Survey,
    edge: &Edge,
) -> Result<Option<Overrides>, RouteError> {
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

/// How long the rules of one request may be; they are kept as long as their route.
const MAX_OVERRIDE_BYTES: usize = 32 * 1024;
