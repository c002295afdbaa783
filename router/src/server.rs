//! Where requests come in: one worker accepts, and hands each connection to the worker with the fewest, which serves it on its
//! own core.
//!
//! Connections are handed out one by one rather than shared through `SO_REUSEPORT`, so that a few busy ones spread evenly. A
//! worker that accepts is often the one with the fewest, and then nothing has to change threads.

mod activity;
mod connection;
mod heads;
mod opening;
mod places;
mod seats;
mod secure;
mod watch;
mod worker;

use std::sync::Arc;

use arc_swap::ArcSwap;
use transport::{Address, Drain, Unregistered};

pub(crate) use activity::{Activity, Patience, Phase};
pub(crate) use places::{Place, Places};
pub(crate) use secure::Secure;
pub(crate) use worker::Workers;

use crate::exchange::{Edge, Router};
use crate::stats::ServerStats;
use worker::Listening;

/// A listening socket and whom it asks. A connection looks for each request, and in between holds nothing of what it saw.
#[derive(Debug)]
pub(crate) struct Server {
    front: ArcSwap<Front>,
}

/// Whom a request is for, and how it is treated.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) router: Arc<Router>,
    pub(crate) edge: Edge,
}

impl Server {
    pub(crate) fn new(front: Front) -> Arc<Self> {
        Arc::new(Self {
            front: ArcSwap::from_pointee(front),
        })
    }

    /// Has a worker accept until the drain begins.
    pub(crate) fn start(
        self: &Arc<Self>,
        listener: Unregistered,
        workers: &Arc<Workers>,
        drain: Drain,
    ) {
        workers.listen(Listening {
            listener,
            server: Arc::clone(self),
            workers: Arc::clone(workers),
            drain,
        });
    }

    /// Whom the requests from now on are for.
    pub(crate) fn turn_to(&self, mut front: Front) {
        front.edge.places.go_on_from(&self.front.load().edge.places);
        self.front.store(Arc::new(front));
    }

    /// How a new connection is counted, and how long it may take.
    fn treatment(&self) -> (Arc<ServerStats>, Patience) {
        let front = self.front.load();
        (Arc::clone(&front.edge.stats), front.edge.patience)
    }

    /// How a new connection is secured.
    fn secure(&self) -> Option<Arc<Secure>> {
        self.front.load().edge.secure.clone()
    }

    /// Whom a request is for.
    pub(crate) fn front(&self) -> Arc<Front> {
        self.front.load_full()
    }
}

/// As the reference shows addresses: `/127.0.0.1:4140`. It knows no Unix sockets.
pub(crate) fn shown_address(address: &Address) -> String {
    match address {
        Address::Inet(address) => format!("/{address}"),
        Address::Unix(_) => address.to_string(),
    }
}
