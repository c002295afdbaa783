//! `/delegator.json`: how a name is delegated with a dtab, step by step. Source: linkerd `DelegateApiHandler`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts as _, Query, Request};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router as Pages, routing::get};
use dtab::{DelegateTree, Dtab, Path};
use live::Live;
use namer::{Binder, Bound, BoundId, DelegateFailure, Inet, Interpreter, Namers, Table};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::exchange::Router;
use crate::process::Shown;

/// How long addresses are waited for.
const ADDRESS_WAIT: Duration = Duration::from_secs(2);

/// How long a question may be.
const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(super) fn routes(shown: Shown, inet: Inet) -> Pages {
    let table = Table {
        revision: 0,
        dtab: Dtab::empty(),
    };
    let builtin: Arc<dyn Interpreter> = Arc::new(Binder::new(
        Live::constant(table),
        Namers::builtin(inet),
        false,
    ));
    let page = async move |request: Request| {
        answer(&shown.load_full().routers, &builtin, request)
            .await
            .unwrap_or_else(Refusal::into_response)
    };
    Pages::new().route("/delegator.json", get(page.clone()).post(page))
}

/// What is asked for. The router's own dtab is not added.
#[derive(Debug, Deserialize)]
struct Question {
    #[serde(default)]
    path: String,
    #[serde(default)]
    dtab: Value,
    namespace: Option<String>,
}

type Refusal = (StatusCode, String);

async fn answer(
    routers: &[Arc<Router>],
    builtin: &Arc<dyn Interpreter>,
    request: Request,
) -> Result<Response, Refusal> {
    let question = read(request).await?;
    let bad = |what: &str, why: String| (StatusCode::BAD_REQUEST, format!("Invalid {what}: {why}"));
    let path = Path::parse(&question.path).map_err(|error| bad("path", error.to_string()))?;
    let dtab = match &question.dtab {
        Value::Null => Ok(Dtab::empty()),
        Value::String(text) => Dtab::parse(text).map_err(|error| error.to_string()),
        json => serde_json::from_value(json.clone()).map_err(|error| error.to_string()),
    };
    let dtab = dtab.map_err(|why| bad("dtab", why))?;
    let interpreter = match &question.namespace {
        None => builtin,
        Some(label) => routers
            .iter()
            .find(|router| router.label == *label)
            .map(|router| &router.interpreter)
            .ok_or_else(|| cannot_show(label))?,
    };
    let deadline = Instant::now() + ADDRESS_WAIT;
    let tree = interpreter
        .delegate(&path, &dtab)
        .await
        .map_err(|failure| match failure {
            DelegateFailure::TimedOut(_) | DelegateFailure::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, failure.to_string())
            }
            DelegateFailure::Failed(_) => (StatusCode::BAD_REQUEST, failure.to_string()),
            DelegateFailure::Hidden => {
                cannot_show(question.namespace.as_deref().unwrap_or_default())
            }
        })?;
    Ok(Json(shown(&tree, deadline).await).into_response())
}

fn cannot_show(label: &str) -> Refusal {
    (
        StatusCode::NOT_IMPLEMENTED,
        format!("Name Interpreter for {label} cannot show delegations"),
    )
}

async fn read(request: Request) -> Result<Question, Refusal> {
    let (mut parts, body) = request.into_parts();
    match parts.method {
        Method::POST => {
            let kind = parts
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|kind| kind.to_str().ok())
                .unwrap_or_default();
            if !kind.starts_with("application/json") {
                return Err((
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "the body is application/json".into(),
                ));
            }
            let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await;
            let body = body.map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;
            serde_json::from_slice(&body)
                .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
        }
        _ => {
            let question = Query::<Question>::from_request_parts(&mut parts, &()).await;
            question
                .map(|Query(question)| question)
                .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
        }
    }
}

/// The tree as JSON, once the addresses of its leaves are known or the deadline has come.
async fn shown(tree: &DelegateTree<Bound>, deadline: Instant) -> Value {
    for bound in tree.bound_names() {
        // What is not known by then is shown as pending or failed.
        let _ = bound.addresses.ready(deadline).await;
    }
    tree.to_json(&mut |bound, path| {
        let id = match &bound.id {
            BoundId::Path(id) => id.to_string(),
            BoundId::Status(_) => path.to_string(),
        };
        let addresses = namer::wire::addresses_to_wire(&bound.addresses.now());
        json!({ "addr": mesh::api::Addr::from(&addresses), "id": id, "path": bound.residual.to_string() })
    })
}
