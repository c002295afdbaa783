//! The entries of a router's `servers:`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::addresses::{Address, Claim, Claimed};
use crate::complaints::Complaints;
use crate::field::Field;
use crate::forwarded::ForwardedHeader;
use crate::http2::Http2Server;
use crate::later::{Later, Unless};
use crate::node::Place;
use crate::object::Object;
use crate::protocol::Protocol;
use crate::shown;
use crate::socket::SocketOptions;
use crate::time_limits::TimeLimits;
use crate::tls::ServerTlsConfig;
use crate::unix::UnixSocket;

/// A listening socket of a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct Server {
    /// What its router speaks.
    #[serde(skip)]
    pub protocol: Protocol,
    /// Where it listens.
    #[serde(flatten)]
    pub listens: Listens,
    /// Options of the socket and its connections.
    pub socket_options: SocketOptions,
    /// How many proxies a request's `Via` may name; 1000 by default.
    pub max_call_depth: usize,
    /// Whether `l5d-dtab`, `l5d-ctx-*` and their kin are dropped. `None`, nobody has decided: they are honoured, and a server
    /// that strangers may reach is named in a warning at start.
    pub clear_context: Option<bool>,
    /// How `Forwarded` names who took a request and who sent it; none is added by default.
    pub add_forwarded_header: Option<ForwardedHeader>,
    /// The header that says when a request came in, in milliseconds since 1970; none is added by default.
    pub timestamp_header: Option<String>,
    /// How many connections it may have; others wait in the system's queue. Without limit by default.
    pub max_connections: Option<usize>,
    /// How many requests it may have in flight; what comes on top is answered with 503 at once. Without limit by default.
    pub max_concurrent_requests: Option<usize>,
    /// How long a request may take here, from its head to that of its answer; then 504 is answered. Without limit by default.
    #[serde(rename = "timeoutMs", serialize_with = "shown::some_milliseconds")]
    pub timeout: Option<Duration>,
    /// Absent, plain text.
    pub tls: Option<ServerTlsConfig>,
    /// How long clients may take.
    #[serde(flatten)]
    pub time_limits: TimeLimits,
    /// Whether clients that begin with HTTP/2 may speak it; off by default, and always in `protocol: h2`, which takes nothing else.
    #[serde(skip)]
    pub h2c: bool,
    /// How HTTP/2 is spoken, where it is.
    #[serde(skip)]
    pub http2: Http2Server,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Listens {
    /// On a port.
    Inet {
        /// Loopback by default.
        ip: IpAddr,
        /// 4140 by default, and 4142 of an h2 router; 0 lets the system choose.
        port: u16,
    },
    /// On a file.
    Unix(UnixSocket),
}

impl Listens {
    /// Whether processes of other machines may connect.
    #[must_use]
    pub fn is_open_to_strangers(&self) -> bool {
        match self {
            Self::Inet { ip, .. } => !ip.is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::of(Protocol::default())
    }
}

/// Shown with what belongs to the versions of HTTP that it takes.
impl Serialize for Server {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten, serialize_with = "Server::serialize")]
            server: &'a Server,
            #[serde(flatten)]
            http1: Option<ShownHttp1>,
            #[serde(flatten)]
            http2: Option<Http2Server>,
        }
        #[derive(Serialize)]
        struct ShownHttp1 {
            #[serde(rename = "tunnelIdleTimeoutMs", serialize_with = "shown::milliseconds")]
            tunnel_idle: Duration,
            h2c: bool,
        }
        let shown = Shown {
            server: self,
            http1: (self.protocol == Protocol::Http).then_some(ShownHttp1 {
                tunnel_idle: self.time_limits.tunnel_idle,
                h2c: self.h2c,
            }),
            http2: self.takes_http2().then_some(self.http2),
        };
        shown.serialize(serializer)
    }
}

impl Server {
    /// Whether some of its clients may speak HTTP/2.
    #[must_use]
    pub fn takes_http2(&self) -> bool {
        self.h2c || self.protocol == Protocol::H2
    }

    fn of(protocol: Protocol) -> Self {
        Self {
            protocol,
            listens: Listens::Inet {
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                port: protocol.default_port(),
            },
            socket_options: SocketOptions::default(),
            max_call_depth: 1000,
            clear_context: None,
            add_forwarded_header: None,
            timestamp_header: None,
            max_connections: None,
            max_concurrent_requests: None,
            timeout: None,
            tls: None,
            time_limits: TimeLimits::default(),
            h2c: false,
            http2: Http2Server::default(),
        }
    }

