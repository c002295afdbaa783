//! Where requests come in: a listener hands each connection to the worker with the fewest, which serves it on its own core.
//!
//! Connections are handed out one by one rather than shared through `SO_REUSEPORT`, so that a few busy ones spread evenly.

mod activity;
mod connection;
mod head;
mod unread;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use live::Task;
use transport::{Drain, Listener};

pub(crate) use worker::Workers;

use crate::exchange::{Edge, Router};
use worker::Accepted;

/// A listening socket and whom it asks.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) router: Arc<Router>,
    pub(crate) edge: Edge,
}

impl Server {
    /// Accepts until the drain begins. Runs as a task of the control runtime.
    pub(crate) fn start(
        self,
        listener: Listener,
        workers: &Arc<Workers>,
        drain: Drain,
    ) -> Task<()> {
        live::task(
            "accept",
            accept(Arc::new(self), listener, Arc::clone(workers), drain),
        )
    }
}

async fn accept(server: Arc<Server>, listener: Listener, workers: Arc<Workers>, drain: Drain) {
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => return,
        };
        let moved: io::Result<_> = stream.into_std();
        match moved {
            Ok(stream) => {
                workers
                    .hand_over(Accepted {
                        stream,
                        peer,
                        server: Arc::clone(&server),
                        hold: drain.hold(),
                    })
                    .await
            }
            Err(error) => tracing::warn!(%error, %peer, "cannot hand a connection to its worker"),
        }
    }
}

/// As the reference shows addresses: `/127.0.0.1:4140`.
pub(crate) fn shown_address(address: SocketAddr) -> String {
    format!("/{address}")
}
