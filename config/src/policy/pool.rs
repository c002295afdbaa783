//! The `hostConnectionPool:` and `clientSession:` objects: the connections to an endpoint.

use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::shown;

/// How many connections an endpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// How many are kept however long they are idle; none by default.
    pub min_size: usize,
    /// How many there may be; without limit by default.
    pub max_size: Option<usize>,
    /// How long the others may be idle; 60 s by default, less than what most servers allow (for ever in linkerd, where a connection
    /// that the endpoint has just closed costs a request).
    #[serde(rename = "idleTimeMs", serialize_with = "shown::milliseconds")]
    pub idle_time: Duration,
    /// How many requests may wait for a connection, once there are `max_size`; without limit by default.
    pub max_waiters: Option<usize>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            min_size: 0,
            max_size: None,
            idle_time: Duration::from_secs(60),
            max_waiters: None,
        }
    }
}

impl Pool {
    /// Reads a `hostConnectionPool:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let size = |field: Field<'_>, least| field.integer(least..=1_000_000);
        let pool = Self {
            min_size: object
                .get("minSize", |field| size(field, 0))
                .unwrap_or(default.min_size),
            max_size: object.get("maxSize", |field| size(field, 1)),
            idle_time: object
                .get("idleTimeMs", |field| field.milliseconds(1))
                .unwrap_or(default.idle_time),
            max_waiters: object.get("maxWaiters", |field| size(field, 0)),
        };
        if pool.max_size.is_some_and(|max| max < pool.min_size) {
            let message = "`maxSize` must not be below `minSize`";
            object
                .complaints
                .error(object.place_of("maxSize"), message, "");
        }
        object.finish();
        Some(pool)
    }
}

/// When a connection to an endpoint is closed. A request that it has is finished first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClientSession {
    /// After this long without a request; without limit by default.
    #[serde(rename = "idleTimeMs", serialize_with = "shown::some_milliseconds")]
    pub idle: Option<Duration>,
    /// This long after it was opened; without limit by default.
    #[serde(rename = "lifeTimeMs", serialize_with = "shown::some_milliseconds")]
    pub life: Option<Duration>,
}

impl ClientSession {
    /// Reads a `clientSession:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let session = Self {
            idle: object.get("idleTimeMs", |field| field.milliseconds(1)),
            life: object.get("lifeTimeMs", |field| field.milliseconds(1)),
        };
        object.finish();
        Some(session)
    }
}
