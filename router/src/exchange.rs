//! The life of a request: identify, route, pick a branch, balance, forward, settle.

#[doc(hidden)]
pub mod bench;
mod clock;
mod compress;
mod deadline;
mod diagnosis;
mod downstream;
mod edge;
mod explain;
mod hold;
mod retries;
mod sign;
mod tries;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dtab::{Dtab, Path};
use http::{Method, StatusCode};
use http1::{Known, RequestHead, ResponseHead};
use namer::Interpreter;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use transport::Peer;

pub(crate) use clock::Clock;
pub(crate) use compress::Compression;
pub(crate) use deadline::Deadline;
pub(crate) use downstream::{After, Downstream};
pub(crate) use edge::{Edge, Forwarded, Origin, admit, answer_here};
pub(crate) use explain::Explain;
pub(crate) use hold::Holding;
pub(crate) use retries::Retries;
pub(crate) use sign::{sign_class, sign_request, sign_response, sign_try};

use crate::client::Clients;
use crate::error::{About, RouteError};
use crate::forward::{Begun, Message, Unanswered, respond};
use crate::headers::{self, Answer, Overrides, Request};
use crate::identify::{Identifiers, Key};
use crate::route::{Overridden, Route, Routes};
use crate::service::Policies;
use crate::stats::RouterStats;
use diagnosis::is_asked_for;
use tries::Call;

/// One router of the configuration: what its servers ask.
pub(crate) struct Router {
    pub(crate) label: String,
    pub(crate) identifiers: Identifiers,
    /// The router's own rules.
    pub(crate) base: Dtab,
    pub(crate) interpreter: Arc<dyn Interpreter>,
    /// What is done for names when their requests fail.
    pub(crate) service: Policies,
    /// Where bindings and whatever they need run: never on a worker.
    pub(crate) control: Handle,
    pub(crate) binding_timeout: Duration,
    pub(crate) routes: Arc<Routes>,
    pub(crate) overridden: Arc<Overridden>,
    pub(crate) clients: Arc<Clients>,
    /// How long what nobody asks for is kept.
    pub(crate) idle_ttl: Duration,
    pub(crate) stats: Arc<RouterStats>,
    pub(crate) clock: Clock,
    pub(crate) explain: Explain,
}

impl Router {
    /// Answers a request, one way or the other, and says what its client's connection is good for then.
    pub(crate) async fn answer(
        &self,
        origin: Origin<'_>,
        downstream: &mut Downstream<'_>,
        message: &mut Message,
    ) -> After {
        let asked = Instant::now();
        let stats = &origin.edge.stats;
        let begun = stats.exchanges.begin(asked);
        match self.exchange(origin, asked, downstream, message).await {
            Ok(answered) => {
                let is_success = !answered.begun.class.is_failure();
                sign_response(downstream.response);
                sign_class(&mut downstream.response.fields, is_success);
                if let Some(protocol) = answered.protocol() {
                    downstream
                        .response
                        .fields
                        .set(Known::Connection, b"upgrade");
                    downstream.response.fields.set(Known::Upgrade, protocol);
                }
                let status = downstream.response.status;
                stats.statuses.count(status);
                begun.end(is_success, answered.begun.now);
                let fields = &mut downstream.response.fields;
                if origin.edge.clear_context && headers::clear_context(fields) {
                    // What a router beyond the edge says of its names is not for strangers.
                    fields.remove(Known::ContentLength);
                    message.lease = None;
                    message.leave(downstream);
                    return downstream.reply("").await;
                }
                let compression = origin.edge.compression;
                let compressor = compression.and_then(|compression| {
                    compression.begin(downstream.request, downstream.response)
                });
                respond(downstream, message, answered.begun, compressor).await
            }
            Err(Refused::Gone) => After::Close,
            Err(Refused::Here(text)) => {
                stats.statuses.count(downstream.response.status);
                begun.end(true, Instant::now());
                downstream.reply(&text).await
            }
            Err(Refused::With { error, route }) => {
                begun.fail(error.label(), Instant::now());
                Box::pin(self.refuse(origin, downstream, &error, route.as_deref())).await
            }
        }
    }

