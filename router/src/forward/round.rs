//! One endpoint after the other, until one takes the request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use policy::{Node as _, Pick, Status};
use tokio::time::Instant;

use crate::client::{Client, ConnectError, Endpoint, Endpoints, InFlight};
use crate::error::RouteError;

/// How many endpoints are tried for one request. Source: finagle's bound for acquiring a connection.
const MAX_ENDPOINTS: usize = 25;

/// One try of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trying<'a> {
    /// When it began.
    pub(crate) began: Instant,
    /// Until when it may wait for addresses and connections.
    pub(crate) deadline: Instant,
    /// When an endpoint that has not answered is to blame for it.
    pub(crate) too_late: Option<Instant>,
    /// The endpoints that failed in other tries; asked again only if there is no other that is well.
    pub(crate) failed: &'a [SocketAddr],
}

/// Chooses the endpoints of a try.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    client: &'a Client,
    endpoints: &'a Endpoints,
    trying: &'a Trying<'a>,
    /// Whom it asks.
    asked: Option<&'a Endpoint>,
    tried: Vec<SocketAddr>,
    /// What the last one said that took no connection.
    refused: Option<ConnectError>,
    now: Instant,
    /// The same by the client's clock.
    time: Duration,
    was_late: bool,
}

impl<'a> Round<'a> {
    pub(crate) fn new(
        client: &'a Client,
        endpoints: &'a Endpoints,
        trying: &'a Trying<'a>,
    ) -> Self {
        Self {
            client,
            endpoints,
            trying,
            asked: None,
            tried: Vec::new(),
            refused: None,
            now: trying.began,
            time: client.clock.time_at(trying.began),
            was_late: false,
        }
    }

    /// The next endpoint to ask, with the request counted as in flight there; none if there is no other.
    pub(crate) fn next(&mut self) -> Option<InFlight> {
        loop {
            let is_first = self.tried.is_empty();
            if !is_first {
                self.now = Instant::now();
                self.time = self.client.clock.time_at(self.now);
            }
            if self.tried.len() >= MAX_ENDPOINTS || (!is_first && self.now >= self.trying.deadline)
            {
                return None;
            }
            let pick = self.pick()?;
            count(self.client, &pick);
            let in_flight = InFlight::new(Arc::clone(pick.node), self.time, self.trying.too_late);
            if in_flight.came_too_late() && !pick.is_desperate && !self.was_late {
                // Somebody else became its probe in this moment: now another one may be better.
                self.was_late = true;
                continue;
            }
            self.asked = Some(pick.node);
            return Some(in_flight);
        }
    }

    /// An endpoint that this try has not asked, and rather one that no other has.
    fn pick(&self) -> Option<Pick<'a, Endpoint>> {
        let pick = |failed: &[SocketAddr]| {
            let is_tried = |endpoint: &Endpoint| {
                self.tried.contains(&endpoint.address) || failed.contains(&endpoint.address)
            };
            let balancer = &self.endpoints.balancer;
            balancer.pick(self.time, &mut fastrand::f64, is_tried)
        };
        match pick(self.trying.failed) {
            Some(picked) if !picked.is_desperate => Some(picked),
            picked if self.trying.failed.is_empty() => picked,
            _ => pick(&[]),
        }
    }

    /// The endpoint surely had nothing of the request, and this is why.
    pub(crate) fn is_refused(&mut self, cause: ConnectError) {
        self.tried
            .extend(self.asked.map(|endpoint| endpoint.address));
        if self.tried.len() < self.endpoints.balancer.len() {
            self.client.stats.requeues.inc();
        }
        self.refused = Some(cause);
    }

    /// The endpoint says that it has not looked at the request. True if there is another one that is well.
    pub(crate) fn is_nacked(&mut self) -> bool {
        self.client.stats.trouble().nacks.inc();
        self.tried
            .extend(self.asked.map(|endpoint| endpoint.address));
        let is_other = |endpoint: &Arc<Endpoint>| {
            !self.tried.contains(&endpoint.address) && endpoint.status(self.time) == Status::Open
        };
        self.endpoints.balancer.members().any(is_other)
    }

    /// Why nobody took the request.
    pub(crate) fn nobody(mut self) -> RouteError {
        let id = self.client.id.clone();
        match (self.refused, self.tried.pop()) {
            (Some(cause), Some(address)) => {
                let members = self.endpoints.balancer.members();
                let mut addresses: Vec<_> = members.map(|endpoint| endpoint.address).collect();
                addresses.sort_unstable();
                RouteError::NotConnected {
                    id,
                    address,
                    cause,
                    addresses,
                }
            }
            _ => RouteError::NoEndpoints(id),
        }
    }
}

/// Counts what a pick had to put up with.
fn count(client: &Client, pick: &Pick<'_, Endpoint>) {
    if pick.is_effort_exhausted {
        client.stats.trouble().max_effort_exhausted.inc();
    }
    if pick.is_class_busy {
        client.stats.trouble().busy_weight_classes.inc();
    }
}
