//! The entries of `transformers:`, which change bound names: of interpreters and of namers.

use std::net::IpAddr;

use dtab::Path;
use serde::Serialize;

use crate::dtab_text::{KnownNamers, is_known};
use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;

/// What changes bound names. All have a prefix that is put before the id of what they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum TransformerConfig {
    /// Keeps the endpoints on this host.
    #[serde(rename = "io.l5d.localhost")]
    Localhost {
        /// With the leading `/%`: `/%/io.l5d.localhost`.
        prefix: Path,
    },
    /// Keeps the endpoints on one host.
    #[serde(rename = "io.l5d.specificHost")]
    SpecificHost {
        /// With the leading `/%`.
        prefix: Path,
        /// An IP address or a DNS name.
        host: String,
    },
    /// Puts another port into every address.
    #[serde(rename = "io.l5d.port")]
    Port {
        /// With the leading `/%`; ends in the port by default.
        prefix: Path,
        /// Never 0.
        port: u16,
    },
    /// Puts what `path` is bound to in place of each bound name.
    #[serde(rename = "io.l5d.replace")]
    Replace {
        /// With the leading `/%`.
        prefix: Path,
        /// Bound without any dtab.
        path: Path,
    },
    /// Puts what `path` is bound to in place of everything, also of nothing.
    #[serde(rename = "io.l5d.const")]
    Const {
        /// With the leading `/%`.
        prefix: Path,
        /// Bound without any dtab.
        path: Path,
    },
}

impl TransformerConfig {
    /// Reads the `transformers:` of an interpreter or a namer. `namers` answer for the paths in them.
    pub(crate) fn read_all(object: &mut Object<'_>, namers: KnownNamers<'_>) -> Vec<Self> {
        object.each("transformers", |field| Self::read(field, namers))
    }

    fn read(field: Field<'_>, namers: KnownNamers<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let kind = object.kind(&KINDS, None)?;
        let transformer = match kind {
            "io.l5d.localhost" => {
                read_prefix(&mut object, &[kind]).map(|prefix| Self::Localhost { prefix })
            }
            "io.l5d.specificHost" => {
                let prefix = read_prefix(&mut object, &[kind]);
                let host = object.require("host", read_host);
                prefix
                    .zip(host)
                    .map(|(prefix, host)| Self::SpecificHost { prefix, host })
            }
            "io.l5d.port" => {
                let port = object.require("port", |field| field.integer(1..=u16::MAX));
                let shown = port.unwrap_or_default().to_string();
                let prefix = read_prefix(&mut object, &[kind, &shown]);
                prefix
                    .zip(port)
                    .map(|(prefix, port)| Self::Port { prefix, port })
            }
            _ => {
                let prefix = read_prefix(&mut object, &[kind]);
                let path = object.require("path", |field| read_path(field, namers));
                prefix.zip(path).map(|(prefix, path)| match kind {
                    "io.l5d.const" => Self::Const { prefix, path },
                    _ => Self::Replace { prefix, path },
                })
            }
        };
        object.experimental();
        object.finish();
        transformer
    }

    /// Whether it is one that changes bound names, and does nothing where there is none.
    pub(crate) fn needs_bound_names(&self) -> bool {
        !matches!(self, Self::Const { .. })
    }
}

/// The prefix that is written, or the default one; after `/%`.
fn read_prefix(object: &mut Object<'_>, default: &[&str]) -> Option<Path> {
    let marker = Path::from_segments(["%"]).ok()?;
    let Some(field) = object.field("prefix") else {
        return Some(marker.join(&Path::from_segments(default).ok()?));
    };
    let path = field.path()?;
    if path.is_empty() {
        return field.wrong("must have at least one segment", "");
    }
    if path.starts_with(&marker) {
        let help = format!("write `{}`", path.skip(1));
        return field.wrong("must be written without `/%`", &help);
    }
    if path
        .segments()
        .iter()
        .any(|segment| segment == "#" || segment == "$")
    {
        let what = "must have no segment `#` or `$`: the name that was changed begins with one";
        return field.wrong(what, "");
    }
    Some(marker.join(&path))
}

fn read_host(field: Field<'_>) -> Option<String> {
    let host = field.word()?;
    let is_name = !host.contains([':', '/', ',', ' ']);
    if is_name || host.parse::<IpAddr>().is_ok() {
        return Some(host);
    }
    let help = "write it without a port, like 10.0.0.1 or web.example";
    field.wrong(
        &format!("must be an IP address or a name, not `{host}`"),
        help,
    )
}

/// A path that somebody should answer for: there is no dtab to rewrite it.
fn read_path(field: Field<'_>, namers: KnownNamers<'_>) -> Option<Path> {
    let path = field.path()?;
    if namers.is_some_and(|namers| !is_known(&path, namers)) {
        field.complaints.warn(
            &field.node.at,
            format!("nobody answers for {path}: `path` is bound without a dtab"),
            "write a bound name, like `/$/inet/127.0.0.1/4141`; a namer's transformers know the namers above it",
        );
    }
    Some(path)
}

const KINDS: Kinds = Kinds {
    later: &[("io.l5d.k8s.daemonset", ""), ("io.l5d.k8s.localnode", "")],
    ..Kinds::carrying(&[
        "io.l5d.const",
        "io.l5d.localhost",
        "io.l5d.port",
        "io.l5d.replace",
        "io.l5d.specificHost",
    ])
};
