//! How often a request was sent again, and whether it may be once more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use policy::Waits;
use tokio::time::Instant;

use super::Clock;
use crate::route::Route;
use crate::stats::Retrying;

/// The retries of one request; counted when it is dropped, if there were any.
pub(crate) struct Retries<'a> {
    route: &'a Arc<Route>,
    clock: Clock,
    count: u64,
    /// The endpoints that were asked in vain.
    failed: Vec<SocketAddr>,
    waits: Option<Waits>,
}

impl<'a> Retries<'a> {
    pub(crate) fn new(route: &'a Arc<Route>, clock: Clock) -> Self {
        Self {
            route,
            clock,
            count: 0,
            failed: Vec::new(),
            waits: None,
        }
    }

    /// The endpoints that were asked in vain.
    pub(crate) fn failed(&self) -> &[SocketAddr] {
        &self.failed
    }

    /// This endpoint was asked in vain, if one was.
    pub(crate) fn has_failed(&mut self, endpoint: Option<SocketAddr>) {
        self.failed.extend(endpoint);
    }

    /// How long to wait before the next try, if there may be one.
    pub(crate) fn next(&mut self) -> Option<Duration> {
        let stats = self.retrying();
        let time = self.clock.time_at(Instant::now());
        if !self.route.budget.try_withdraw(time) {
            stats.budget_exhausted.inc();
            return None;
        }
        stats.total.inc();
        self.count += 1;
        let service = &self.route.service;
        let waits = self.waits.get_or_insert_with(|| service.waits());
        Some(waits.next(&mut fastrand::f64))
    }

    /// What is counted of them. The name's budget is shown for as long as there is its route.
    fn retrying(&self) -> &'a Retrying {
        let (route, clock) = (self.route, self.clock);
        route.stats().retrying(|| {
            let route = Arc::downgrade(route);
            move || {
                let time = clock.time_at(Instant::now());
                let balance = route.upgrade().map(|route| route.budget.balance(time));
                balance.unwrap_or_default() as f64
            }
        })
    }
}

impl Drop for Retries<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.retrying().per_request.record(self.count);
        }
    }
}
