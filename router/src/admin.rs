//! The router's own admin pages: how names are delegated, and what is bound now.

mod delegator;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Json, Router as Pages};
use http::StatusCode;
use live::State;
use namer::{Inet, Namers};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use transport::Drain;

use crate::client::Target;
use crate::exchange::Router;
use crate::process::{Asking, Shown, chain};

/// All pages.
pub(crate) fn routes(shown: &Shown, inet: Inet, drain: Drain, asks: mpsc::Sender<Asking>) -> Pages {
    let (clients, names) = (Arc::clone(shown), Arc::clone(shown));
    Pages::new()
        .merge(delegator::routes(Arc::clone(shown), inet))
        .route("/admin/reload", post(async move || reload(&asks).await))
        .route("/admin/ready", get(async move || ready(&drain)))
        .route(
            "/client_state.json",
            get(async move || Json(client_state(&clients.load().routers))),
        )
        .route(
            "/bound-names.json",
            get(async move || Json(bound_names(&names.load().namers))),
        )
}

/// Has the configuration read again, and says what came of it.
async fn reload(asks: &mpsc::Sender<Asking>) -> (StatusCode, String) {
    let (asking, outcome) = oneshot::channel();
    // Where nobody obeys any more, nobody answers either.
    let _ = asks.send(asking).await;
    match outcome.await {
        Ok(Ok(reloaded)) => {
            let needs = reloaded.needs_upgrade.iter();
            let needs: String = needs
                .map(|what| format!("needs an upgrade: {what}\n"))
                .collect();
            (StatusCode::OK, format!("reloaded\n{needs}"))
        }
        Ok(Err(error)) => (StatusCode::BAD_REQUEST, chain(&error) + "\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned()),
    }
}

/// Whether new requests are welcome. Nobody is answered before all servers listen.
fn ready(drain: &Drain) -> (StatusCode, &'static str) {
    if drain.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else {
        (StatusCode::OK, "ready")
    }
}

/// The addresses of each client, as linkerd's `ClientStateHandler` shows them, and how each endpoint is.
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
                    let endpoints = endpoints.balancer.members();
                    let endpoints: BTreeMap<_, _> = endpoints
                        .map(|endpoint| (endpoint.address.to_string(), endpoint.shown()))
                        .collect();
                    json!({ "state": "bound", "addresses": addresses, "endpoints": endpoints })
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
