//! What is counted of streams beyond what all requests count.

use telemetry::{Scope, Stat};

/// `stream` of a server, a name or a client.
#[derive(Debug)]
pub(super) struct StreamStats {
    /// From the request to the end of the answer.
    pub(super) total_latency: Stat,
}

impl StreamStats {
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            total_latency: scope.stat("total_latency_ms"),
        }
    }
}
