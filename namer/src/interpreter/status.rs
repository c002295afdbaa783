//! What a router knows of its namerd.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How an interpreter stands with its namerd, for pages and metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionStatus {
    /// Who serves; none while nobody does.
    pub namerd: Option<ServingNamerd>,
    /// Why names can't be brought up to date, while they can't.
    pub trouble: Option<Arc<str>>,
    /// How long ago a namerd was last heard; none if never.
    pub heard_ago: Option<Duration>,
    /// The revision that all names are routed by, where the protocol tells it.
    pub revision: Option<u64>,
    /// The newest revision that namerd knows of, where the protocol tells it.
    pub newest_revision: Option<u64>,
    /// How many names are kept up to date.
    pub names: usize,
}

/// The namerd that serves a router.
#[derive(Clone, Debug, PartialEq)]
pub struct ServingNamerd {
    /// As configured: `host:port`, or a URL.
    pub target: String,
    /// Where it is, where that is known.
    pub address: Option<SocketAddr>,
    /// What it calls itself in the fleet; empty where the protocol does not tell.
    pub id: String,
    /// The version of its program; empty where the protocol does not tell.
    pub version: String,
    /// What is spoken: `switchyard.mesh.v1`, `io.linkerd.mesh` or `http`.
    pub protocol: &'static str,
    /// Since when.
    pub since: SystemTime,
}

/// A connection as it changes.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) namerd: Option<ServingNamerd>,
    heard: Option<Instant>,
    pub(super) revision: Option<u64>,
    pub(super) newest_revision: Option<u64>,
}

impl Link {
    /// Something came from namerd.
    pub(super) fn heard(&mut self) {
        self.heard = Some(Instant::now());
    }

    /// How long ago something came.
    pub(super) fn heard_ago(&self) -> Option<Duration> {
        self.heard.map(|heard| heard.elapsed())
    }
}
