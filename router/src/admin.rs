//! The router's own admin pages: how names are delegated, and what is bound now.

mod delegator;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router as Pages};
use http::StatusCode;
use live::State;
use namer::{Inet, Namers};
use serde_json::{Value, json};
use transport::Drain;

use crate::client::Target;
use crate::exchange::Router;

/// All pages.
pub(crate) fn routes(routers: &[Arc<Router>], namers: &Namers, inet: Inet, drain: Drain) -> Pages {
    let (routers, namers) = (Arc::<[Arc<Router>]>::from(routers), namers.clone());
    let clients = Arc::clone(&routers);
    Pages::new()
        .merge(delegator::routes(routers, inet))
        .route("/admin/ready", get(async move || ready(&drain)))
        .route(
            "/client_state.json",
            get(async move || Json(client_state(&clients))),
        )
        .route(
            "/bound-names.json",
            get(async move || Json(bound_names(&namers))),
        )
}

/// Whether new requests are welcome. Nobody is answered before all servers listen.
fn ready(drain: &Drain) -> (StatusCode, &'static str) {
    if drain.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else {
        (StatusCode::OK, "ready")
    }
}

/// The addresses of each client, as linkerd's `ClientStateHandler` shows them.
fn client_state(routers: &[Arc<Router>]) -> BTreeMap<String, Value> {
    let clients = routers.iter().flat_map(|router| router.clients.all());
    let states = clients.filter_map(|client| {
        let Target::Endpoints { set, .. } = &client.target else {
            return None;
        };
        let state = match &*set.now() {
            State::Pending => json!({ "state": "Pending" }),
            State::Failed(failure) => json!({ "state": format!("Failed: {}", failure.reason) }),
            State::Ready(endpoints) | State::Stale(endpoints, _) => match &*endpoints.addresses {
                namer::Addresses::Neg => json!({ "state": "Neg" }),
                namer::Addresses::Bound(set) => {
                    let addresses: Vec<_> = set
                        .endpoints
                        .iter()
                        .map(|endpoint| endpoint.address.to_string())
                        .collect();
                    json!({ "state": "bound", "addresses": addresses })
                }
            },
        };
        Some((client.id.to_string(), state))
    });
    states.collect()
}

/// The names that namers can list. Source: linkerd `BoundNamesHandler`, which shows `[""]` for none.
fn bound_names(namers: &Namers) -> Vec<String> {
    let lists = namers.names().into_iter().filter_map(|names| names.value());
    lists
        .flat_map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>())
        .collect()
}
