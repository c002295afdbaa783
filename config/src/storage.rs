//! The `storage:` object: where namerd keeps its dtabs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::dtab_text::{KnownNamers, read_dtab};
use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;
use crate::shown::{self, Secret};
use crate::tls::ClientTlsConfig;

/// Where namerd keeps its dtabs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
#[expect(
    clippy::large_enum_variant,
    reason = "a process has one of it, and reads it once"
)]
pub enum StorageConfig {
    /// etcd, over its v3 API.
    #[serde(rename = "io.l5d.etcd")]
    Etcd(EtcdStorage),
    /// A file of namerd's own.
    #[serde(rename = "io.l5d.embedded")]
    Embedded {
        /// The folder of the file; made when it is missing.
        dir: PathBuf,
    },
    /// Memory: what is written is lost with the process.
    #[serde(rename = "io.l5d.inMemory")]
    InMemory {
        /// What is there at the start: the texts by namespace. The names are valid and each text parses.
        namespaces: BTreeMap<String, String>,
    },
}

/// `io.l5d.etcd`
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EtcdStorage {
    /// `http://host:port` or `https://host:port`, never empty.
    pub endpoints: Vec<String>,
    /// What the keys start with, without a trailing slash; `/namerd/dtabs` by default.
    pub path_prefix: String,
    /// For an etcd that asks who is there; present if `password` is.
    pub username: Option<String>,
    /// The password of `username`.
    pub password: Option<Secret>,
    /// How to verify an etcd that speaks TLS.
    pub tls: Option<ClientTlsConfig>,
    /// How long one request may take; 5 s by default.
    #[serde(rename = "requestTimeoutMs", serialize_with = "shown::milliseconds")]
    pub request_timeout: Duration,
}

impl StorageConfig {
    /// Reads a `storage:` object.
    pub(crate) fn read(field: Field<'_>, namers: KnownNamers<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let storage = match object.kind(&KINDS, None)? {
            "io.l5d.etcd" => EtcdStorage::read(&mut object).map(Self::Etcd),
            "io.l5d.embedded" => object
                .require("dir", Field::word)
                .map(|dir| Self::Embedded { dir: dir.into() }),
            _ => Some(Self::InMemory {
                namespaces: object
                    .get("namespaces", |field| read_namespaces(field, namers))
                    .unwrap_or_default(),
            }),
        };
        object.experimental();
        object.finish();
        storage
    }
}

impl EtcdStorage {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        let tls = object.get("tls", ClientTlsConfig::read);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let endpoints = read_endpoints(object, scheme);
        let path_prefix = object
            .get("pathPrefix", read_path_prefix)
            .unwrap_or_else(|| "/namerd/dtabs".into());
        let username = object.get("username", Field::word);
        let password = object.field("password");
        let request_timeout = object
            .get("requestTimeoutMs", |field| field.milliseconds(1))
            .unwrap_or(Duration::from_secs(5));
        if let (None, Some(field)) = (&username, password) {
            // Not at the password: its line would be shown.
            field.complaints.error(
                object.at,
                "`password` needs `username`",
                "write both, or neither",
            );
        }
        let password = password.and_then(Field::word).map(Secret::new);
        Some(Self {
            endpoints: endpoints?,
            path_prefix,
            username,
            password,
            tls,
            request_timeout,
        })
    }
}

/// `endpoints`, or the one that the reference's `host` and `port` make.
fn read_endpoints(object: &mut Object<'_>, scheme: &str) -> Option<Vec<String>> {
    let list = object.field("endpoints");
    let host = object.field("host");
    let port = object.field("port");
    let Some(list) = list else {
        let host = host.map_or_else(|| Some("localhost".into()), Field::word)?;
        let port = port.map_or(Some(2379), Field::port)?;
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        return Some(vec![format!("{scheme}://{host}:{port}")]);
    };
    if let Some(field) = host.or(port) {
        let message = format!("`{}` and `endpoints` exclude each other", field.key);
        field.complaints.error(
            field.key_at,
            message,
            "write it as one more of the `endpoints`",
        );
    }
    list.at_least_one("write `[localhost:2379]`", |item| {
        read_endpoint(item, scheme)
    })
}

/// `host:port` or a URL of the two; answers with the URL.
fn read_endpoint(field: Field<'_>, scheme: &str) -> Option<String> {
    let text = field.text()?;
    let (scheme, address) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), address)) => (scheme, address),
        Some((other, _)) => {
            return field.wrong(
                &format!("must begin with http:// or https://, not {other}://"),
                "",
            );
        }
        None => (scheme, text.as_str()),
    };
    let address = address.strip_suffix('/').unwrap_or(address);
    match address.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty()
                && !host.contains('/')
                && port.parse::<u16>().is_ok_and(|port| port != 0) =>
        {
            Some(format!("{scheme}://{address}"))
        }
        _ => field.wrong(
            &format!("must be a host and a port, not `{text}`"),
            "write it like `etcd.example:2379`",
        ),
    }
}

fn read_path_prefix(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let prefix = text.trim_end_matches('/');
    if text.starts_with('/') && !prefix.is_empty() {
        return Some(prefix.to_owned());
    }
    field.wrong(
        &format!("must begin with a slash and name something, not `{text}`"),
        "write it like `/namerd/dtabs`",
    )
}

fn read_namespaces(field: Field<'_>, namers: KnownNamers<'_>) -> Option<BTreeMap<String, String>> {
    let entries = field.entries()?;
    Some(
        entries
            .into_iter()
            .filter_map(|entry| read_namespace(entry, namers))
            .collect(),
    )
}

fn read_namespace(field: Field<'_>, namers: KnownNamers<'_>) -> Option<(String, String)> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name = field.key;
    if !(1..=253).contains(&name.len())
        || !name.chars().all(is_allowed)
        || matches!(name, "." | "..")
    {
        let message = format!("`{name}` cannot be a namespace");
        let help = "use 1 to 253 letters, digits, dots, underscores and hyphens";
        field.complaints.error(field.key_at, message, help);
    }
    read_dtab(field, namers)?;
    Some((name.to_owned(), field.text()?))
}

const KINDS: Kinds = Kinds {
    later: &[
        ("io.l5d.consul", "use `io.l5d.etcd` or `io.l5d.embedded`"),
        ("io.l5d.k8s", "use `io.l5d.etcd` or `io.l5d.embedded`"),
        ("io.l5d.zk", "use `io.l5d.etcd` or `io.l5d.embedded`"),
    ],
    ..Kinds::carrying(&["io.l5d.etcd", "io.l5d.embedded", "io.l5d.inMemory"])
};
