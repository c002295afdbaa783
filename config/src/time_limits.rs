//! How long the clients of a server may take.

use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::object::Object;
use crate::protocol::Protocol;
use crate::shown;

/// How long clients may take, each for as long as nothing moves. A connection that takes longer is closed, at most a quarter
/// of the time (and a tenth of a second) later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeLimits {
    /// From the first byte of a head to its last; then 408 is answered. 10 s by default. On HTTP/2, until a connection begins.
    #[serde(rename = "headerReadTimeoutMs", serialize_with = "shown::milliseconds")]
    pub header_read: Duration,
    /// From one piece of a body to the next, either way: what a client sends (then 408 is answered), and what it takes of its
    /// answer. 1 minute by default. On HTTP/2 bodies of requests that do not say how long they are may be silent.
    #[serde(rename = "bodyStallTimeoutMs", serialize_with = "shown::milliseconds")]
    pub body_stall: Duration,
    /// Without a byte in a tunnel, whichever side should send it; HTTP/1.1 only. 1 hour by default.
    #[serde(skip)]
    pub tunnel_idle: Duration,
    /// Of a connection as a whole.
    #[serde(rename = "serverSession")]
    pub session: ServerSession,
}

/// How long a connection may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ServerSession {
    /// From one request to the next; 10 minutes by default.
    #[serde(rename = "idleTimeMs", serialize_with = "shown::milliseconds")]
    pub idle: Duration,
    /// From its beginning to its last request, which is finished whenever it began; without limit by default.
    #[serde(rename = "lifeTimeMs", serialize_with = "shown::some_milliseconds")]
    pub life: Option<Duration>,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(10),
            body_stall: Duration::from_secs(60),
            tunnel_idle: Duration::from_secs(3600),
            session: ServerSession::default(),
        }
    }
}

impl Default for ServerSession {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(600),
            life: None,
        }
    }
}

impl TimeLimits {
    /// Reads what an entry of `servers:` says of them.
    pub(crate) fn read(server: &mut Object<'_>, protocol: Protocol) -> Self {
        let default = Self::default();
        let mut limit = |key, default| {
            let limit = server.get(key, |field| field.milliseconds(1));
            limit.unwrap_or(default)
        };
        Self {
            header_read: limit("headerReadTimeoutMs", default.header_read),
            body_stall: limit("bodyStallTimeoutMs", default.body_stall),
            tunnel_idle: match protocol {
                Protocol::Http => limit(TUNNEL_IDLE, default.tunnel_idle),
                Protocol::H2 => {
                    refuse_tunnels(server);
                    default.tunnel_idle
                }
            },
            session: server
                .get("serverSession", ServerSession::read)
                .unwrap_or_default(),
        }
    }
}

fn refuse_tunnels(server: &mut Object<'_>) {
    let message = format!("`{TUNNEL_IDLE}` is about HTTP/1.1: there are no tunnels on HTTP/2");
    server.refuse(TUNNEL_IDLE, &message, "leave it out");
}

const TUNNEL_IDLE: &str = "tunnelIdleTimeoutMs";

impl ServerSession {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let session = Self {
            idle: object
                .get("idleTimeMs", |field| field.milliseconds(1))
                .unwrap_or(default.idle),
            life: object.get("lifeTimeMs", |field| field.milliseconds(1)),
        };
        object.finish();
        Some(session)
    }
}
