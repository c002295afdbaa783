//! What a bound id counts.

use std::sync::Arc;

use telemetry::{Counter, Gauge, Stat};
use transport::ClientTls;

use super::series::{Member, Series};
use super::{Exchanges, Statuses};

/// A bound id: `rt/<router>/client/<id>`. Its sub-tree goes when nobody holds this any more.
#[derive(Debug)]
pub(crate) struct ClientStats {
    series: Member,
    pub(crate) exchanges: Exchanges,
    pub(crate) statuses: Statuses,
    pub(crate) connects: Counter,
    /// Open connections.
    pub(crate) connections: Gauge,
    pub(crate) connect_latency: Stat,
    pub(crate) failed_connect_latency: Stat,
    /// Attempts that another endpoint or connection took over.
    pub(crate) requeues: Counter,
    /// `loadbalancer/size`
    pub(crate) endpoints: Gauge,
    pub(crate) endpoints_added: Counter,
    pub(crate) endpoints_removed: Counter,
}

impl ClientStats {
    pub(super) fn new(series: &Arc<Series>, id: &str) -> Self {
        series.join(id.trim_start_matches('/'), |series, scope| {
            let balancer = scope.scope("loadbalancer");
            balancer.gauge("algorithm/p2c_least_loaded").set(1.0);
            Self {
                series,
                statuses: Statuses::new(&scope),
                connects: scope.counter("connects"),
                connections: scope.gauge("connections"),
                connect_latency: scope.stat("connect_latency_ms"),
                failed_connect_latency: scope.stat("failed_connect_latency_ms"),
                requeues: scope.counter("retries/requeues"),
                endpoints: balancer.gauge("size"),
                endpoints_added: balancer.counter("adds"),
                endpoints_removed: balancer.counter("removes"),
                exchanges: Exchanges::new(scope),
            }
        })
    }
}

impl ClientStats {
    /// Shows when the certificate expires that endpoints are shown, if one is.
    pub(crate) fn secured_by(&self, tls: &Arc<ClientTls>) {
        let (scope, tls) = (&self.exchanges.scope, Arc::clone(tls));
        if tls.seconds_left().is_some() {
            scope.gauge_fn("tls/certificate_expiry_seconds", move || {
                tls.seconds_left().unwrap_or_default()
            });
        }
    }
}

impl Drop for ClientStats {
    fn drop(&mut self) {
        self.series.leave(|| {});
    }
}
