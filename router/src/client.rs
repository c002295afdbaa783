//! A client: everything that belongs to one bound id, whichever names and residuals lead to it.

mod clients;
mod connection;
mod endpoint;
mod endpoints;
mod pool;
mod rules;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use live::Live;
use namer::{Addresses, BoundId};
use policy::{MinLive, RetryBudget};
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use clients::Clients;
pub(crate) use connection::{ConnectError, Connection, Interrupted, open_socket};
pub(crate) use endpoint::{Endpoint, InFlight};
pub(crate) use endpoints::Endpoints;
pub(crate) use pool::{NoRoom, Permit};
pub(crate) use rules::{Rules, Tls, backoff, limits};

use crate::exchange::Clock;
use crate::headers::Shown;
use crate::stats::{ClientStats, Counts, Exchanges};
use endpoints::Making;

/// What answers the requests that were bound to one id.
pub(crate) struct Client {
    pub(crate) id: BoundId,
    /// The id as `l5d-dst-client` carries it.
    pub(crate) shown: Shown,
    pub(crate) stats: Arc<ClientStats>,
    pub(crate) rules: Arc<Rules>,
    /// Pays for what is sent to another endpoint because the first one surely did not get it.
    pub(crate) requeue_budget: RetryBudget,
    pub(crate) clock: Clock,
    /// Whether enough of its endpoints are alive for it to count, if that is asked.
    min_live: Option<Mutex<MinLive>>,
    pub(crate) target: Target,
}

/// Who answers.
pub(crate) enum Target {
    /// The router itself, with this status.
    Status(StatusCode),
    /// One of these endpoints.
    Endpoints {
        /// The set that requests choose from.
        set: Live<Endpoints>,
        /// Where the addresses come from; a later binding may know a better source of the same id.
        source: watch::Sender<Live<Addresses>>,
    },
}

impl Client {
    /// A client for an id. Its endpoints follow `addresses`, through a task of the runtime this is called on.
    pub(crate) fn new(
        id: BoundId,
        addresses: Live<Addresses>,
        rules: Arc<Rules>,
        workers: usize,
        (clock, stats): (Clock, ClientStats),
    ) -> Self {
        if let Tls::On(tls) = &rules.tls {
            stats.secured_by(tls);
        }
        let stats = Arc::new(stats);
        let target = match id {
            BoundId::Status(code) => Target::Status(
                StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            ),
            BoundId::Path(_) => {
                let (source, sources) = watch::channel(addresses);
                let making = Making {
                    rules: Arc::clone(&rules),
                    workers,
                    clock,
                    stats: Arc::clone(&stats),
                };
                let set = live::spawn("endpoints", move |out| {
                    endpoints::follow(sources, making, out)
                });
                Target::Endpoints { set, source }
            }
        };
        Self {
            shown: Shown::new(&id.to_string()),
            id,
            stats,
            requeue_budget: RetryBudget::new(limits(rules.settings.requeue_budget)),
            min_live: rules
                .settings
                .min_live_share
                .map(|least| Mutex::new(MinLive::new(least))),
            rules,
            clock,
            target,
        }
    }

    /// Follows this source from now on; the endpoints stay until it has something to say.
    pub(crate) fn follow(&self, addresses: &Live<Addresses>) {
        if let Target::Endpoints { source, .. } = &self.target {
            source.send_if_modified(|current| {
                let is_news = !current.is_same(addresses);
                if is_news {
                    current.clone_from(addresses);
                }
                is_news
            });
        }
    }

    /// Whether it counts where there is an alternative: unless too few of its endpoints are alive.
    pub(crate) fn counts(&self, now: Instant) -> bool {
        let (Some(min_live), Some(endpoints)) = (&self.min_live, self.endpoints()) else {
            return true;
        };
        let balancer = &endpoints.balancer;
        let live = balancer.open(self.clock.time_at(now));
        let mut min_live = min_live.lock().unwrap_or_else(PoisonError::into_inner);
        min_live.counts(live, balancer.len())
    }

    /// The endpoints, as far as they are known.
    pub(crate) fn endpoints(&self) -> Option<Arc<Endpoints>> {
        match &self.target {
            Target::Status(_) => None,
            Target::Endpoints { set, .. } => set.value(),
        }
    }
}

impl Counts for Arc<Client> {
    fn exchanges(&self) -> &Exchanges {
        &self.stats.exchanges
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.id)
    }
}
