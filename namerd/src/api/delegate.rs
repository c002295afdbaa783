//! `/delegate`: every way that a path can go, with the rules that lead there.

use std::sync::Arc;

use bytes::Bytes;
use dtab::{DelegateTree, Dtab, Path};
use http::{Method, StatusCode, header};
use live::Reads;
use mesh::api::DelegationRequest;
use namer::{Binder, Bound, DelegateFailure, Interpreter};
use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::names::{addr, bound_json};
use super::records::{WAIT, shown};
use super::refusal::Refusal;
use super::{Answer, Api};

impl Api {
    /// A path by a namespace's dtab, with the given one behind it.
    pub(super) async fn delegate(&self, namespace: &str, call: &Call) -> Answer {
        answer(self.binder(namespace), call.path()?, call.dtab()?).await
    }

    /// A path by the given dtab, behind that of a namespace if one is given.
    pub(super) async fn delegate_given(&self, call: &Call) -> Answer {
        if call.method == Method::POST {
            return self.delegate_posted(call).await;
        }
        let binder = self.given(call.params.value("namespace"));
        answer(binder, call.path()?, call.dtab()?).await
    }

    async fn delegate_posted(&self, call: &Call) -> Answer {
        let media = call.headers.get(header::CONTENT_TYPE);
        if media.is_none_or(|media| media != "application/json") {
            let message = "expected Content-Type: application/json";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let wanted: DelegationRequest = serde_json::from_slice(&call.body).map_err(|error| {
            let body = String::from_utf8_lossy(&call.body);
            Refusal::bad_request(format!("Malformed delegation request: {body}\n{error}"))
        })?;
        let dtab = Dtab::parse(&wanted.dtab);
        let dtab =
            dtab.map_err(|error| Refusal::invalid_parameter("dtab", &wanted.dtab, &error))?;
        let path = Path::parse(&wanted.path);
        let path =
            path.map_err(|error| Refusal::invalid_parameter("path", &wanted.path, &error))?;
        answer(self.given(wanted.namespace.as_deref()), path, dtab).await
    }

    fn given(&self, namespace: Option<&str>) -> Arc<Binder> {
        namespace.map_or_else(
            || Arc::clone(self.namespaces.concrete()),
            |name| self.binder(name),
        )
    }
}

async fn answer(binder: Arc<Binder>, path: Path, dtab: Dtab) -> Answer {
    let deadline = Instant::now() + WAIT;
    let tree = timeout_at(deadline, binder.delegate(&path, &dtab))
        .await
        .map_err(|_| timed_out())?;
    let tree = tree.map_err(|failure| match failure {
        DelegateFailure::TimedOut(_) => timed_out(),
        DelegateFailure::Failed(why) => Refusal::bad_request(why),
        DelegateFailure::Hidden => Refusal::bad_request(failure.to_string()),
        DelegateFailure::Unavailable(why) => Refusal::not_now(why),
    })?;
    let json = timeout_at(deadline, json(&tree))
        .await
        .map_err(|_| timed_out())?;
    Ok(shown("application/json", json))
}

fn timed_out() -> Refusal {
    Refusal::not_now("Request timed out.")
}

/// A delegation with a sample of its addresses, which are waited for.
async fn json(tree: &DelegateTree<Bound>) -> Bytes {
    let mut reads = Reads::default();
    loop {
        let mut next = Reads::default();
        let mut is_pending = false;
        let json = tree.to_json(&mut |bound: &Bound, path: &Path| {
            let state = next.read(&bound.addresses);
            is_pending |= state.is_pending();
            // What has an id that is no path is shown by the path that led to it.
            let id = bound.id.path().unwrap_or(path);
            bound_json(id.clone(), &bound.residual, addr(&state))
        });
        drop(std::mem::replace(&mut reads, next));
        if !is_pending {
            return json.to_string().into();
        }
        reads.changed().await;
    }
}
