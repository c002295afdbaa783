//! The entries of `identifier:`: how a request gets its name.

use dtab::Path;
use serde::Serialize;

use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;

/// How a request gets its name. What it yields stands after the router's `dstPrefix`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum IdentifierConfig {
    /// A header's whole value, as one segment.
    #[serde(rename = "io.l5d.header.token")]
    HeaderToken {
        /// `Host` by default.
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
    /// The same name for every request.
    #[serde(rename = "io.l5d.static")]
    Static {
        /// The name, without `dstPrefix`.
        path: Path,
    },
}

impl Default for IdentifierConfig {
    fn default() -> Self {
        Self::HeaderToken {
            header: "Host".into(),
        }
    }
}

impl IdentifierConfig {
    /// Reads an entry of `identifier:`.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let identifier = match object.kind(&KINDS, None)? {
            "io.l5d.header.token" => Some(Self::HeaderToken {
                header: read_header(&mut object, "Host"),
            }),
            "io.l5d.header" => Some(Self::Header {
                header: read_header(&mut object, "l5d-name"),
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

fn read_header(object: &mut Object<'_>, default: &str) -> String {
    object
        .get("header", Field::header_name)
        .unwrap_or_else(|| default.to_owned())
}

const KINDS: Kinds = Kinds {
    later: &[("io.l5d.ingress", "")],
    never: &[
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

const ISTIO_IS_GONE: &str = "Istio has no such API any more";
const USE_HEADER_TOKEN: &str = "use `io.l5d.header.token`, which names requests by their Host";
