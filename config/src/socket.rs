//! The `socketOptions:` object.

use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::later::{Later, Scalar, Unless};
use crate::object::Object;
use crate::shown;

/// Options of a listening socket and of the connections it accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketOptions {
    /// `TCP_NODELAY`; on by default.
    pub no_delay: bool,
    /// `SO_REUSEADDR`; on by default.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`; off by default.
    pub reuse_port: bool,
    /// `SO_KEEPALIVE`; the system's choice by default.
    pub keep_alive: Option<bool>,
    /// How many connections may wait to be accepted; the system's choice by default.
    pub backlog: Option<u32>,
    /// How long a server waits for the next byte of a client that should send one, if it is shorter than the server's own limit for
    /// that wait.
    #[serde(
        rename = "readTimeoutMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub read_timeout: Option<Duration>,
    /// The same for a client that should take the next byte.
    #[serde(
        rename = "writeTimeoutMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub write_timeout: Option<Duration>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            no_delay: true,
            reuse_addr: true,
            reuse_port: false,
            keep_alive: None,
            backlog: None,
            read_timeout: None,
            write_timeout: None,
        }
    }
}

impl SocketOptions {
    /// Reads a `socketOptions:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        Self::read_with(field, |_, object| object.later(TIMEOUTS))
    }

    /// Reads that of a router's server, which has a patience of its own for each wait.
    pub(crate) fn read_of_server(field: Field<'_>) -> Option<Self> {
        Self::read_with(field, |options, object| {
            options.read_timeout = object.get("readTimeoutMs", |field| field.milliseconds(1));
            options.write_timeout = object.get("writeTimeoutMs", |field| field.milliseconds(1));
        })
    }

    fn read_with(field: Field<'_>, rest: impl FnOnce(&mut Self, &mut Object<'_>)) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let mut options = Self {
            no_delay: object
                .get("noDelay", Field::boolean)
                .unwrap_or(default.no_delay),
            reuse_addr: object
                .get("reuseAddr", Field::boolean)
                .unwrap_or(default.reuse_addr),
            reuse_port: object
                .get("reusePort", Field::boolean)
                .unwrap_or(default.reuse_port),
            keep_alive: object.get("keepAlive", Field::boolean),
            backlog: object.get("backlog", |field| field.integer(1..=65_535)),
            ..default
        };
        rest(&mut options, &mut object);
        object.finish();
        Some(options)
    }

    /// The same for a Unix socket, to which only some of them mean anything.
    pub(crate) fn read_unix(field: Field<'_>) -> Option<Self> {
        let options = Self::read_of_server(field)?;
        let default = Self::default();
        let object = field.object()?;
        for (key, is_default) in [
            ("noDelay", options.no_delay == default.no_delay),
            ("reuseAddr", options.reuse_addr == default.reuse_addr),
            ("reusePort", options.reuse_port == default.reuse_port),
            ("keepAlive", options.keep_alive == default.keep_alive),
        ] {
            if !is_default {
                let message = format!("`{key}` means nothing to a Unix socket");
                let at = object.place_of(key);
                object.complaints.error(at, message, "leave it out");
            }
        }
        Some(options)
    }
}

const TIMEOUTS: &[Later] = &[Later::key("readTimeoutMs"), Later::key("writeTimeoutMs")];

/// The options where none can be set yet.
pub(crate) const DEFAULTS: &[Later] = &[
    Later::unless("noDelay", Unless::Is(Scalar::Bool(true))),
    Later::unless("reuseAddr", Unless::Is(Scalar::Bool(true))),
    Later::unless("reusePort", Unless::Is(Scalar::Bool(false))),
    Later::key("readTimeoutMs"),
    Later::key("writeTimeoutMs"),
    Later::key("keepAlive"),
    Later::key("backlog"),
];
