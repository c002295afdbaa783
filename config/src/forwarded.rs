//! The `addForwardedHeader:` object: how a server names itself and its clients in `Forwarded`.

use serde::Serialize;

use crate::field::Field;
use crate::kinds::Kinds;

/// What `Forwarded` says of each request: who took it, and who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ForwardedHeader {
    /// The server's name.
    pub by: Labeler,
    /// The client's name.
    #[serde(rename = "for")]
    pub client: Labeler,
}

/// A way to name one side of a connection. Source: RFC 7239 §6, linkerd `ForwardedHeaderLabeler`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub enum Labeler {
    /// Its address.
    #[serde(rename = "ip")]
    Ip,
    /// Its address and port.
    #[serde(rename = "ip:port")]
    IpPort,
    /// Another random word for each request; the default.
    #[default]
    #[serde(rename = "requestRandom")]
    RequestRandom,
    /// A random word that stays for the life of a connection.
    #[serde(rename = "connectionRandom")]
    ConnectionRandom,
    /// The router's label.
    #[serde(rename = "router")]
    Router,
    /// Always this word.
    #[serde(rename = "static")]
    Static {
        /// It begins with `_`, so that nobody takes it for a host; one without it gets it.
        label: String,
    },
}

impl ForwardedHeader {
    /// Reads an `addForwardedHeader:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let forwarded = Self {
            by: object.get("by", Labeler::read).unwrap_or_default(),
            client: object.get("for", Labeler::read).unwrap_or_default(),
        };
        object.finish();
        Some(forwarded)
    }
}

impl Labeler {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let labeler = match object.kind(&KINDS, None)? {
            "ip" => Some(Self::Ip),
            "ip:port" => Some(Self::IpPort),
            "connectionRandom" => Some(Self::ConnectionRandom),
            "router" => Some(Self::Router),
            "static" => object
                .require("label", read_label)
                .map(|label| Self::Static { label }),
            _ => Some(Self::RequestRandom),
        };
        object.finish();
        labeler
    }
}

/// The characters of an obfuscated identifier. Source: RFC 7239 §6.3.
fn read_label(field: Field<'_>) -> Option<String> {
    let text = field.word()?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !text.chars().all(is_allowed) {
        return field.wrong(
            &format!("must be a word, not `{text}`"),
            "letters, digits, `.`, `_` and `-` may stand in it",
        );
    }
    let underscore = if text.starts_with('_') { "" } else { "_" };
    Some(format!("{underscore}{text}"))
}

const KINDS: Kinds = Kinds::carrying(&[
    "ip",
    "ip:port",
    "requestRandom",
    "connectionRandom",
    "router",
    "static",
]);
