//! The `admin:` object: where and how the admin server listens, and how long a graceful end may take.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::Serialize;

use crate::addresses::Address;
use crate::field::Field;
use crate::later::{Later, Scalar, Unless};
use crate::object::Object;
use crate::tls::ServerTlsConfig;
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
    /// Absent, plain text.
    pub tls: Option<ServerTlsConfig>,
}

impl AdminConfig {
    /// The defaults, on `port`.
    pub fn on_port(port: u16) -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
            shutdown_grace: Duration::from_secs(10),
            tls: None,
        }
    }
}

impl AdminConfig {
    /// Reads the `admin:` of a file.
    pub(crate) fn read<'a>(file: &mut Object<'a>, port: u16) -> (Self, Address<'a>) {
        let default = Self::on_port(port);
        let Some(mut object) = file.get("admin", Field::object) else {
            return (default, Address::default_at(port, file.at));
        };
        let address = Address::read(&mut object, port);
        let shutdown_grace = object.get("shutdownGraceMs", |field| field.milliseconds(0));
        let tls = object.get("tls", ServerTlsConfig::read);
        object.later(LATER);
        object.finish();
        let admin = Self {
            ip: address.ip,
            port: address.port,
            shutdown_grace: shutdown_grace.unwrap_or(default.shutdown_grace),
            tls,
        };
        (admin, address)
    }
}

const LATER: &[Later] = &[
    Later::key("httpIdentifierPort"),
    Later::unless("security", Unless::Object(SECURITY)),
    Later::unless("socketOptions", Unless::Object(socket::DEFAULTS)),
    Later::unless("workerThreads", Unless::Is(Scalar::Integer(2))),
];

const SECURITY: &[Later] = &[
    Later::unless("uiEnabled", Unless::Is(Scalar::Bool(true))),
    Later::unless("controlEnabled", Unless::Is(Scalar::Bool(true))),
    Later::unless("diagnosticsEnabled", Unless::Is(Scalar::Bool(true))),
    Later::unless("pathWhitelist", Unless::Empty),
    Later::unless("pathBlacklist", Unless::Empty),
];
