//! The router's file: its top level, and each entry of `routers:`.

use std::path::PathBuf;
use std::time::Duration;

use dtab::{Dtab, Path};
use serde::{Serialize, Serializer};

use crate::addresses::Claim;
use crate::admin::AdminConfig;
use crate::complaints::Complaints;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::dtab_text::read_dtab;
use crate::field::Field;
use crate::identifier::IdentifierConfig;
use crate::interpreter::InterpreterConfig;
use crate::kinds::Kinds;
use crate::later::{Later, Scalar, Unless};
use crate::namer::NamerConfig;
use crate::node::{Place, Value};
use crate::object::Object;
use crate::server::Server;
use crate::{policy, shown};

/// The router's file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterConfig {
    /// The admin server; on port 9990 by default.
    pub admin: AdminConfig,
    /// The routers, at least one, their labels all different.
    pub routers: Vec<Router>,
    /// Namers in the order of the file; where prefixes overlap, the later one is asked first.
    pub namers: Vec<NamerConfig>,
    /// Where what namerd said last is kept.
    pub state_dir: StateDir,
}

/// One router: some servers, a way to name requests, and a way to bind the names.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Router {
    /// What its servers and clients speak.
    pub protocol: Protocol,
    /// Its name in metrics and pages; the protocol's by default.
    pub label: String,
    /// Whether the gauge `rt/<label>/originator` is 1. It means nothing else.
    pub originator: bool,
    /// Where it listens, at least one.
    pub servers: Vec<Server>,
    /// The table that names are bound with, below the request's own.
    pub dtab: Dtab,
    /// What every identified name starts with; `/svc` by default.
    pub dst_prefix: Path,
    /// Who binds the names.
    pub interpreter: InterpreterConfig,
    /// Whether a name with no address falls through to the next alternative, as if it did not exist (`emptyIsNeg` of the
    /// interpreter). Off by default.
    pub empty_is_neg: bool,
    /// How long a request may wait for its name to be bound and for a connection; 10 s by default.
    #[serde(rename = "bindingTimeoutMs", serialize_with = "shown::milliseconds")]
    pub binding_timeout: Duration,
    /// How many names and clients are kept.
    pub binding_cache: BindingCache,
    /// Tried in order, at least one.
    #[serde(rename = "identifier")]
    pub identifiers: Vec<IdentifierConfig>,
}

/// What a router's servers and clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1
    Http,
}

/// The bounds of a router's caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BindingCache {
    /// Names (with the request's own dtab) whose binding is kept; 1000 by default.
    pub paths: usize,
    /// Bound names whose connections are kept; 1000 by default.
    pub clients: usize,
    /// How long an entry may be unused; 10 minutes by default.
    #[serde(rename = "idleTtlSecs", serialize_with = "shown::seconds")]
    pub idle_ttl: Duration,
}

impl Default for BindingCache {
    fn default() -> Self {
        Self {
            paths: 1000,
            clients: 1000,
            idle_ttl: Duration::from_secs(600),
        }
    }
}

/// Where a router keeps what namerd said last, for a start without namerd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StateDir {
    /// `switchyard` in the first of `$XDG_STATE_HOME`, `/var/lib` and the temporary folder that can be written.
    #[default]
    Default,
    /// This folder; made when it is missing.
    At(PathBuf),
    /// Nowhere (`stateDir: none`).
    Off,
}

impl Serialize for StateDir {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Default => serializer.serialize_none(),
            Self::At(path) => path.serialize(serializer),
            Self::Off => serializer.serialize_str("none"),
        }
    }
}

impl RouterConfig {
    /// Reads the router's file; `origin` is its name in complaints. Beside the configuration come warnings.
    ///
    /// Files and folders that it names must exist; relative paths start at the working directory.
    ///
    /// # Errors
    /// Everything that is wrong with it, warnings included.
    pub fn parse(origin: &str, text: &str) -> Result<(Self, Vec<Diagnostic>), Diagnostics> {
        Complaints::gather(origin, text, Self::read)
    }

