//! `/history`: what a namespace was, who changed it, and why.

use mesh::api;

use super::call::Call;
use super::records::shown;
use super::refusal::Refusal;
use super::{Answer, Api, json_line};
use crate::store::{Action, Namespace, Revision};

/// How many revisions an answer has unless more or fewer are asked for.
const LIMIT: u64 = 50;

/// How many it has at most.
const LIMIT_MAX: u64 = 1000;

impl Api {
    /// The revisions of a namespace, newest first.
    pub(super) async fn history(&self, name: &str, call: &Call) -> Answer {
        let namespace =
            Namespace::new(name).map_err(|error| Refusal::not_found(error.to_string()))?;
        let limit = call.number("limit")?.unwrap_or(LIMIT).min(LIMIT_MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let before = call.number("before")?;
        let history = self.store().history(&namespace, before, limit).await?;
        let history: Vec<api::Revision> = history.into_iter().map(Into::into).collect();
        Ok(shown("application/json", json_line(&history)))
    }
}

impl From<Revision> for api::Revision {
    fn from(revision: Revision) -> Self {
        Self {
            revision: revision.revision,
            version: api::Version(revision.revision).tag(),
            time: revision.time,
            author: revision.author,
            message: revision.message,
            action: match revision.action {
                Action::Create => api::Action::Create,
                Action::Update => api::Action::Update,
                Action::Delete => api::Action::Delete,
                Action::External => api::Action::External,
            },
            dtab: revision.text,
        }
    }
}
