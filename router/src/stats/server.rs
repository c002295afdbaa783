//! What a listening socket counts.

use telemetry::{Counter, Gauge, Scope};
use transport::ServerTls;

use super::{Exchanges, Statuses};
use crate::server::Phase;

/// A listening socket: `rt/<router>/server/<ip>/<port>`.
#[derive(Debug)]
pub(crate) struct ServerStats {
    pub(crate) exchanges: Exchanges,
    pub(crate) statuses: Statuses,
    pub(crate) connects: Counter,
    pub(crate) closes: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Open tunnels: CONNECT, and whatever an Upgrade led to.
    pub(crate) tunnels: Gauge,
    /// Bytes that went to endpoints through tunnels.
    pub(crate) tunnel_sent: Counter,
    /// Bytes that came from endpoints through tunnels.
    pub(crate) tunnel_received: Counter,
    /// Connections that were ended because their clients reset most of their streams.
    pub(crate) reset_floods: Counter,
    /// Connections that were ended because the client took too long, by what it took too long for.
    stalls: [Counter; 4],
}

impl ServerStats {
    pub(crate) fn new(router: &Scope, address: &str) -> Self {
        let scope = router.scope("server").node(address);
        Self {
            statuses: Statuses::new(&scope),
            connects: scope.counter("connects"),
            closes: scope.counter("closes"),
            connections: scope.gauge("connections"),
            tunnels: scope.gauge("tunnels"),
            reset_floods: scope.counter("stream/reset_floods"),
            tunnel_sent: scope.counter("tunnel_sent_bytes"),
            tunnel_received: scope.counter("tunnel_received_bytes"),
            stalls: ["head", "body", "reply", "idle"]
                .map(|what| scope.counter(&format!("timeouts/{what}"))),
            exchanges: Exchanges::new(scope),
        }
    }

    /// Shows when the server's certificate expires. Handshakes that fail are counted by what this returns.
    pub(crate) fn secured_by(&self, tls: &ServerTls) -> Counter {
        let (scope, tls) = (self.exchanges.scope().scope("tls"), tls.clone());
        scope.gauge_fn("certificate_expiry_seconds", move || {
            tls.seconds_left().unwrap_or_default()
        });
        scope.counter("failures")
    }

    /// A connection was ended for waiting too long.
    pub(crate) fn stalled(&self, phase: Phase) {
        let [head, body, reply, idle] = &self.stalls;
        match phase {
            Phase::Head => head.inc(),
            Phase::Body => body.inc(),
            Phase::Reply => reply.inc(),
            Phase::Idle | Phase::Quiet | Phase::Tunnel | Phase::Busy => idle.inc(),
        }
    }
}
