//! `/status` and `/fleet`: how this namerd and the routers are.

use axum::response::Response;
use mesh::api::{Status, StoreState, StoreStatus};
use tokio::time::Instant;

use super::records::shown;
use super::{Api, json_line};
use crate::store::Condition;

impl Api {
    /// How this namerd and its store are.
    pub(super) fn status(&self) -> Response {
        let view = self.store().view();
        let health = view
            .health()
            .value()
            .expect("the health of a store is never pending");
        let now = Instant::now();
        let store = StoreStatus {
            kind: health.kind.to_owned(),
            state: match health.condition {
                Condition::Pending { .. } => StoreState::Pending,
                Condition::Ok => StoreState::Ok,
                Condition::Stale { .. } => StoreState::Stale,
            },
            age_ms: health
                .age(now)
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            detail: health.detail(),
        };
        let status = Status {
            id: self.namerd.as_ref().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_secs: now.saturating_duration_since(self.started).as_secs(),
            store,
            namespaces: view.namespaces().value().map_or(0, |names| names.len()),
            routers: self.fleet.connected(),
        };
        shown("application/json", json_line(&status))
    }

    /// The routers that all namerds know.
    pub(super) fn fleet(&self) -> Response {
        shown("application/json", json_line(&self.fleet.report()))
    }
}
