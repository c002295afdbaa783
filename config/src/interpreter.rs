//! The `interpreter:` object: who binds a router's names.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use dtab::Path;
use serde::{Serialize, Serializer};

use crate::dtab_text::KnownNamers;
use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;
use crate::shown;
use crate::tls::ClientTlsConfig;
use crate::transformer::TransformerConfig;

/// Who binds a router's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum InterpreterConfig {
    /// The router itself, with its dtab and the configured namers.
    #[default]
    #[serde(rename = "default")]
    Default,
    /// The router itself; a watched file's dtab stands below the router's.
    #[serde(rename = "io.l5d.fs")]
    Fs {
        /// The existing file.
        dtab_file: PathBuf,
    },
    /// namerd, over gRPC.
    #[serde(rename = "io.l5d.mesh")]
    Mesh(MeshInterpreter),
    /// namerd, over its HTTP API.
    #[serde(rename = "io.l5d.namerd.http")]
    NamerdHttp(NamerdHttpInterpreter),
}

/// `io.l5d.mesh`
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeshInterpreter {
    /// The namerds, never empty; the first that answers serves.
    pub dst: Vec<HostPort>,
    /// `/` and the namespace; always one segment.
    pub root: Path,
    /// How to wait between attempts to reach a namerd.
    pub retry: Retry,
    /// When to give up a connection whose streams keep failing; absent, never.
    pub failure_threshold: Option<FailureThreshold>,
    /// The HTTP/2 window of a stream, in bytes; 10 MiB by default.
    #[serde(rename = "initialStreamWindowSizeBytes")]
    pub initial_stream_window: u32,
    /// How to verify a namerd that speaks TLS; absent, plain text.
    pub tls: Option<ClientTlsConfig>,
}

/// `io.l5d.namerd.http`
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamerdHttpInterpreter {
    /// The namerds, never empty; the first that answers serves.
    pub dst: Vec<HostPort>,
    /// The dtab to bind with; `default` by default.
    pub namespace: String,
    /// How to wait between attempts to reach a namerd.
    pub retry: Retry,
    /// How to verify a namerd that speaks TLS; absent, plain text.
    pub tls: Option<ClientTlsConfig>,
}

/// A host (a name or an address, without brackets) and a port. It shows as a path, `/$/inet/<host>/<port>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A DNS name, which may have several addresses, or an IP address.
    pub host: String,
    /// Its port; never 0.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/$/inet/{}/{}", self.host, self.port)
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Bounds of a jittered exponential backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// The first wait; 100 ms by default.
    #[serde(rename = "baseSeconds", serialize_with = "shown::seconds")]
    pub base: Duration,
    /// The longest wait; 10 s by default.
    #[serde(rename = "maxSeconds", serialize_with = "shown::seconds")]
    pub max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(100),
            max: Duration::from_secs(10),
        }
    }
}

/// When a connection to namerd is taken for broken although it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FailureThreshold {
    /// How long its streams must have failed without a success; 5 s by default.
    #[serde(rename = "minPeriodMs", serialize_with = "shown::milliseconds")]
    pub min_period: Duration,
}

impl Default for FailureThreshold {
    fn default() -> Self {
        Self {
            min_period: Duration::from_secs(5),
        }
    }
}

/// An `interpreter:` object: its kind, and what every kind may say.
#[derive(Default)]
pub(crate) struct ReadInterpreter {
    pub(crate) config: InterpreterConfig,
    pub(crate) empty_is_neg: bool,
    pub(crate) transformers: Vec<TransformerConfig>,
}

impl InterpreterConfig {
    /// Reads an `interpreter:` object. `namers` are the router's own.
    pub(crate) fn read(field: Field<'_>, namers: KnownNamers<'_>) -> Option<ReadInterpreter> {
        let mut object = field.object()?;
        let config = match object.kind(&KINDS, Some("default"))? {
            "io.l5d.fs" => object
                .require("dtabFile", Field::file)
                .map(|dtab_file| Self::Fs { dtab_file }),
            "io.l5d.mesh" => MeshInterpreter::read(&mut object).map(Self::Mesh),
            "io.l5d.namerd.http" => NamerdHttpInterpreter::read(&mut object).map(Self::NamerdHttp),
            _ => Some(Self::Default),
        };
        let is_in_process = config.as_ref().is_none_or(Self::is_in_process);
        let empty_is_neg = object
            .get("emptyIsNeg", |field| {
                read_empty_is_neg(field, is_in_process)
            })
            .unwrap_or_default();
        let transformers = TransformerConfig::read_all(&mut object, namers);
        object.experimental();
        object.finish();
        Some(ReadInterpreter {
            config: config?,
            empty_is_neg,
            transformers,
        })
    }
}

/// Who binds the names says it, since what the namers know is there.
fn read_empty_is_neg(field: Field<'_>, is_in_process: bool) -> Option<bool> {
    let is_set = field.boolean()?;
    if is_set && !is_in_process {
        return field.wrong(
            "cannot be set here: namerd binds the names",
            "write it at the top of namerd's file",
        );
    }
    Some(is_set)
}