    /// Reads an entry of `servers:`, and where to complain about its address, if that is not wrong already.
    pub(crate) fn read(field: Field<'_>, protocol: Protocol) -> Option<(Self, Option<&Place>)> {
        let mut object = field.object()?;
        let default = Self::of(protocol);
        let (listens, at) = Listens::read(&mut object, protocol);
        let socket_options = object.get("socketOptions", |field| match listens {
            Listens::Inet { .. } => SocketOptions::read_of_server(field),
            Listens::Unix(_) => SocketOptions::read_unix(field),
        });
        let (h2c, http2) = read_http2(&mut object, protocol);
        let server = Self {
            protocol,
            listens,
            socket_options: socket_options.unwrap_or_default(),
            max_call_depth: object
                .get("maxCallDepth", |field| field.integer(1..=1_000_000))
                .unwrap_or(default.max_call_depth),
            clear_context: object.get("clearContext", Field::boolean),
            add_forwarded_header: object.get("addForwardedHeader", ForwardedHeader::read),
            timestamp_header: object.get("timestampHeader", read_timestamp_header),
            max_connections: object.get("maxConnections", read_count),
            max_concurrent_requests: object.get("maxConcurrentRequests", read_count),
            timeout: object.get("timeoutMs", |field| field.milliseconds(1)),
            tls: object.get("tls", ServerTlsConfig::read),
            time_limits: TimeLimits::read(&mut object, protocol),
            h2c,
            http2,
        };
        // As in the reference, which shows a server by its address.
        object.get("label", Field::text);
        object.later(LATER);
        server.warn_if_strangers_can_reroute(object.place_of("ip"), object.complaints);
        object.finish();
        Some((server, at))
    }

    /// That `owner` will listen there.
    pub(crate) fn claimed_by<'a>(&self, owner: &str, at: &'a Place) -> Claim<'a> {
        let address = match &self.listens {
            Listens::Inet { ip, port } => Claimed::Inet(SocketAddr::new(*ip, *port)),
            Listens::Unix(socket) => Claimed::Unix(socket.path.clone()),
        };
        Claim::new(address, owner, at)
    }

    /// A stranger who may send `l5d-dtab` decides where requests go.
    fn warn_if_strangers_can_reroute(&self, at: &Place, complaints: &Complaints) {
        if let Listens::Inet { ip, port } = self.listens
            && self.clear_context.is_none()
            && self.listens.is_open_to_strangers()
        {
            let message = format!(
                "whoever reaches {} can reroute requests with `l5d-dtab`",
                SocketAddr::new(ip, port)
            );
            let help =
                "set `clearContext: true` where strangers can connect, or `false` to keep it so";
            complaints.warn(at, message, help);
        }
    }
}

impl Listens {
    /// Reads `unixPath`, or `ip` and `port`.
    fn read<'a>(object: &mut Object<'a>, protocol: Protocol) -> (Self, Option<&'a Place>) {
        let Some(field) = object.field("unixPath") else {
            object.refuse(
                "unixMode",
                "`unixMode` is for servers that have a `unixPath`",
                "leave it out",
            );
            let address = Address::read(object, protocol.default_port());
            let (ip, port) = (address.ip, address.port);
            return (Self::Inet { ip, port }, address.at);
        };
        for key in ["ip", "port"] {
            let message = format!("`unixPath` and `{key}` exclude each other");
            object.refuse(key, &message, "make two servers of it");
        }
        let socket = UnixSocket::read(field, object);
        let at = socket.is_some().then_some(&field.node.at);
        (Self::Unix(socket.unwrap_or_default()), at)
    }
}

/// Whether clients of an http router may speak HTTP/2, and how that is spoken.
fn read_http2(object: &mut Object<'_>, protocol: Protocol) -> (bool, Http2Server) {
    if protocol == Protocol::H2 {
        object.refuse(
            "h2c",
            "`h2c` is for routers with `protocol: http`: this one takes nothing but HTTP/2",
            "leave it out",
        );
        return (false, Http2Server::read(object));
    }
    let h2c = object.get("h2c", Field::boolean).unwrap_or_default();
    if h2c {
        return (h2c, Http2Server::read(object));
    }
    Http2Server::refuse(object);
    (h2c, Http2Server::default())
}

/// How many requests or connections there may be.
pub(crate) fn read_count(field: Field<'_>) -> Option<usize> {
    field.integer(1..=10_000_000)
}

/// Any header but those that mean something to proxies already.
fn read_timestamp_header(field: Field<'_>) -> Option<String> {
    const TAKEN: &[&str] = &[
        "connection",
        "content-length",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "max-forwards",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let name = field.header_name()?;
    if TAKEN.contains(&&*name.to_ascii_lowercase()) {
        return field.wrong(
            &format!("must not be `{name}`, which means something else"),
            "write a name of your own, such as `x-request-start`",
        );
    }
    Some(name)
}

const LATER: &[Later] = &[Later::unless("announce", Unless::Empty)];
