//! TLS of a server: the handshake with each client, and what becomes of those that fail.

use std::time::Duration;

use telemetry::Counter;
use tokio::time::timeout;
use transport::{Peer, ServerTls, tls_reason};

use crate::stats::ServerStats;
use crate::wire::Socket;

/// A server's TLS, and what it counts.
#[derive(Debug)]
pub(crate) struct Secure {
    tls: ServerTls,
    failures: Counter,
}

impl Secure {
    pub(crate) fn new(tls: ServerTls, stats: &ServerStats) -> Self {
        Self {
            failures: stats.secured_by(&tls),
            tls,
        }
    }

    /// Shakes hands within this time; none if that fails, which the client has been told as far as it listens.
    pub(super) async fn shake_hands(
        &self,
        socket: Socket,
        peer: Peer,
        within: Duration,
    ) -> Option<Socket> {
        let reason = match timeout(within, socket.accept(&self.tls)).await {
            Ok(Ok(socket)) => return Some(socket),
            Ok(Err(error)) => tls_reason(&error),
            Err(_) => format!("it took longer than {} ms", within.as_millis()),
        };
        self.failures.inc();
        tracing::debug!(%peer, reason, "a TLS handshake failed");
        None
    }
}
