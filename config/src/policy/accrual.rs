//! The `failureAccrual:` object: when an endpoint is taken out, and when it is tried again.

use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;
use crate::policy::Backoff;
use crate::shown;

/// When an endpoint gets no more requests. `backoff` is how long, before one request tries it again; absent, equal jittered: about
/// 5 s at first, and up to 5 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum FailureAccrual {
    /// Never.
    #[serde(rename = "none")]
    None,
    /// After so many failures in a row; the default, with 5.
    #[serde(rename = "io.l5d.consecutiveFailures")]
    ConsecutiveFailures {
        /// At least 1.
        failures: u32,
        /// How long it is left alone.
        backoff: Option<Backoff>,
    },
    /// When too few of the last requests succeed.
    #[serde(rename = "io.l5d.successRate")]
    SuccessRate {
        /// The least part that succeeds, 0 to 1.
        #[serde(rename = "successRate")]
        rate: f64,
        /// How many requests are the last ones, at least 1.
        requests: u32,
        /// How long it is left alone.
        backoff: Option<Backoff>,
    },
    /// When too few of the requests of the last time succeed.
    #[serde(rename = "io.l5d.successRateWindowed")]
    SuccessRateWindowed {
        /// The least part that succeeds, 0 to 1.
        #[serde(rename = "successRate")]
        rate: f64,
        /// How long the last time is, at least 1 s.
        #[serde(serialize_with = "shown::seconds")]
        window: Duration,
        /// How long it is left alone.
        backoff: Option<Backoff>,
    },
}

impl Default for FailureAccrual {
    fn default() -> Self {
        Self::ConsecutiveFailures {
            failures: 5,
            backoff: None,
        }
    }
}

impl FailureAccrual {
    /// Reads a `failureAccrual:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let kind = object.kind(&KINDS, None)?;
        let backoff = object.get("backoff", Backoff::read);
        let accrual = match kind {
            "io.l5d.consecutiveFailures" => object
                .require("failures", |field| field.integer(1..=1_000_000))
                .map(|failures| Self::ConsecutiveFailures { failures, backoff }),
            "io.l5d.successRate" => {
                let rate = read_rate(&mut object);
                let requests = object.require("requests", |field| field.integer(1..=1_000_000));
                rate.zip(requests)
                    .map(|(rate, requests)| Self::SuccessRate {
                        rate,
                        requests,
                        backoff,
                    })
            }
            "io.l5d.successRateWindowed" => {
                let rate = read_rate(&mut object);
                let window = object.require("window", Field::seconds);
                rate.zip(window)
                    .map(|(rate, window)| Self::SuccessRateWindowed {
                        rate,
                        window,
                        backoff,
                    })
            }
            // Its backoff may be written, as in the reference; there is nothing to wait for.
            _ => Some(Self::None),
        };
        object.finish();
        accrual
    }
}

fn read_rate(object: &mut Object<'_>) -> Option<f64> {
    object.require("successRate", |field| field.number(0.0..=1.0))
}

const KINDS: Kinds = Kinds::carrying(&[
    "io.l5d.consecutiveFailures",
    "io.l5d.successRate",
    "io.l5d.successRateWindowed",
    "none",
]);
