//! What a listening socket counts.

use telemetry::{Counter, Gauge, Scope};

use super::{Exchanges, Statuses};

/// A listening socket: `rt/<router>/server/<ip>/<port>`.
#[derive(Debug)]
pub(crate) struct ServerStats {
    pub(crate) exchanges: Exchanges,
    pub(crate) statuses: Statuses,
    pub(crate) connects: Counter,
    pub(crate) closes: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
}

impl ServerStats {
    pub(crate) fn new(router: &Scope, address: &str) -> Self {
        let scope = router.scope("server").node(address);
        Self {
            statuses: Statuses::new(&scope),
            connects: scope.counter("connects"),
            closes: scope.counter("closes"),
            connections: scope.gauge("connections"),
            exchanges: Exchanges::new(scope),
        }
    }
}
