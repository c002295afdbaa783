//! A client: everything that belongs to one bound id, whichever names and residuals lead to it.

mod clients;
mod connection;
mod endpoint;
mod endpoints;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use live::Live;
use namer::{Addresses, BoundId};
use tokio::sync::watch;
use transport::ClientTls;

pub(crate) use clients::Clients;
pub(crate) use connection::{ConnectError, Connection, Interrupted};
pub(crate) use endpoint::{Endpoint, InFlight};
pub(crate) use endpoints::Endpoints;

use crate::headers::shown_value;
use crate::stats::ClientStats;

/// What answers the requests that were bound to one id.
pub(crate) struct Client {
    pub(crate) id: BoundId,
    /// The id as `l5d-dst-client` carries it.
    pub(crate) shown: Box<[u8]>,
    pub(crate) stats: Arc<ClientStats>,
    /// How long connecting to an endpoint may take.
    pub(crate) connect_timeout: Duration,
    /// TLS to its endpoints, if they have any.
    pub(crate) tls: Option<Arc<ClientTls>>,
    /// Whether endpoints are told of the certificate that the router's own client has shown.
    pub(crate) forward_client_cert: bool,
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

/// How a client meets its endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Connecting {
    /// How long connecting may take, and then shaking hands.
    pub(crate) timeout: Duration,
    pub(crate) tls: Option<Arc<ClientTls>>,
    pub(crate) forward_client_cert: bool,
}

impl Client {
    /// A client for an id. Its endpoints follow `addresses`, through a task of the runtime this is called on.
    pub(crate) fn new(
        id: BoundId,
        addresses: Live<Addresses>,
        workers: usize,
        connecting: Connecting,
        stats: ClientStats,
    ) -> Self {
        if let Some(tls) = &connecting.tls {
            stats.secured_by(tls);
        }
        let stats = Arc::new(stats);
        let target = match id {
            BoundId::Status(code) => Target::Status(
                StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            ),
            BoundId::Path(_) => {
                let (source, sources) = watch::channel(addresses);
                let following = Arc::clone(&stats);
                let set = live::spawn("endpoints", move |out| {
                    endpoints::follow(sources, workers, following, out)
                });
                Target::Endpoints { set, source }
            }
        };
        Self {
            shown: shown_value(&id.to_string()),
            id,
            stats,
            connect_timeout: connecting.timeout,
            tls: connecting.tls,
            forward_client_cert: connecting.forward_client_cert,
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

    /// The endpoints, as far as they are known.
    pub(crate) fn endpoints(&self) -> Option<Arc<Endpoints>> {
        match &self.target {
            Target::Status(_) => None,
            Target::Endpoints { set, .. } => set.value(),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.id)
    }
}
