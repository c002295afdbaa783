//! A route: a logical name and what it is bound to now.

mod overridden;
mod shares;
mod split;
mod splits;
mod table;
mod texts;

use std::fmt;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use dtab::{Dtab, Leaf, NameTree, Path};
use live::{Live, Publisher};
use namer::{Binding, Bound, BoundTree, Evaluated};
use policy::RetryBudget;
use telemetry::Traffic;
use tokio::time::{Instant, sleep};

pub(crate) use overridden::Overridden;
pub(crate) use shares::{Nothing, Share, shares};
pub(crate) use split::{Picked, Split};
pub(crate) use splits::Splits;
pub(crate) use table::Routes;

use crate::client::{Client, Clients};
use crate::error::RouteError;
use crate::headers::Shown;
use crate::identify::Key;
use crate::service::Service;
use crate::stats::{Counts, Exchanges, ServiceStats, Services};
use texts::Texts;

/// A name in use, kept up to date by a task until it is dropped.
///
/// There may be many thousands, and each request is for another one: what a request touches comes first, so that it lies together.
#[repr(C)]
pub(crate) struct Route {
    /// When it was last asked for, in ticks of the router's clock.
    used: AtomicU32,
    /// What is done when its requests fail.
    pub(crate) service: Arc<Service>,
    bound: Live<Outcome>,
    /// Its numbers, once it is bound.
    stats: OnceLock<ServiceStats>,
    /// The rules that the request brought along, as the next router is told; none for most.
    pub(crate) handed_on: Option<Box<Shown>>,
    /// How it is found and shown.
    pub(crate) texts: Texts,
    /// What of its requests may be tried again.
    pub(crate) budget: RetryBudget,
    pub(crate) path: Path,
    /// The rules that the request brought along; empty for most.
    pub(crate) local: Dtab,
    services: Arc<Services>,
    /// What its requests are counted in once it is bound, unless the name had numbers already.
    traffic: Traffic,
}

/// What requests for a route touch outside of it, to be found without reading the route first.
#[derive(Clone, Debug)]
struct Ahead {
    bound: Live<Outcome>,
    traffic: Traffic,
}

impl Ahead {
    /// Reads what a request for the route will need, all at once. Where there are thousands of names each of these lies in memory that is
    /// far away, and one after the other they would be waited for; what changes a word of them waits for all that was asked for before.
    fn prefetch(&self, route: &Route) {
        black_box(self.bound.prefetch() ^ self.traffic.prefetch() ^ route.budget.prefetch());
    }
}

/// What a name came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// These clients.
    Split(Split),
    /// No client.
    Nothing(Nothing),
    /// It never could be bound, and why.
    Failed(Arc<str>),
}

impl Route {
    /// Follows a binding, through a task of the runtime this is called on.
    pub(crate) fn new(
        (key, path): (&Key<'_>, Path),
        local: Dtab,
        binding: Live<Binding>,
        service: Arc<Service>,
        (clients, services): (&Arc<Clients>, &Arc<Services>),
    ) -> Arc<Self> {
        let (out, bound) = live::channel();
        let traffic = Traffic::default();
        let route = Arc::new(Self {
            used: AtomicU32::new(0),
            budget: service.budget(),
            service,
            bound,
            stats: OnceLock::new(),
            texts: Texts::new(key, &path.to_string()),
            handed_on: (!local.is_empty()).then(|| Box::new(Shown::new(&local.to_string()))),
            path,
            local,
            services: Arc::clone(services),
            traffic,
        });
        let following = Following {
            route: Arc::downgrade(&route),
            clients: Arc::clone(clients),
            watched: Vec::new(),
        };
        live::run("route", &route.bound, follow(binding, following, out));
        route
    }

    /// What its requests touch outside of it.
    fn ahead(&self) -> Ahead {
        Ahead {
            bound: self.bound.clone(),
            traffic: self.traffic.clone(),
        }
    }

    /// Notes the time, so that idle routes are known. Stored only when it differs: other workers read this line too.
    pub(crate) fn touch(&self, tick: u32) {
        if self.used.load(Ordering::Relaxed) != tick {
            self.used.store(tick, Ordering::Relaxed);
        }
    }

    pub(crate) fn last_used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// Draws the client for one request; if the name was never bound yet, waits until it is, at most `timeout`.
    pub(crate) async fn pick(
        &self,
        asked: Instant,
        timeout: Duration,
        draw: &mut impl FnMut() -> f64,
    ) -> Result<Picked, RouteError> {
        let picked = self
            .bound
            .with(|state| state.value().map(|outcome| pick_from(outcome, asked, draw)));
        match picked {
            Some(picked) => picked,
            None => match Box::pin(self.bound.ready(asked + timeout)).await {
                Ok(outcome) => pick_from(&outcome, Instant::now(), draw),
                Err(unknown) => Err(RouteError::NotBoundInTime {
                    timeout,
                    reason: unknown.to_string(),
                }),
            },
        }
    }

    /// Waits until it is known what it is bound to, if that is known in time.
    pub(crate) async fn bound_by(&self, deadline: Instant) {
        let _ = self.bound.ready(deadline).await;
    }

    /// Where its requests are counted: with those of other names as long as it is not bound.
    pub(crate) fn stats(&self) -> &ServiceStats {
        self.stats.get().unwrap_or(&self.services.other)
    }

    /// What it is bound to, and since when that may be outdated.
    pub(crate) fn state(&self) -> Arc<live::State<Outcome>> {
        self.bound.now()
    }
}

fn pick_from(
    outcome: &Outcome,
    now: Instant,
    draw: &mut impl FnMut() -> f64,
) -> Result<Picked, RouteError> {
    match outcome {
        Outcome::Split(split) => split
            .pick(now, draw)
            .ok_or(RouteError::Unbound(Nothing::Empty)),
        Outcome::Nothing(nothing) => Err(RouteError::Unbound(*nothing)),
        Outcome::Failed(reason) => Err(RouteError::BindingFailed(Arc::clone(reason))),
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} => {:?})", self.path, self.bound)
    }
}