    /// Answers what is no request.
    pub(crate) async fn turn_away(
        &self,
        origin: Origin<'_>,
        downstream: &mut Downstream<'_>,
        error: RouteError,
    ) -> After {
        let now = Instant::now();
        let begun = origin.edge.stats.exchanges.begin(now);
        begun.fail(error.label(), now);
        self.refuse(origin, downstream, &error, None).await
    }

    /// The stages, each with what the one before it returned.
    async fn exchange(
        &self,
        origin: Origin<'_>,
        asked: Instant,
        downstream: &mut Downstream<'_>,
        message: &mut Message,
    ) -> Result<Answered, Refused> {
        let here = answer_here(downstream.request, downstream.response)?;
        // What is answered here, of a request that asks for its diagnosis.
        let diagnosed = match (is_asked_for(downstream.request, origin.edge), here) {
            (true, here) => Some(here),
            (false, Some(text)) => return Err(Refused::Here(text)),
            (false, None) => None,
        };
        let overrides = admit(downstream.request, origin)?;
        let route = self.identify(downstream.request, overrides, origin.peer, asked)?;
        let holding = origin.edge.holding;
        let asked = match holding.and_then(|holding| holding.of(downstream.request.length())) {
            None => asked,
            Some(bounds) => {
                Box::pin(hold::hold(downstream, bounds)).await?;
                Instant::now()
            }
        };
        let fields = &downstream.request.fields;
        let total = route.service.total_timeout;
        let caller = headers::time_left(fields, SystemTime::now);
        let deadline = Deadline::strictest(asked, total, origin.edge.timeout, caller);
        let call = Call {
            router: self,
            route: &route,
            origin,
            asked,
            deadline,
            diagnosed,
        };
        let mut counted = None;
        let answered = match deadline {
            None => call.answer(downstream, message, &mut counted).await,
            // Nothing is begun that nobody waits for.
            Some(deadline) if deadline.at <= asked => Err(deadline.error().into()),
            Some(deadline) => {
                let trying = Box::pin(call.answer(downstream, message, &mut counted));
                let answered = timeout_at(deadline.at, trying).await;
                answered.unwrap_or_else(|_| Err(deadline.error().into()))
            }
        };
        let service = counted.unwrap_or_else(|| route.stats().exchanges.begin(asked));
        match answered {
            Ok(begun) => {
                if begun.rest.is_none() {
                    message.leave(downstream);
                }
                service.end(!begun.class.is_failure(), begun.now);
                Ok(Answered::new(begun, downstream.response))
            }
            Err(Unanswered::Refused(error)) => {
                // An answer that came too late is no answer.
                message.lease = None;
                message.leave(downstream);
                service.fail(error.label(), Instant::now());
                drop(call);
                Err(Refused::With {
                    error,
                    route: Some(route),
                })
            }
            Err(Unanswered::Gone) => Err(Refused::Gone),
        }
    }

