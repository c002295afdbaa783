//! Where requests come in: one worker accepts, and hands each connection to the worker with the fewest, which serves it on its
//! own core.
//!
//! Connections are handed out one by one rather than shared through `SO_REUSEPORT`, so that a few busy ones spread evenly. A
//! worker that accepts is often the one with the fewest, and then nothing has to change threads.

mod activity;
mod connection;
mod heads;
mod places;
mod watch;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use transport::{Drain, Listener};

pub(crate) use activity::{Activity, Patience, Phase};
pub(crate) use places::{Place, Places};
pub(crate) use worker::Workers;

use crate::exchange::{Edge, Router};
use worker::Listening;

/// A listening socket and whom it asks.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) router: Arc<Router>,
    pub(crate) edge: Edge,
}

impl Server {
    /// Has a worker accept until the drain begins.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn start(
        self,
        listener: Listener,
        workers: &Arc<Workers>,
        drain: Drain,
    ) -> io::Result<()> {
        workers.listen(Listening {
            listener: listener.unregister()?,
            server: Arc::new(self),
            workers: Arc::clone(workers),
            drain,
        });
        Ok(())
    }
}

/// As the reference shows addresses: `/127.0.0.1:4140`.
pub(crate) fn shown_address(address: SocketAddr) -> String {
    format!("/{address}")
}
