//! The life of a request: identify, route, pick a branch, balance, forward, settle.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtab::{Dtab, Path};
use http::header::{EXPECT, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use namer::Interpreter;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::client::{Clients, RequestBody};
use crate::error::{About, RouteError};
use crate::forward::{Begun, ResponseBody, Sending, forward};
use crate::headers::{self, Overrides, Survey, Trace};
use crate::identify::{Identifiers, origin_form};
use crate::route::{Overridden, Picked, Route, Routes};
use crate::stats::{RouterStats, ServerStats};

/// One router of the configuration: what its servers ask.
pub(crate) struct Router {
    pub(crate) label: String,
    pub(crate) identifiers: Identifiers,
    /// The router's own rules.
    pub(crate) base: Dtab,
    pub(crate) interpreter: Arc<dyn Interpreter>,
    /// Where bindings and whatever they need run: never on a worker.
    pub(crate) control: Handle,
    pub(crate) binding_timeout: Duration,
    pub(crate) routes: Routes,
    pub(crate) overridden: Overridden,
    pub(crate) clients: Arc<Clients>,
    pub(crate) stats: Arc<RouterStats>,
    pub(crate) clock: Clock,
    pub(crate) explain: Explain,
}

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

impl Router {
    /// Answers a request, one way or the other.
    pub(crate) async fn answer(
        &self,
        origin: Origin<'_>,
        request: Request<Incoming>,
    ) -> Response<ResponseBody> {
        let asked = Instant::now();
        let stats = &origin.edge.stats;
        let begun = stats.exchanges.begin(asked);
        let mut request = request.map(RequestBody::new);
        let (mut response, refused, now) = match self.exchange(origin, asked, &mut request).await {
            Ok((response, now)) => (response, None, now),
            Err(refused) => (
                self.refuse(&refused),
                Some(refused.error.label()),
                Instant::now(),
            ),
        };
        if origin.edge.clear_context && headers::clear_context(response.headers_mut()) {
            *response.body_mut() = ResponseBody::empty();
        }
        stats.statuses.count(response.status());
        match refused {
            None => begun.end(!response.status().is_server_error(), now),
            Some(label) => begun.fail(label, now),
        }
        response
    }

    /// The stages, each with what the one before it returned.
    async fn exchange(
        &self,
        origin: Origin<'_>,
        asked: Instant,
        request: &mut Request<RequestBody>,
    ) -> Result<Begun, Refused> {
        let survey = Survey::of(request.headers());
        let overrides = admit(request, survey, origin.edge)?;
        let route = self.identify(request, overrides, origin.peer)?;
        let timeout = self.binding_timeout;
        let picked = route.pick(asked, timeout, &mut fastrand::f64).await;
        // Only now: what a name got is counted under it once it is bound.
        let service = route.stats().exchanges.begin(asked);
        let answered = match picked {
            Ok(picked) => {
                let sending = Sending {
                    worker: origin.worker,
                    asked,
                    deadline: asked + timeout,
                };
                send(&route, &picked, sending, (request, survey)).await
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok((response, now)) => {
                service.end(!response.status().is_server_error(), now);
                Ok((response, now))
            }
            Err(error) => {
                service.fail(error.label(), Instant::now());
                Err(Refused {
                    error,
                    route: Some(route),
                })
            }
        }
    }

    /// The route of a request. Only a name that is not in the table makes a path and a binding.
    fn identify(
        &self,
        request: &mut Request<RequestBody>,
        overrides: Option<Overrides>,
        peer: SocketAddr,
    ) -> Result<Arc<Route>, RouteError> {
        let unidentified = |reason| RouteError::unidentified(request, peer, reason);
        let identified = self.identifiers.identify(request).map_err(unidentified)?;
        let key = &identified.key;
        let name = || self.identifiers.name(key).map_err(unidentified);
        let route = match overrides {
            None => match self.routes.get(key) {
                Some(route) => route,
                None => {
                    let path = name()?;
                    self.routes
                        .get_or_add(key, || self.bind(path, Dtab::empty()))
                }
            },
            Some(overrides) => {
                let path = name()?;
                let bind = |overrides: &Overrides| {
                    Ok(self.bind(path, overrides.parse().map_err(RouteError::BadOverride)?))
                };
                self.overridden.get_or_add(key, overrides, bind)?
            }
        };
        route.touch(self.clock.tick());
        if let Some(target) = identified.target {
            *request.uri_mut() = target;
        }
        Ok(route)
    }

    /// A route that follows its binding on the control runtime.
    fn bind(&self, path: Path, local: Dtab) -> Route {
        let _control = self.control.enter();
        let rules = if local.is_empty() {
            self.base.clone()
        } else {
            self.base.concat(&local)
        };
        let binding = self.interpreter.bind(&path, &rules);
        let route = Route::new(
            path,
            local,
            binding,
            Arc::clone(&self.clients),
            &self.stats.services,
        );
        route.touch(self.clock.tick());
        route
    }

    /// The answer to a request that no endpoint answered.
    fn refuse(&self, Refused { error, route }: &Refused) -> Response<ResponseBody> {
        tracing::debug!(router = %self.label, blame = ?error.blame(), %error, "request refused");
        let Some(route) = route else {
            return error.response(None);
        };
        error.response(Some(&About {
            route,
            base: &self.base,
            dtab: &self.explain.dtab(),
            command: &self.explain.command(&self.label, &self.base, route),
        }))
    }

    /// For how long the source of the most outdated binding has been in trouble; zero while all are fresh.
    pub(crate) fn binding_age(&self) -> Duration {
        let states = self.routes.all().into_iter().map(|route| route.state());
        let ages =
            states.filter_map(|state| state.failure().map(|failure| failure.since.elapsed()));
        ages.max().unwrap_or_default()
    }

    /// Drops what was idle for too long; called every few seconds.
    pub(crate) fn sweep(&self, idle_ttl: Duration) {
        self.routes.expire(self.clock.before(idle_ttl));
        self.overridden
            .expire(self.clock.before(idle_ttl.min(OVERRIDDEN_TTL)));
        self.clients.sweep(Instant::now());
    }
}

/// How long a route with rules of its own may be idle.
const OVERRIDDEN_TTL: Duration = Duration::from_secs(60);

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("label", &self.label)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

/// Has an endpoint of the client answer, and signs on both ways.
async fn send(
    route: &Route,
    picked: &Picked,
    sending: Sending,
    (request, survey): (&mut Request<RequestBody>, Survey),
) -> Result<Begun, RouteError> {
    let version = request.version();
    sign_request(request, survey, route, picked);
    let (mut response, now) = forward(&picked.client, sending, request).await?;
    sign_response(&mut response, version);
    Ok((response, now))
}

/// A request that no endpoint answered, and the route that it had, if any.
#[derive(Debug)]
struct Refused {
    error: RouteError,
    route: Option<Arc<Route>>,
}

impl From<RouteError> for Refused {
    fn from(error: RouteError) -> Self {
        Self { error, route: None }
    }
}

/// Brings a request into the form that routers understand, and takes its own rules out.
fn admit(
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

/// What an endpoint is told beyond what the client said.
fn sign_request(
    request: &mut Request<RequestBody>,
    survey: Survey,
    route: &Route,
    picked: &Picked,
) {
    let version = request.version();
    let is_chunked = request.body().size_hint().exact().is_none();
    let headers = request.headers_mut();
    headers::strip_hop_by_hop(headers, survey);
    if survey.expect {
        // The client was told to continue by us.
        headers.remove(EXPECT);
    }
    headers::append_via(headers, version, survey.via);
    Trace::of_request(headers, survey, || fastrand::u64(..), fastrand::f64).write(headers);
    headers.insert(headers::L5D_DST_SERVICE, route.shown.clone());
    headers.insert(headers::L5D_DST_CLIENT, picked.client.shown.clone());
    match &picked.residual {
        Some(residual) => _ = headers.insert(headers::L5D_DST_RESIDUAL, residual.clone()),
        None if survey.context => _ = headers.remove(headers::L5D_DST_RESIDUAL),
        None => {}
    }
    if let Some(rules) = &route.handed_on {
        headers::hand_on(headers, rules.clone());
    }
    if !survey.host && !headers.contains_key(HOST) {
        headers.insert(HOST, const { HeaderValue::from_static("") });
    }
    if is_chunked {
        // Not left to hyper, which takes a GET for one without a body.
        let chunked = const { HeaderValue::from_static("chunked") };
        headers.insert(TRANSFER_ENCODING, chunked);
    }
    // A proxy speaks its own version, whatever its client's is (RFC 9110 §2.5).
    *request.version_mut() = Version::HTTP_11;
}

/// What the client is told beyond what the endpoint said.
fn sign_response(response: &mut Response<ResponseBody>, version: Version) {
    let class = if response.status().is_server_error() {
        "0.0"
    } else {
        "1.0"
    };
    let headers: &mut HeaderMap = response.headers_mut();
    let survey = Survey::of(headers);
    if survey.encoded {
        headers.remove(http::header::CONTENT_LENGTH);
    }
    headers::strip_hop_by_hop(headers, survey);
    headers::append_via(headers, version, survey.via);
    headers.insert(headers::L5D_SUCCESS_CLASS, HeaderValue::from_static(class));
}

/// Coarse time, for what may be off by a little.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Counts sixteenths of a second, about.
    pub(crate) fn tick(&self) -> u32 {
        ticks(self.started.elapsed())
    }

    /// The tick that was this long ago.
    pub(crate) fn before(&self, time: Duration) -> u32 {
        self.tick().saturating_sub(ticks(time))
    }
}

fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() >> 6).unwrap_or(u32::MAX)
}

/// Who can explain how a name is delegated.
#[derive(Clone, Debug)]
pub(crate) enum Explain {
    /// The namerd that binds this namespace.
    Namerd { namespace: String },
    /// The admin server of this process, at this address.
    Admin { address: SocketAddr },
}

impl Explain {
    fn command(&self, label: &str, base: &Dtab, route: &Route) -> String {
        let (path, local) = (&route.path, &route.local);
        let rules = base.concat(local);
        match self {
            Self::Namerd { namespace } if rules.is_empty() => {
                format!("namerctl delegate {namespace} '{path}'")
            }
            Self::Namerd { namespace } => {
                format!("namerctl delegate {namespace} '{path}' --dtab '{rules}'")
            }
            Self::Admin { address } => {
                format!(
                    "curl -G http://{address}/delegator.json -d namespace={label} --data-urlencode 'path={path}' --data-urlencode 'dtab={rules}'"
                )
            }
        }
    }

    /// Where rules beyond the router's own are.
    fn dtab(&self) -> String {
        match self {
            Self::Namerd { namespace } => format!("  (namespace {namespace} of namerd)\n"),
            Self::Admin { .. } => String::new(),
        }
    }
}
