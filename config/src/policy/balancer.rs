//! The `loadBalancer:` object: which endpoint gets a request.

use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;
use crate::shown;

/// Which endpoint gets a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// How it chooses.
    #[serde(flatten)]
    pub kind: BalancerKind,
    /// Whether an endpoint that is no longer named is used for as long as it is well; off by default.
    pub enable_probation: bool,
    /// How long a new endpoint gets less than its share, which grows from nothing all that time; 0 by default, its whole share at once.
    #[serde(rename = "slowStartMs", serialize_with = "shown::milliseconds")]
    pub slow_start: Duration,
    /// Below which part of live endpoints, 0 to 1, all are taken for live, so that the last ones are not run over; 0 by default, never.
    pub panic_threshold: f64,
}

/// How a balancer chooses. `max_effort` is how many endpoints it looks at to find one that is live, 5 by default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum BalancerKind {
    /// The one of two with fewer requests in flight; the default.
    #[serde(rename = "p2c")]
    P2c {
        /// At least 1.
        max_effort: usize,
    },
    /// The one of two that promises to answer sooner.
    #[serde(rename = "ewma")]
    Ewma {
        /// At least 1.
        max_effort: usize,
        /// How soon it forgets how long answers took; 10 s by default.
        #[serde(rename = "decayTimeMs", serialize_with = "shown::milliseconds")]
        decay: Duration,
    },
    /// The one of two with fewer requests in flight, among no more endpoints than the load asks for.
    #[serde(rename = "aperture")]
    Aperture {
        /// At least 1.
        max_effort: usize,
        /// How soon it forgets the load; 5 s by default.
        #[serde(rename = "smoothWindowMs", serialize_with = "shown::milliseconds")]
        smooth_window: Duration,
        /// The requests in flight for each endpoint at which it takes one less; 0.5 by default, and below `high_load`.
        low_load: f64,
        /// The requests in flight for each endpoint at which it takes one more; 2 by default.
        high_load: f64,
        /// The fewest endpoints; 1 by default.
        min_aperture: usize,
    },
    /// The one of all with the fewest requests in flight.
    #[serde(rename = "heap")]
    Heap,
    /// One after the other.
    #[serde(rename = "roundRobin")]
    RoundRobin {
        /// At least 1.
        max_effort: usize,
    },
}

impl Default for BalancerKind {
    fn default() -> Self {
        Self::P2c { max_effort: 5 }
    }
}

impl LoadBalancer {
    /// Reads a `loadBalancer:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let balancer = Self {
            kind: BalancerKind::read(&mut object)?,
            enable_probation: object
                .get("enableProbation", Field::boolean)
                .unwrap_or(default.enable_probation),
            slow_start: object
                .get("slowStartMs", |field| field.milliseconds(0))
                .unwrap_or(default.slow_start),
            panic_threshold: object
                .get("panicThreshold", |field| field.number(0.0..=1.0))
                .unwrap_or(default.panic_threshold),
        };
        object.finish();
        Some(balancer)
    }
}

impl BalancerKind {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        let kind = match object.kind(&KINDS, Some("p2c"))? {
            "ewma" => Self::Ewma {
                max_effort: max_effort(object),
                decay: object
                    .get("decayTimeMs", |field| field.milliseconds(1))
                    .unwrap_or(Duration::from_secs(10)),
            },
            "aperture" => Self::read_aperture(object),
            "heap" => Self::Heap,
            "roundRobin" => Self::RoundRobin {
                max_effort: max_effort(object),
            },
            _ => Self::P2c {
                max_effort: max_effort(object),
            },
        };
        Some(kind)
    }

    fn read_aperture(object: &mut Object<'_>) -> Self {
        let max_effort = max_effort(object);
        let smooth_window = object.get("smoothWindowMs", |field| field.milliseconds(1));
        let load = |field: Field<'_>| field.number(0.0..=1_000_000.0);
        let low_load = object.get("lowLoad", load).unwrap_or(0.5);
        let high_load = object.get("highLoad", load).unwrap_or(2.0);
        if low_load >= high_load {
            let message = format!(
                "`lowLoad` must be below `highLoad`, and {low_load} is not below {high_load}"
            );
            object
                .complaints
                .error(object.place_of("lowLoad"), message, "");
        }
        Self::Aperture {
            max_effort,
            smooth_window: smooth_window.unwrap_or(Duration::from_secs(5)),
            low_load,
            high_load,
            min_aperture: object
                .get("minAperture", |field| field.integer(1..=1_000_000))
                .unwrap_or(1),
        }
    }
}

fn max_effort(object: &mut Object<'_>) -> usize {
    object
        .get("maxEffort", |field| field.integer(1..=1000))
        .unwrap_or(5)
}

const KINDS: Kinds = Kinds::carrying(&["p2c", "ewma", "aperture", "heap", "roundRobin"]);