    fn read(file: Field<'_>) -> Option<Self> {
        let mut object = file.object()?;
        let admin = object.field("admin");
        let admin_at = admin.map_or(object.at, |field| &field.node.at);
        let admin = admin
            .and_then(|field| AdminConfig::read(field, 9990))
            .unwrap_or_else(|| AdminConfig::on_port(9990));
        let namers: Vec<NamerConfig> = object
            .each("namers", NamerConfig::read)
            .into_iter()
            .map(|(namer, _)| namer)
            .collect();
        let routers = object.require("routers", read_routers);
        let state_dir = object.get("stateDir", StateDir::read).unwrap_or_default();
        object.get("usage", read_usage);
        object.later(&[Later::unless("telemetry", Unless::Kinds(&TELEMETERS))]);
        object.finish();

        let routers = routers?;
        refuse_shared_labels(&routers, file.complaints);
        let mut claims = vec![Claim::new(
            admin.ip,
            admin.port,
            "the admin server",
            admin_at,
        )];
        for read in &routers {
            let owner = format!("router `{}`", read.router.label);
            let servers = read.router.servers.iter().zip(&read.servers_at);
            claims
                .extend(servers.map(|(server, at)| Claim::new(server.ip, server.port, &owner, at)));
        }
        Claim::refuse_conflicts(&claims, file.complaints);
        let routers = routers.into_iter().map(|read| read.router).collect();
        Some(Self {
            admin,
            routers,
            namers,
            state_dir,
        })
    }
}

/// A router, and where to complain about it.
struct ReadRouter<'a> {
    router: Router,
    label_at: &'a Place,
    /// One for each of the router's servers.
    servers_at: Vec<&'a Place>,
}

