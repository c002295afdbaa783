//! The entries of namerd's `interfaces:`.

use std::net::IpAddr;

use serde::Serialize;

use crate::addresses::Address;
use crate::field::Field;
use crate::kinds::Kinds;
use crate::later::Later;
use crate::socket::SocketOptions;
use crate::tls::ServerTlsConfig;

/// A listening socket of namerd, and what is spoken there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceConfig {
    /// What is spoken.
    #[serde(flatten)]
    pub kind: InterfaceKind,
    /// Where it listens; loopback by default.
    pub ip: IpAddr,
    /// 4180 for the HTTP API, 4321 for the mesh by default; 0 lets the system choose.
    pub port: u16,
    /// Options of the socket and its connections.
    pub socket_options: SocketOptions,
    /// Absent, plain text.
    pub tls: Option<ServerTlsConfig>,
}

/// What an interface speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum InterfaceKind {
    /// The HTTP API.
    #[serde(rename = "io.l5d.httpController")]
    HttpController {
        /// Whether a write without `If-Match` or `If-None-Match` is refused; off by default.
        require_match: bool,
    },
    /// gRPC, for routers.
    #[serde(rename = "io.l5d.mesh")]
    Mesh,
}

impl InterfaceKind {
    /// The word after `kind:`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HttpController { .. } => "io.l5d.httpController",
            Self::Mesh => "io.l5d.mesh",
        }
    }
}

impl InterfaceConfig {
    /// Reads an entry of `interfaces:`.
    pub(crate) fn read(field: Field<'_>) -> Option<(Self, Address<'_>)> {
        let mut object = field.object()?;
        let (kind, port) = match object.kind(&KINDS, None)? {
            "io.l5d.httpController" => {
                let require_match = object
                    .get("requireMatch", Field::boolean)
                    .unwrap_or_default();
                (InterfaceKind::HttpController { require_match }, 4180)
            }
            _ => {
                object.later(MESH_LATER);
                (InterfaceKind::Mesh, 4321)
            }
        };
        let address = Address::read(&mut object, port);
        let interface = Self {
            kind,
            ip: address.ip,
            port: address.port,
            socket_options: object
                .get("socketOptions", SocketOptions::read)
                .unwrap_or_default(),
            tls: object.get("tls", ServerTlsConfig::read),
        };
        object.experimental();
        object.finish();
        Some((interface, address))
    }
}

const MESH_LATER: &[Later] = &[
    Later::key("h2AccessLog"),
    Later::key("h2AccessLogRollPolicy"),
    Later::key("h2AccessLogAppend"),
    Later::key("h2AccessLogRotateCount"),
];

const KINDS: Kinds = Kinds {
    later: &[
        (
            "io.l5d.thriftNameInterpreter",
            "use `io.l5d.mesh`, and `io.l5d.mesh` in the routers' `interpreter`",
        ),
        ("io.l5d.destination", "use `io.l5d.mesh`"),
    ],
    ..Kinds::carrying(&["io.l5d.httpController", "io.l5d.mesh"])
};
