//! The life of a request: identify, route, pick a branch, balance, forward, settle.

mod clock;
mod edge;
mod explain;
mod sign;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtab::{Dtab, Path};
use http::{Request, Response};
use namer::Interpreter;
use tokio::runtime::Handle;
use tokio::time::Instant;

pub(crate) use clock::Clock;
pub(crate) use edge::{Edge, Origin};
pub(crate) use explain::Explain;

use crate::client::{Clients, RequestBody};
use crate::error::{About, RouteError};
use crate::forward::{Begun, ResponseBody, Sending, forward};
use crate::headers::{self, Overrides, Survey};
use crate::identify::Identifiers;
use crate::route::{Overridden, Picked, Route, Routes};
use crate::stats::RouterStats;
use edge::admit;
use sign::{sign_request, sign_response};

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

impl Router {
    /// Answers a request, one way or the other. What was not sent to an endpoint stays in it.
    pub(crate) async fn answer(
        &self,
        origin: Origin<'_>,
        request: &mut Request<RequestBody>,
    ) -> Response<ResponseBody> {
        let asked = Instant::now();
        let stats = &origin.edge.stats;
        let begun = stats.exchanges.begin(asked);
        let (mut response, refused, now) = match self.exchange(origin, asked, request).await {
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
        let overrides = admit(request, survey, origin)?;
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
    sign_request(request, survey, route, picked);
    let (mut response, now) = forward(&picked.client, sending, request).await?;
    sign_response(&mut response);
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
