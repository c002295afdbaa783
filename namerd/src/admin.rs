//! The admin server of a namerd.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use config::NamerdConfig;
use http::StatusCode;
use telemetry::{Admin, Metrics};
use tokio::time::Instant;

use crate::store::{Condition, Store};

/// The admin server, with namerd's own pages beside the usual ones.
///
/// | path | answer |
/// |---|---|
/// | `/admin/ready` | `ready` once the store was heard, 503 before |
pub(crate) fn server(metrics: Metrics, config: &NamerdConfig, store: Arc<dyn Store>) -> Admin {
    let config =
        serde_json::to_value(config).expect("a configuration has text keys and no failing parts");
    let ready = get(async move || match store.view().namespaces().value() {
        Some(_) => (StatusCode::OK, "ready"),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store has not answered yet",
        ),
    });
    let pages = Router::new().route("/admin/ready", ready);
    Admin::new(metrics)
        .config_json(config)
        .routes(pages)
        .index("/admin/ready")
}

/// Shows below `dtabstore/` how the store is.
pub(crate) fn show_store(metrics: &Metrics, store: &Arc<dyn Store>) {
    let scope = metrics.scope("dtabstore");
    let namespaces = store.view().namespaces();
    scope.gauge_fn("namespaces", move || {
        namespaces.value().map_or(0, |names| names.len()) as f64
    });
    let health = store.view().health();
    scope.gauge_fn("is_stale", move || {
        let is_well = health
            .value()
            .is_some_and(|health| health.condition == Condition::Ok);
        f64::from(u8::from(!is_well))
    });
    let health = store.view().health();
    scope.gauge_fn("age_ms", move || {
        let age = health.value().and_then(|health| health.age(Instant::now()));
        age.map_or(-1.0, |age| age.as_secs_f64() * 1000.0)
    });
    let health = store.view().health();
    scope.gauge_fn("unparsable", move || {
        health.value().map_or(0, |health| health.unparsable.len()) as f64
    });
}