impl InterpreterConfig {
    /// Whether this process binds the names, with the namers of its file.
    pub(crate) fn is_in_process(&self) -> bool {
        matches!(self, Self::Default | Self::Fs { .. })
    }
}

impl MeshInterpreter {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        let dst = read_dst(object);
        let root = match object.field("root") {
            Some(field) => read_root(field),
            None => Path::from_segments(["default"]).ok(),
        };
        let retry = object.get("retry", Retry::read).unwrap_or_default();
        let failure_threshold = object.get("failureThreshold", FailureThreshold::read);
        let window_kb: u32 = object
            .get("initialStreamWindowSizeKB", |field| {
                field.integer(64..=1_048_576)
            })
            .unwrap_or(10_240);
        let tls = object.get("tls", ClientTlsConfig::read);
        let initial_stream_window = window_kb * 1024;
        Some(Self {
            dst: dst?,
            root: root?,
            retry,
            failure_threshold,
            initial_stream_window,
            tls,
        })
    }
}

impl NamerdHttpInterpreter {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        let dst = read_dst(object);
        let namespace = object
            .get("namespace", Field::word)
            .unwrap_or_else(|| "default".into());
        let retry = object.get("retry", Retry::read).unwrap_or_default();
        let tls = object.get("tls", ClientTlsConfig::read);
        Some(Self {
            dst: dst?,
            namespace,
            retry,
            tls,
        })
    }
}

/// The namerds: one path or a list of them.
fn read_dst(object: &mut Object<'_>) -> Option<Vec<HostPort>> {
    let help = "write it like `/$/inet/namerd.example/4321`";
    object.require("dst", |field| field.at_least_one(help, HostPort::read))
}

impl HostPort {
    /// Reads `/$/inet/<host>/<port>`, or `/$/inet/<port>` for this host.
    fn read(field: Field<'_>) -> Option<Self> {
        let text = field.text()?;
        let segments: Vec<&str> = text.split('/').collect();
        let (host, port) = match segments[..] {
            ["", "$", "inet", host, port] if !host.is_empty() => (host, port),
            ["", "$", "inet", port] => ("localhost", port),
            _ => {
                return field.wrong(
                    &format!("must be a path like `/$/inet/<host>/<port>`, not `{text}`"),
                    &suggest_dst(&text),
                );
            }
        };
        match port.parse() {
            Ok(port) if port != 0 => Some(Self {
                host: host.to_owned(),
                port,
            }),
            _ => field.wrong(
                &format!("must end in a port from 1 to 65535, not `{port}`"),
                "",
            ),
        }
    }
}

/// The path for somebody who wrote `host:port`.
fn suggest_dst(written: &str) -> String {
    match written.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains('/') => {
            format!("write `/$/inet/{host}/{port}`")
        }
        _ => String::new(),
    }
}

fn read_root(field: Field<'_>) -> Option<Path> {
    let path = field.path()?;
    let help = "write a slash and the namespace, like `/default`";
    if path.len() == 1 {
        Some(path)
    } else {
        field.wrong("must have exactly one segment", help)
    }
}

impl Retry {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let base = object
            .get("baseSeconds", Field::seconds)
            .unwrap_or(default.base);
        let written_max = object.get("maxSeconds", Field::seconds);
        object.finish();
        let max = written_max.unwrap_or_else(|| default.max.max(base));
        if max < base {
            return field.wrong(
                "must have a `maxSeconds` that is not below its `baseSeconds`",
                "",
            );
        }
        Some(Self { base, max })
    }
}

impl FailureThreshold {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let threshold = Self {
            min_period: object
                .get("minPeriodMs", |field| field.milliseconds(1))
                .unwrap_or(default.min_period),
        };
        object.get("closeTimeoutMs", |field| {
            field.milliseconds(1)?;
            field.complaints.warn(
                field.key_at,
                "`closeTimeoutMs` does nothing: a connection that is taken for broken ends at once",
                "leave it out",
            );
            Some(())
        });
        object.finish();
        Some(threshold)
    }
}

const KINDS: Kinds = Kinds {
    later: &[
        (
            "io.l5d.consul.interpreter",
            "let a namerd keep the dtab, and use `io.l5d.mesh`",
        ),
        (
            "io.l5d.k8s.configMap",
            "mount the ConfigMap, and use `io.l5d.fs`",
        ),
        (
            "io.l5d.namerd",
            "use `io.l5d.mesh`: the same namerd, on port 4321",
        ),
    ],
    never: &[(
        "io.l5d.k8s.istio",
        "Istio has no such API any more",
        "use `default`, `io.l5d.fs` or `io.l5d.mesh`",
    )],
    ..Kinds::carrying(&["default", "io.l5d.fs", "io.l5d.mesh", "io.l5d.namerd.http"])
};
