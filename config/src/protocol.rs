//! The `protocol:` of a router.

use std::fmt;

use serde::Serialize;

use crate::kinds::Kinds;
use crate::object::Object;

/// What a router's servers and clients speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1; a server with `h2c: true` takes HTTP/2, too, and a client with `h2: true` speaks that alone.
    #[default]
    Http,
    /// HTTP/2.
    H2,
}

impl Protocol {
    /// Reads the `protocol` of a router.
    pub(crate) fn read(object: &mut Object<'_>) -> Option<Self> {
        let written = object.kind(&PROTOCOLS, None)?;
        let all = [Self::Http, Self::H2];
        all.into_iter().find(|protocol| protocol.name() == written)
    }

    /// The word in the file; routers have it as their label by default.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::H2 => "h2",
        }
    }

    /// The port of a server that says none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 4140,
            Self::H2 => 4142,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const PROTOCOLS: Kinds = Kinds {
    selector: "protocol",
    carried: &["http", "h2"],
    later: &[],
    never: &[
        ("thrift", FINAGLE_ONLY, USE_HTTP),
        ("mux", FINAGLE_ONLY, USE_HTTP),
        ("thriftmux", FINAGLE_ONLY, USE_HTTP),
    ],
};

const FINAGLE_ONLY: &str = "only services written with Finagle speak it";
const USE_HTTP: &str =
    "offer the service over HTTP, and use `http`; or keep these routers in linkerd";
