//! What an exchange holds beside its heads.

use std::net::SocketAddr;

use super::{Asked, Lease};
use crate::exchange::Downstream;

/// The request as an endpoint is asked it, and the connection that it is asked on. It has a place of its own, and does not move from
/// stage to stage.
#[derive(Debug, Default)]
pub(crate) struct Message {
    /// None before any endpoint was asked, and for a tunnel.
    pub(crate) asked: Option<Asked>,
    /// While there is an answer of which not all has passed.
    pub(crate) lease: Option<Lease>,
    /// Who gave an answer that was read whole.
    pub(crate) held_from: Option<SocketAddr>,
}

impl Message {
    /// Forgets everything; a connection that is in use still is closed.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Leaves the rest of the request's body to whoever answers instead of an endpoint.
    pub(crate) fn leave(&mut self, downstream: &mut Downstream<'_>) {
        if let Some(mut asked) = self.asked.take() {
            asked.leave(downstream);
        }
    }

    /// Who answered; none if the router did.
    pub(crate) fn endpoint(&self) -> Option<SocketAddr> {
        let lease = self.lease.as_ref();
        let asked = lease.map(|lease| lease.in_flight.endpoint.address);
        asked.or(self.held_from)
    }
}
