//! How far the view can be trusted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Namespace;

/// How well the store is, as this namerd sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The store's `kind:`.
    pub kind: &'static str,
    /// Whether the view is what the store has.
    pub condition: Condition,
    /// Namespaces whose stored text is no dtab, with the parser's complaint: the view keeps their last good one.
    pub unparsable: BTreeMap<Namespace, Arc<str>>,
}

/// Whether the view is what the store has.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The store was not heard yet.
    Pending {
        /// What stands in the way, if that is known.
        reason: Option<Arc<str>>,
    },
    /// It is.
    Ok,
    /// It was, up to a time.
    Stale {
        /// When the view was last known to be what the store has.
        since: Instant,
        /// What happened then.
        reason: Arc<str>,
    },
}

impl Health {
    /// `ok`, `stale` or `pending`.
    pub fn state(&self) -> &'static str {
        match self.condition {
            Condition::Pending { .. } => "pending",
            Condition::Ok => "ok",
            Condition::Stale { .. } => "stale",
        }
    }

    /// How old the view's state is: zero while the store is well, none while nothing was heard.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        match self.condition {
            Condition::Pending { .. } => None,
            Condition::Ok => Some(Duration::ZERO),
            Condition::Stale { since, .. } => Some(now.saturating_duration_since(since)),
        }
    }

    /// What is wrong, for a person to read; none if nothing is.
    pub fn detail(&self) -> Option<String> {
        let reason = match &self.condition {
            Condition::Pending { reason } => reason.as_deref().map(str::to_owned),
            Condition::Ok => None,
            Condition::Stale { reason, .. } => Some(reason.as_ref().to_owned()),
        };
        let unparsable = self.unparsable.iter().map(|(namespace, why)| {
            format!("the stored text of namespace {namespace} is no dtab, its last good one stays: {why}")
        });
        let lines: Vec<String> = reason.into_iter().chain(unparsable).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}
