//! The `socketOptions:` object.

use serde::Serialize;

use crate::field::Field;
use crate::later::{Later, Scalar, Unless};

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
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            no_delay: true,
            reuse_addr: true,
            reuse_port: false,
            keep_alive: None,
            backlog: None,
        }
    }
}

impl SocketOptions {
    /// Reads a `socketOptions:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let options = Self {
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
        };
        object.later(&[Later::key("readTimeoutMs"), Later::key("writeTimeoutMs")]);
        object.finish();
        Some(options)
    }

    /// The same for a Unix socket, to which only some of them mean anything.
    pub(crate) fn read_unix(field: Field<'_>) -> Option<Self> {
        let options = Self::read(field)?;
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