    /// The route of a request. Only a name that is not in the table makes a path and a binding.
    pub(crate) fn identify(
        &self,
        request: &mut impl Request,
        overrides: Option<Overrides>,
        peer: Peer,
        asked: Instant,
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
                        .get_or_add(key, || self.bind(key, path, Dtab::empty()))
                }
            },
            Some(overrides) => {
                let path = name()?;
                let bind = |overrides: &Overrides| {
                    let local = overrides.parse().map_err(RouteError::BadOverride)?;
                    Ok(self.bind(key, path, local))
                };
                self.overridden.get_or_add(key, overrides, bind)?
            }
        };
        route.touch(self.clock.tick_at(asked));
        if let Some(path) = identified.path {
            request.set_path(&path);
        }
        Ok(route)
    }

    /// A route that follows its binding on the control runtime.
    fn bind(&self, key: &Key<'_>, path: Path, local: Dtab) -> Arc<Route> {
        let _control = self.control.enter();
        let rules = if local.is_empty() {
            self.base.clone()
        } else {
            self.base.concat(&local)
        };
        let binding = self.interpreter.bind(&path, &rules);
        let service = self.service.of(&path);
        let route = Route::new(
            (key, path),
            local,
            binding,
            service,
            (&self.clients, &self.stats.services),
        );
        route.touch(self.clock.tick());
        route
    }

    /// Answers a request that no endpoint answered.
    async fn refuse(
        &self,
        origin: Origin<'_>,
        downstream: &mut Downstream<'_>,
        error: &RouteError,
        route: Option<&Route>,
    ) -> After {
        let mut text = self.tell(error, route, origin.edge.max_err_bytes, downstream.response);
        // Whoever is refused a tunnel may have begun to use it already.
        if error.closes() || downstream.request.method == Method::CONNECT {
            downstream.forbid_more();
        }
        if origin.edge.clear_context && headers::clear_context(&mut downstream.response.fields) {
            text.clear();
        }
        origin.edge.stats.statuses.count(downstream.response.status);
        downstream.reply(&text).await
    }

    /// Makes this head the answer to a request that no endpoint answered, and returns its body. `limit` bounds `l5d-err`, in bytes.
    pub(crate) fn tell(
        &self,
        error: &RouteError,
        route: Option<&Route>,
        limit: usize,
        head: &mut impl Answer,
    ) -> String {
        tracing::debug!(
            router = %self.label,
            blame = ?error.blame(),
            %error,
            cause = error.cause().map(tracing::field::display),
            "request refused"
        );
        let text = match route {
            None => error.answer(None, limit, head),
            Some(route) => {
                let about = About {
                    route,
                    base: &self.base,
                    dtab: &self.explain.dtab(),
                    command: &self.explain.command(&self.label, &self.base, route),
                };
                error.answer(Some(&about), limit, head)
            }
        };
        headers::add_date(head.fields_mut());
        text
    }

    /// For how long the source of the most outdated binding has been in trouble; zero while all are fresh.
    pub(crate) fn binding_age(&self) -> Duration {
        let states = self.routes.all().into_iter().map(|route| route.state());
        let ages =
            states.filter_map(|state| state.failure().map(|failure| failure.since.elapsed()));
        ages.max().unwrap_or_default()
    }

    /// Binds the names that another router has bound, so that requests for them find them bound here as well. Returns when they are, or at the
    /// deadline.
    pub(crate) async fn learn(&self, other: &Self, deadline: Instant) {
        if Arc::ptr_eq(&self.routes, &other.routes) {
            return;
        }
        let mut learned = Vec::new();
        for known in other.routes.all() {
            let as_key = self
                .identifiers
                .as_key(&other.identifiers, known.texts.key());
            let Some(key) = as_key else {
                continue;
            };
            let Ok(path) = self.identifiers.name(&key) else {
                continue;
            };
            let route = self
                .routes
                .get_or_add(&key, || self.bind(&key, path, Dtab::empty()));
            // It is no younger for being known here.
            route.touch(known.last_used());
            if known.state().value().is_some() {
                learned.push(route);
            }
        }
        for route in learned {
            route.bound_by(deadline).await;
        }
    }

    /// Drops what was idle for too long; called every few seconds.
    pub(crate) fn sweep(&self) {
        let idle_ttl = self.idle_ttl;
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

/// The protocols that the client would change to, as one list.
fn offered(request: &RequestHead) -> Option<Vec<u8>> {
    request.upgrade()?;
    let lines: Vec<_> = request.fields.all(Known::Upgrade).collect();
    Some(lines.join(&b", "[..]))
}

/// An answer, and what its head lost on the way because it was said to this hop only.
struct Answered {
    begun: Begun,
    /// The protocol that both sides change to.
    protocol: Option<Box<[u8]>>,
}

impl Answered {
    fn new(begun: Begun, response: &ResponseHead) -> Self {
        let protocol = match response.status {
            StatusCode::SWITCHING_PROTOCOLS => response.fields.get(Known::Upgrade).map(Box::from),
            _ => None,
        };
        Self { begun, protocol }
    }

    fn protocol(&self) -> Option<&[u8]> {
        self.protocol.as_deref()
    }
}

/// Why there is no answer to pass on.
#[derive(Debug)]
enum Refused {
    /// The router answers, and says something about the route that the request had, if any.
    With {
        error: Box<RouteError>,
        route: Option<Arc<Route>>,
    },
    /// The request was for the router itself, whose answer has this body.
    Here(String),
    /// Nobody waits for one any more.
    Gone,
}

impl From<Unanswered> for Refused {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(error) => Self::With { error, route: None },
            Unanswered::Gone => Self::Gone,
        }
    }
}

impl From<RouteError> for Refused {
    fn from(error: RouteError) -> Self {
        let error = Box::new(error);
        Self::With { error, route: None }
    }
}
