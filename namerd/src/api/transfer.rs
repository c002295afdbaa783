//! `/export` and `/import`: everything that the store has, to move it to another.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use mesh::api;

use super::call::Call;
use super::lint::aside;
use super::records::shown;
use super::refusal::Refusal;
use super::{Answer, Api, json_line};
use crate::store::Export;

impl Api {
    /// All namespaces with all their revisions.
    pub(super) async fn export(&self) -> Answer {
        let export = self.store().export().await?;
        let json = aside(move || Ok(json_line(&api::Export::from(export)))).await?;
        Ok(shown("application/json", json))
    }

    /// Takes in what was exported.
    pub(super) async fn import(&self, call: &Call) -> Answer {
        let body = call.body.clone();
        let export = aside(move || {
            serde_json::from_slice::<Export>(&body).map_err(|error| {
                let place = (error.line(), error.column());
                Refusal::bad_request(format!("cannot read the export: {error}")).at(place)
            })
        });
        let export = export.await?;
        let replace = call.params.is_true("replace");
        self.store().import(export, replace, call.by()).await?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

impl From<Export> for api::Export {
    fn from(export: Export) -> Self {
        let namespaces = export.namespaces.into_iter().map(|(namespace, history)| {
            (
                namespace.into(),
                history.into_iter().map(Into::into).collect(),
            )
        });
        Self {
            format: export.format,
            namespaces: namespaces.collect::<BTreeMap<_, _>>(),
        }
    }
}
