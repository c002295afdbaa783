//! namerd's HTTP control API, `/api/1/…`.
//!
//! Each kind of endpoint has a module; `Route` says which paths there are. A handler takes the `Call` and answers with
//! a response or a `Refusal`, which becomes text, or JSON for a client that asks for JSON by name.
//!
//! Source: linkerd `namerd/iface/control-http`. What differs on purpose: every refusal gives its reason, bodies have a
//! limit, waiting has a bound, and a watch ends with the server only.

mod call;
mod delegate;
mod dtabs;
mod history;
mod lint;
mod media;
mod metrics;
mod names;
mod params;
mod records;
mod refusal;
mod route;
mod status;
mod transfer;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::Method;
use serde::Serialize;
use tokio::time::Instant;
use transport::Drain;

use self::call::Call;
use self::media::Media;
pub use self::metrics::Counts;
use self::records::Records;
use self::refusal::Refusal;
use self::route::Route;
use crate::fleet::Fleet;
use crate::namespaces::Namespaces;
use crate::store::Store;

/// What the API is made of. A clone is the same API.
#[derive(Clone, Debug)]
pub struct Api {
    /// What it shows and changes.
    pub namespaces: Arc<Namespaces>,
    /// The routers.
    pub fleet: Arc<Fleet>,
    /// Names this namerd.
    pub namerd: Arc<str>,
    /// When this namerd started.
    pub started: Instant,
    /// Ends the watches.
    pub drain: Drain,
    /// Whether a change of what exists must say which version it changes.
    pub is_match_required: bool,
    /// What it counts.
    pub counts: Counts,
}

type Answer = Result<Response, Refusal>;

impl Api {
    /// The API as something to serve.
    pub fn routes(self) -> axum::Router {
        // One handler for all paths: a router would decode them, and they are compared raw.
        axum::Router::new()
            .fallback(answer)
            .with_state(Arc::new(self))
    }

    fn store(&self) -> &dyn Store {
        &**self.namespaces.store()
    }

    /// Answers with one record, or with all of them where the client watches; `missing` says what was not heard if there
    /// is none in time.
    async fn shown(&self, call: &Call, records: Records, missing: &str) -> Answer {
        if call.is_watch() {
            return Ok(records.stream(
                "application/json",
                self.drain.clone(),
                self.counts.watching(),
            ));
        }
        records.once("application/json", missing).await
    }

    async fn route(&self, request: Request) -> Answer {
        let path = request.uri().path().to_owned();
        let Some(route) = Route::of(&path) else {
            return Err(Refusal::not_found(format!("no such resource: {path}")));
        };
        if !route.allows(request.method()) {
            return Err(Refusal::wrong_method(request.method(), route.methods()));
        }
        let call = Call::read(request, route.body_limit()).await?;
        match route {
            Route::Dtabs => self.list(&call).await,
            Route::Dtab(namespace) => match call.method {
                Method::POST => self.create(namespace, &call).await,
                Method::PUT => self.put(namespace, &call).await,
                Method::DELETE => self.delete(namespace, &call).await,
                _ => self.read(namespace, &call).await,
            },
            Route::Bind(namespace) => self.bind(namespace, &call).await,
            Route::Addr => self.addr(&call).await,
            Route::Resolve(namespace) => self.resolve(namespace, &call).await,
            Route::Delegate(Some(namespace)) => self.delegate(namespace, &call).await,
            Route::Delegate(None) => self.delegate_given(&call).await,
            Route::BoundNames => self.bound_names(&call).await,
            Route::History(namespace) => self.history(namespace, &call).await,
            Route::Lint => self.lint(&call).await,
            Route::Fleet => Ok(self.fleet()),
            Route::Status => Ok(self.status()),
            Route::Export => self.export().await,
            Route::Import => self.import(&call).await,
        }
    }
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response {
    let as_json = Media::wants_json(request.headers());
    let began = Instant::now();
    let answer = api.route(request).await;
    let response = answer.unwrap_or_else(|refusal| refusal.answer(as_json));
    api.counts.answered(response.status(), began);
    response
}

/// A value as compact JSON with a newline at its end.
fn json_line(value: &impl Serialize) -> Bytes {
    let mut json =
        serde_json::to_vec(value).expect("values of ours have text keys and no failing parts");
    json.push(b'\n');
    json.into()
}
