//! The `budget:` of retries and the `requeueBudget:` of clients.

use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::shown;

/// How many requests may be tried again: so many a second, and so many of a hundred on top.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryBudget {
    /// How long a request counts, 1 s to 1 minute; 10 s by default.
    #[serde(rename = "ttlSecs", serialize_with = "shown::seconds")]
    pub ttl: Duration,
    /// What is allowed without any request that counts; 10 by default.
    pub min_retries_per_sec: u32,
    /// What is allowed for each request that counts, 0 to 1000; 0.2 by default. With both at 0 nothing is.
    pub percent_can_retry: f64,
}

impl Default for RetryBudget {
    /// Source: finagle `RetryBudget`.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(10),
            min_retries_per_sec: 10,
            percent_can_retry: 0.2,
        }
    }
}

impl RetryBudget {
    /// Reads a budget.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let budget = Self {
            ttl: object
                .get("ttlSecs", |field| field.integer(1..=60))
                .map_or(default.ttl, Duration::from_secs),
            min_retries_per_sec: object
                .get("minRetriesPerSec", |field| field.integer(0..=1_000_000))
                .unwrap_or(default.min_retries_per_sec),
            percent_can_retry: object
                .get("percentCanRetry", |field| field.number(0.0..=1000.0))
                .unwrap_or(default.percent_can_retry),
        };
        object.finish();
        Some(budget)
    }
}
