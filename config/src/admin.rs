//! The `admin:` object: where the admin server listens, and how long a graceful end may take.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::later::{Later, Scalar, Unless};
use crate::{shown, socket};

/// The admin server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdminConfig {
    /// Where it listens; loopback by default.
    pub ip: IpAddr,
    /// 9990 for the router, 9991 for namerd; 0 lets the system choose.
    pub port: u16,
    /// The upper bound of a graceful end; what is still running then is cut. 10 s by default.
    #[serde(rename = "shutdownGraceMs", serialize_with = "shown::milliseconds")]
    pub shutdown_grace: Duration,
}

impl AdminConfig {
    /// The defaults, on `port`.
    pub fn on_port(port: u16) -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

impl AdminConfig {
    /// Reads an `admin:` object whose port is `port` by default.
    pub(crate) fn read(field: Field<'_>, port: u16) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::on_port(port);
        let admin = Self {
            ip: object.get("ip", Field::ip).unwrap_or(default.ip),
            port: object.get("port", Field::port).unwrap_or(default.port),
            shutdown_grace: object
                .get("shutdownGraceMs", |field| field.milliseconds(0))
                .unwrap_or(default.shutdown_grace),
        };
        object.later(LATER);
        object.finish();
        Some(admin)
    }
}

const LATER: &[Later] = &[
    Later::key("httpIdentifierPort"),
    Later::unless("security", Unless::Object(SECURITY)),
    Later::unless("socketOptions", Unless::Object(socket::DEFAULTS)),
    Later::unless("tls", Unless::Off),
    Later::unless("workerThreads", Unless::Is(Scalar::Integer(2))),
];

const SECURITY: &[Later] = &[
    Later::unless("uiEnabled", Unless::Is(Scalar::Bool(true))),
    Later::unless("controlEnabled", Unless::Is(Scalar::Bool(true))),
    Later::unless("diagnosticsEnabled", Unless::Is(Scalar::Bool(true))),
    Later::unless("pathWhitelist", Unless::Empty),
    Later::unless("pathBlacklist", Unless::Empty),
];