/// A route whose requests are counted where they began to be, though it may be bound meanwhile.
#[derive(Debug)]
pub(crate) struct CountedRoute {
    route: Arc<Route>,
    is_named: bool,
}

impl CountedRoute {
    pub(crate) fn new(route: &Arc<Route>) -> Self {
        Self {
            route: Arc::clone(route),
            is_named: route.stats.get().is_some(),
        }
    }
}

impl Counts for CountedRoute {
    fn exchanges(&self) -> &Exchanges {
        let own = self.route.stats.get().filter(|_| self.is_named);
        &own.unwrap_or(&self.route.services.other).exchanges
    }
}

/// What the task of a route needs.
struct Following {
    /// Gone, if it is in the middle of it.
    route: Weak<Route>,
    clients: Arc<Clients>,
    /// Clients whose endpoints decide whether an alternative to them is taken.
    watched: Vec<Arc<Client>>,
}

/// How often it is looked at how many endpoints are alive, where that decides about alternatives.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Turns what the interpreter says into what requests draw from. Once bound, trouble changes nothing: the last good tree stays.
async fn follow(mut binding: Live<Binding>, mut following: Following, mut out: Publisher<Outcome>) {
    loop {
        let state = tokio::select! {
            state = binding.changed() => state,
            () = sleep(LOOK_EVERY), if !following.watched.is_empty() => binding.now(),
        };
        if let Some(binding) = state.value() {
            match &binding.outcome {
                Evaluated::Pending => {}
                Evaluated::Failed(reason) => match &*out.now() {
                    live::State::Ready(was) | live::State::Stale(was, _)
                        if !matches!(**was, Outcome::Failed(_)) =>
                    {
                        out.fail(Arc::clone(reason))
                    }
                    _ => out.set(Outcome::Failed(Arc::clone(reason))),
                },
                Evaluated::Bound(tree, dead) => {
                    let dead_share = dead.iter().map(|branch| branch.share).sum();
                    let Some(route) = following.route.upgrade() else {
                        return;
                    };
                    let outcome = following.outcome(&route, tree, dead_share, &out.now());
                    match state.failure() {
                        None => out.set_shared(&following.clients.splits.state(outcome)),
                        Some(failure) => out.set_stale(outcome, failure),
                    }
                }
            }
        }
        if let Some(failure) = state.failure() {
            out.fail(Arc::clone(&failure.reason));
        }
    }
}

impl Following {
    fn outcome(
        &mut self,
        route: &Route,
        tree: &BoundTree,
        dead_share: f64,
        before: &live::State<Outcome>,
    ) -> Outcome {
        self.watched.clear();
        if has_alternatives(tree) {
            let leaves = tree.leaves().into_iter();
            self.watched
                .extend(leaves.filter_map(|leaf| self.clients.watched(&leaf.bound)));
        }
        let now = Instant::now();
        let down: Vec<_> = self
            .watched
            .iter()
            .filter(|client| !client.counts(now))
            .collect();
        let is_down = |leaf: &Leaf<Bound>| down.iter().any(|client| client.id == leaf.bound.id);
        match shares(tree, is_down) {
            Err(nothing) => Outcome::Nothing(nothing),
            Ok(shares) => {
                let counted = || route.services.of(&route.path, route.traffic.clone());
                let stats = route.stats.get_or_init(counted);
                stats.show_dead_share(dead_share);
                let before = match before.value().map(|outcome| &**outcome) {
                    Some(Outcome::Split(split)) => Some(split),
                    _ => None,
                };
                Outcome::Split(Split::new(&shares, dead_share, &self.clients, before))
            }
        }
    }
}

fn has_alternatives(tree: &BoundTree) -> bool {
    match tree {
        NameTree::Alt(_) => true,
        NameTree::Union(branches) => branches.iter().any(|branch| has_alternatives(&branch.tree)),
        NameTree::Neg | NameTree::Fail | NameTree::Empty | NameTree::Leaf(_) => false,
    }
}

#[cfg(test)]
mod tests;
