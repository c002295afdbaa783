//! The entries of `identifier:`: how a request gets its name.

use dtab::Path;
use serde::Serialize;

use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;
use crate::protocol::Protocol;

/// How a request gets its name. What it yields stands after the router's `dstPrefix`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum IdentifierConfig {
    /// A header's whole value, as one segment.
    #[serde(rename = "io.l5d.header.token")]
    HeaderToken {
        /// By default `Host`, and on HTTP/2 `:authority`.
        header: String,
    },
    /// A header's value, as a path.
    #[serde(rename = "io.l5d.header")]
    Header {
        /// `l5d-name` by default.
        header: String,
    },
    /// Version, method and host.
    #[serde(rename = "io.l5d.methodAndHost")]
    MethodAndHost {
        /// Whether the segments of the request's path follow; off by default.
        http_uri_in_dst: bool,
    },
    /// The first segments of the request's path.
    #[serde(rename = "io.l5d.path")]
    Path {
        /// How many, at least 1; 1 by default.
        segments: usize,
        /// Whether they are taken off the forwarded request; off by default.
        consume: bool,
    },
    /// The segments of a path in a header.
    #[serde(rename = "io.l5d.header.path")]
    HeaderPath {
        /// `:path` by default.
        header: String,
        /// How many from the first on, at least 1; all by default.
        segments: Option<usize>,
    },
    /// The same name for every request.
    #[serde(rename = "io.l5d.static")]
    Static {
        /// The name, without `dstPrefix`.
        path: Path,
    },
}

impl Default for IdentifierConfig {
    fn default() -> Self {
        Self::of(Protocol::default())
    }
}

impl IdentifierConfig {
    /// How requests of the protocol get their names unless somebody says otherwise.
    pub(crate) fn of(protocol: Protocol) -> Self {
        Self::HeaderToken {
            header: host_of(protocol).into(),
        }
    }

    /// Reads an entry of `identifier:`.
    pub(crate) fn read(field: Field<'_>, protocol: Protocol) -> Option<Self> {
        let mut object = field.object()?;
        let kinds = match protocol {
            Protocol::Http => &HTTP_KINDS,
            Protocol::H2 => &H2_KINDS,
        };
        let identifier = match object.kind(kinds, None)? {
            "io.l5d.header.token" => Some(Self::HeaderToken {
                header: read_header(&mut object, protocol, host_of(protocol)),
            }),
            "io.l5d.header.path" => Some(Self::HeaderPath {
                header: read_header(&mut object, protocol, ":path"),
                segments: object.get("segments", |field| field.integer(1..=100)),
            }),
            "io.l5d.header" => Some(Self::Header {
                header: read_header(&mut object, protocol, "l5d-name"),
            }),
            "io.l5d.methodAndHost" => Some(Self::MethodAndHost {
                http_uri_in_dst: object
                    .get("httpUriInDst", Field::boolean)
                    .unwrap_or_default(),
            }),
            "io.l5d.path" => Some(Self::Path {
                segments: object
                    .get("segments", |field| field.integer(1..=100))
                    .unwrap_or(1),
                consume: object.get("consume", Field::boolean).unwrap_or_default(),
            }),
            _ => object
                .require("path", Field::path)
                .map(|path| Self::Static { path }),
        };
        object.experimental();
        object.finish();
        identifier
    }
}

/// The header that says whom a request is for.
fn host_of(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "Host",
        Protocol::H2 => ":authority",
    }
}

fn read_header(object: &mut Object<'_>, protocol: Protocol, default: &str) -> String {
    let header = object.get("header", |field| match protocol {
        Protocol::Http => field.header_name(),
        Protocol::H2 => read_h2_header(field),
    });
    header.unwrap_or_else(|| default.to_owned())
}

/// A header, or a part of the request line, which is a header on HTTP/2. Source: RFC 9113 §8.3.1.
fn read_h2_header(field: Field<'_>) -> Option<String> {
    const PSEUDO: &[&str] = &[":authority", ":method", ":path", ":scheme"];
    let text = field.word()?;
    if PSEUDO.contains(&&*text) {
        return Some(text);
    }
    if text.starts_with(':') {
        let help = format!("write one of {}", PSEUDO.join(", "));
        return field.wrong(
            &format!("must be the name of a header, not `{text}`"),
            &help,
        );
    }
    if text.eq_ignore_ascii_case("host") {
        field.complaints.warn(
            &field.node.at,
            "requests of HTTP/2 say in `:authority` whom they are for, and have no `Host`",
            "write `:authority`",
        );
    }
    field.header_name()
}

const HTTP_KINDS: Kinds = Kinds {
    later: &[("io.l5d.ingress", "")],
    never: &[
        (
            "io.l5d.header.path",
            "it is for routers with `protocol: h2`",
            "use `io.l5d.path` for the path of requests, or `io.l5d.header` for another header",
        ),
        ("io.l5d.k8s.istio", ISTIO_IS_GONE, USE_HEADER_TOKEN),
        ("io.l5d.k8s.istio-ingress", ISTIO_IS_GONE, USE_HEADER_TOKEN),
    ],
    ..Kinds::carrying(&[
        "io.l5d.header.token",
        "io.l5d.header",
        "io.l5d.methodAndHost",
        "io.l5d.path",
        "io.l5d.static",
    ])
};

const H2_KINDS: Kinds = Kinds {
    later: &[("io.l5d.ingress", "")],
    never: &[
        (
            "io.l5d.header",
            FOR_HTTP,
            "use `io.l5d.header.path` with `header: l5d-name`",
        ),
        ("io.l5d.methodAndHost", FOR_HTTP, USE_AUTHORITY),
        (
            "io.l5d.path",
            FOR_HTTP,
            "use `io.l5d.header.path` with `segments: 1`",
        ),
        ("io.l5d.k8s.istio", ISTIO_IS_GONE, USE_AUTHORITY),
        ("io.l5d.k8s.istio-ingress", ISTIO_IS_GONE, USE_AUTHORITY),
    ],
    ..Kinds::carrying(&["io.l5d.header.token", "io.l5d.header.path", "io.l5d.static"])
};

const FOR_HTTP: &str = "it is for routers with `protocol: http`";
const ISTIO_IS_GONE: &str = "Istio has no such API any more";
const USE_AUTHORITY: &str = "use `io.l5d.header.token`, which names requests by their `:authority`";
const USE_HEADER_TOKEN: &str = "use `io.l5d.header.token`, which names requests by their Host";