fn read_routers(field: Field<'_>) -> Option<Vec<ReadRouter<'_>>> {
    let items = field.items()?;
    if items.is_empty() {
        return field.wrong("must have at least one router", "");
    }
    Some(
        items
            .into_iter()
            .filter_map(|item| Router::read(item))
            .collect(),
    )
}

/// Labels name routers in metrics and pages.
fn refuse_shared_labels(routers: &[ReadRouter<'_>], complaints: &Complaints) {
    for (index, this) in routers.iter().enumerate() {
        let label = &this.router.label;
        if let Some(other) = routers[..index]
            .iter()
            .find(|other| other.router.label == *label)
        {
            let help = format!(
                "the router on line {} has it; give this one a `label` of its own",
                complaints.line(other.label_at)
            );
            complaints.error(
                this.label_at,
                format!("two routers have the label `{label}`"),
                help,
            );
        }
    }
}

impl Router {
    fn read(field: Field<'_>) -> Option<ReadRouter<'_>> {
        let mut object = field.object()?;
        object.kind(&PROTOCOLS, None)?;
        let label = object.field("label");
        let label_at = label.map_or(object.at, |field| &field.node.at);
        let label = label.and_then(Field::word).unwrap_or_else(|| "http".into());
        let interpreter = object
            .get("interpreter", InterpreterConfig::read)
            .unwrap_or_default();
        let servers = read_servers(&mut object, &label);
        let router = Self {
            protocol: Protocol::Http,
            label,
            originator: object.get("originator", Field::boolean).unwrap_or_default(),
            dtab: object.get("dtab", read_dtab).unwrap_or_default(),
            dst_prefix: object.get("dstPrefix", Field::path).unwrap_or_else(svc),
            interpreter: interpreter.config,
            empty_is_neg: interpreter.empty_is_neg,
            binding_timeout: object
                .get("bindingTimeoutMs", |field| field.milliseconds(1))
                .unwrap_or(Duration::from_secs(10)),
            binding_cache: object
                .get("bindingCache", BindingCache::read)
                .unwrap_or_default(),
            identifiers: object
                .get("identifier", read_identifiers)
                .unwrap_or_else(|| vec![IdentifierConfig::default()]),
            servers: servers.iter().map(|(server, _)| server.clone()).collect(),
        };
        object.get("service", policy::read_service);
        object.get("client", policy::read_client);
        object.experimental();
        refuse_other_options(&mut object);
        object.finish();
        Some(ReadRouter {
            router,
            label_at,
            servers_at: servers.into_iter().map(|(_, at)| at).collect(),
        })
    }
}

fn read_servers<'a>(object: &mut Object<'a>, label: &str) -> Vec<(Server, &'a Place)> {
    let Some(field) = object.field("servers") else {
        object.complaints.error(
            object.at,
            format!("router `{label}` has no servers"),
            "add `servers: [{port: 4140}]`",
        );
        return Vec::new();
    };
    let items = field.items().unwrap_or_default();
    if items.is_empty() && matches!(field.node.value, Value::List(_)) {
        field.complaints.error(
            &field.node.at,
            format!("router `{label}` has no servers"),
            "write `[{port: 4140}]`",
        );
    }
    items
        .into_iter()
        .filter_map(|item| Some((Server::read(item)?, &item.node.at)))
        .collect()
}

fn read_identifiers(field: Field<'_>) -> Option<Vec<IdentifierConfig>> {
    let items = field.one_or_items();
    if items.is_empty() {
        return field.wrong(
            "must have at least one entry",
            "leave it out to name requests by their Host",
        );
    }
    Some(
        items
            .into_iter()
            .filter_map(IdentifierConfig::read)
            .collect(),
    )
}

/// `/svc`
fn svc() -> Path {
    Path::from_segments(["svc"]).unwrap_or_else(|_| Path::empty())
}

impl BindingCache {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let cache = Self {
            paths: object
                .get("paths", |field| field.integer(1..=1_000_000))
                .unwrap_or(default.paths),
            clients: object
                .get("clients", |field| field.integer(1..=1_000_000))
                .unwrap_or(default.clients),
            idle_ttl: object
                .get("idleTtlSecs", Field::seconds)
                .unwrap_or(default.idle_ttl),
        };
        object.later(&[
            Later::unless("trees", Unless::Is(Scalar::Integer(1000))),
            Later::unless("bounds", Unless::Is(Scalar::Integer(1000))),
        ]);
        object.finish();
        Some(cache)
    }
}

impl StateDir {
    fn read(field: Field<'_>) -> Option<Self> {
        let text = field.word()?;
        Some(if text == "none" {
            Self::Off
        } else {
            Self::At(text.into())
        })
    }
}

/// The reference reports to its vendor; here nothing is ever reported.
fn read_usage(field: Field<'_>) -> Option<()> {
    let mut object = field.object()?;
    object.get("orgId", Field::text);
    let is_enabled = object.get("enabled", Field::boolean) != Some(false);
    object.finish();
    if is_enabled {
        field.complaints.warn(
            field.key_at,
            "`usage` does nothing: usage is never reported to anybody",
            "leave it out",
        );
    }
    Some(())
}

fn refuse_other_options(object: &mut Object<'_>) {
    object.later(LATER);
    object.refuse(
        "emptyIsNeg",
        "`emptyIsNeg` belongs to the interpreter",
        "write it inside `interpreter:`",
    );
    let streamed = "bodies are streamed, of any size";
    object.refuse(
        "maxRequestKB",
        "`maxRequestKB` is no longer an option: bodies are streamed",
        streamed,
    );
    object.refuse(
        "maxResponseKB",
        "`maxResponseKB` is no longer an option: bodies are streamed",
        streamed,
    );
    object.refuse(
        "maxChunkKB",
        "`maxChunkKB` is no longer an option: chunks are streamed",
        streamed,
    );
}

const LATER: &[Later] = &[
    Later::unless("announcers", Unless::Empty),
    Later::key("compressionLevel"),
    Later::key("httpAccessLog"),
    Later::key("httpAccessLogAppend"),
    Later::key("httpAccessLogRollPolicy"),
    Later::key("httpAccessLogRotateCount"),
    Later::key("maxErrResponseKB"),
    Later::key("maxHeadersKB"),
    Later::key("maxInitialLineKB"),
    Later::key("streamAfterContentLengthKB"),
    Later::unless("streamingEnabled", Unless::Is(Scalar::Bool(true))),
    Later::unless("tracePropagator", Unless::Kind(&PROPAGATORS, &[])),
];

const PROPAGATORS: Kinds = Kinds {
    later: &[("io.l5d.zipkin", "")],
    ..Kinds::carrying(&["io.l5d.default"])
};

const PROTOCOLS: Kinds = Kinds {
    selector: "protocol",
    carried: &["http"],
    later: &[("h2", "")],
    never: &[
        ("thrift", FINAGLE_ONLY, USE_HTTP),
        ("mux", FINAGLE_ONLY, USE_HTTP),
        ("thriftmux", FINAGLE_ONLY, USE_HTTP),
    ],
};

const FINAGLE_ONLY: &str = "only services written with Finagle speak it";
const USE_HTTP: &str =
    "offer the service over HTTP, and use `http`; or keep these routers in linkerd";

/// Of the router and of namerd.
pub(crate) const TELEMETERS: Kinds = Kinds {
    later: &[
        ("io.l5d.influxdb", ALWAYS_ON),
        ("io.l5d.prometheus", ALWAYS_ON),
        ("io.l5d.recentRequests", ""),
        ("io.l5d.statsd", ALWAYS_ON),
        ("io.l5d.tracelog", ""),
        ("io.l5d.zipkin", ""),
    ],
    ..Kinds::carrying(&[])
};

const ALWAYS_ON: &str =
    "metrics are at `/admin/metrics.json` of the admin server, which is always on";
