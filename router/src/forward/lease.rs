//! A connection that is used for one request.

use http1::Decoder;
use tokio::time::Instant;

use super::ask::Asked;
use crate::client::{Connection, InFlight, Permit};
use crate::exchange::Downstream;

/// A connection that is used for one request. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Box<Connection>,
    pub(crate) in_flight: InFlight,
    pub(crate) worker: usize,
    /// If the endpoint may have only so many.
    pub(super) permit: Option<Permit>,
}

impl Lease {
    /// Keeps the connection for the next request, if it is good for one. `now` may be off by what an answer takes.
    pub(crate) fn settle(self, now: Instant) {
        if self.connection.input.is_empty() && !self.connection.input.has_ended() {
            let endpoint = &self.in_flight.endpoint;
            endpoint.pool.keep(self.worker, self.connection, now);
        }
    }

    /// Forgets the answer. The connection is kept if all of the answer is there already.
    pub(crate) fn discard(
        mut self,
        asked: Option<&Asked>,
        downstream: &Downstream<'_>,
        now: Instant,
    ) {
        if !asked.is_some_and(Asked::leaves_it_usable) {
            return;
        }
        let mut body = Decoder::new(downstream.response.length());
        let input = &mut self.connection.input;
        while !body.is_done() && !input.is_empty() {
            let Ok(decoded) = body.decode(input.filled_mut()) else {
                return;
            };
            input.consume(decoded.consumed);
        }
        if body.is_done() {
            self.settle(now);
        }
    }

    /// Closes the connection, and lets another one be used for the same request.
    pub(super) fn give_up(self) -> (InFlight, Option<Permit>) {
        (self.in_flight, self.permit)
    }
}
