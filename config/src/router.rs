//! The entries of `routers:`.

use std::time::Duration;

use dtab::{Dtab, Path};
use serde::{Serialize, Serializer};

use crate::dtab_text::{KnownNamers, read_dtab};
use crate::field::Field;
use crate::http1::Http1Options;
use crate::identifier::IdentifierConfig;
use crate::interpreter::InterpreterConfig;
use crate::kinds::Kinds;
use crate::later::{Later, Unless};
use crate::node::{Place, Value};
use crate::object::Object;
use crate::policy::{ClientPolicy, ServicePolicy};
use crate::protocol::Protocol;
use crate::server::Server;
use crate::shown;
use crate::transformer::TransformerConfig;

/// One router: some servers, a way to name requests, and a way to bind the names.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
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
    /// interpreter). What counts is what `transformers` leave of its addresses, unless one of them replaces the name. Off by
    /// default.
    pub empty_is_neg: bool,
    /// What changes the names that the interpreter has bound, the first one first (`transformers` of the interpreter).
    pub transformers: Vec<TransformerConfig>,
    /// How long a request may wait for its name to be bound and for a connection; 10 s by default.
    #[serde(rename = "bindingTimeoutMs", serialize_with = "shown::milliseconds")]
    pub binding_timeout: Duration,
    /// How many names and clients are kept.
    pub binding_cache: BindingCache,
    /// How long all field lines of a head may be together, in KiB; 8 by default. On HTTP/2 its fields, the request line among them; 64 by
    /// default (without bound in linkerd).
    #[serde(rename = "maxHeadersKB")]
    pub max_headers_kb: usize,
    /// How long the first line of a request of HTTP/1.1 may be, in KiB; 8 by default, because RFC 9112 §3 asks for 8000 octets (4 in
    /// linkerd).
    #[serde(skip)]
    pub max_initial_line_kb: usize,
    /// How long `l5d-err` may be, in KiB; 8 by default.
    #[serde(rename = "maxErrResponseKB")]
    pub max_err_response_kb: usize,
    /// Whether bodies of HTTP/1.1 pass piece by piece; otherwise they are read whole first. On by default.
    #[serde(skip)]
    pub streaming_enabled: bool,
    /// Bodies of HTTP/1.1 that say to be this long, in KiB, or shorter are read whole first; none by default (5 in linkerd).
    #[serde(skip)]
    pub stream_after_content_length_kb: Option<u64>,
    /// How hard answers are compressed for clients that can read that: from 1, quick, to 9, small; 0 not at all; −1, the default, as
    /// 6 and only text. Not at all in `protocol: h2`.
    #[serde(skip)]
    pub compression_level: i8,
    /// Tried in order, at least one.
    #[serde(rename = "identifier")]
    pub identifiers: Vec<IdentifierConfig>,
    /// What is done for logical names.
    pub service: ServicePolicy,
    /// How the endpoints of bound names are treated.
    pub client: ClientPolicy,
}

/// Shown with the options of HTTP/1.1 where that is spoken.
impl Serialize for Router {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten, serialize_with = "Router::serialize")]
            router: &'a Router,
            #[serde(flatten)]
            http1: Option<Http1Options>,
        }
        let http1 = Http1Options {
            max_initial_line_kb: self.max_initial_line_kb,
            streaming_enabled: self.streaming_enabled,
            stream_after_content_length_kb: self.stream_after_content_length_kb,
            compression_level: self.compression_level,
        };
        let shown = Shown {
            router: self,
            http1: (self.protocol == Protocol::Http).then_some(http1),
        };
        shown.serialize(serializer)
    }
}

/// The bounds of a router's caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BindingCache {
    /// Names (with the request's own dtab) whose binding is kept; 1000 by default.
    pub paths: usize,
    /// Trees of bound names, as names are bound to them, that are kept; 1000 by default.
    pub trees: usize,
    /// Bound names, each with its residual, that are kept; 1000 by default.
    pub bounds: usize,
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
            trees: 1000,
            bounds: 1000,
            clients: 1000,
            idle_ttl: Duration::from_secs(600),
        }
    }
}

/// A router, and where to complain about it.
pub(crate) struct ReadRouter<'a> {
    pub(crate) router: Router,
    pub(crate) label_at: &'a Place,
    /// Where to complain about the address of each of the router's servers, unless it is wrong already.
    pub(crate) addresses: Vec<Option<&'a Place>>,
}

impl Router {
    /// Reads an entry of `routers:`.
    pub(crate) fn read<'a>(field: Field<'a>, namers: KnownNamers<'_>) -> Option<ReadRouter<'a>> {
        let mut object = field.object()?;
        let protocol = Protocol::read(&mut object)?;
        let label = object.field("label");
        let label_at = label.map_or(object.at, |field| &field.node.at);
        let label = label
            .and_then(Field::word)
            .unwrap_or_else(|| protocol.name().into());
        let interpreter_field = object.field("interpreter");
        let interpreter = interpreter_field
            .and_then(|field| InterpreterConfig::read(field, namers))
            .unwrap_or_default();
        // Names that namerd binds are answered by its own namers.
        let namers = namers.filter(|_| interpreter.config.is_in_process());
        let servers = read_servers(&mut object, protocol, &label);
        let (servers, addresses) = servers.into_iter().unzip();
        let client = object.field("client");
        let http1 = Http1Options::read(&mut object, protocol);
        let router = Self {
            protocol,
            label,
            originator: object.get("originator", Field::boolean).unwrap_or_default(),
            dtab: object
                .get("dtab", |field| read_dtab(field, namers))
                .unwrap_or_default(),
            dst_prefix: object.get("dstPrefix", Field::path).unwrap_or_else(svc),
            interpreter: interpreter.config,
            empty_is_neg: interpreter.empty_is_neg,
            transformers: interpreter.transformers,
            binding_timeout: object
                .get("bindingTimeoutMs", |field| field.milliseconds(1))
                .unwrap_or(Duration::from_secs(10)),
            binding_cache: object
                .get("bindingCache", BindingCache::read)
                .unwrap_or_default(),
            max_headers_kb: object
                .get("maxHeadersKB", read_limit)
                .unwrap_or(match protocol {
                    Protocol::Http => 8,
                    // Calls carry their metadata in it, and clients that expect no limit meet this one only.
                    Protocol::H2 => 64,
                }),
            max_initial_line_kb: http1.max_initial_line_kb,
            max_err_response_kb: object
                .get("maxErrResponseKB", |field| field.integer(1..=10_240))
                .unwrap_or(8),
            streaming_enabled: http1.streaming_enabled,
            stream_after_content_length_kb: http1.stream_after_content_length_kb,
            compression_level: http1.compression_level,
            identifiers: object
                .get("identifier", |field| read_identifiers(field, protocol))
                .unwrap_or_else(|| vec![IdentifierConfig::of(protocol)]),
            service: object
                .get("service", |field| ServicePolicy::read(field, protocol))
                .unwrap_or_else(|| ServicePolicy::new(protocol)),
            client: client
                .and_then(|field| ClientPolicy::read(field, protocol))
                .unwrap_or_else(|| ClientPolicy::new(protocol)),
            servers,
        };
        if let Some(client) = client
            && router.client.heeds_alternatives()
            && matches!(router.interpreter, InterpreterConfig::NamerdHttp(_))
        {
            ClientPolicy::refuse_min_live_share(client);
        }
        if let Some(client) = client
            && interpreter_field.is_some_and(has_transformers)
        {
            ClientPolicy::warn_where_transformers_stand_before(client);
        }
        if router.servers.iter().any(|server| server.h2c) {
            warn_of_what_streams_do_without(&mut object);
        }
        object.experimental();
        refuse_other_options(&mut object);
        object.finish();
        Some(ReadRouter {
            router,
            label_at,
            addresses,
        })
    }
}

/// What holds for requests of HTTP/1.1 only, where others may come in.
fn warn_of_what_streams_do_without(object: &mut Object<'_>) {
    for key in [
        "compressionLevel",
        "streamingEnabled",
        "streamAfterContentLengthKB",
    ] {
        if object.has(key) {
            let message = format!(
                "`{key}` is about requests of HTTP/1.1: what comes over HTTP/2 (`h2c`) passes piece by piece and as it is"
            );
            let at = object.place_of(key);
            let help = "leave it out, or take HTTP/2 with a router of its own";
            object.complaints.warn(at, message, help);
        }
    }
}

fn read_servers<'a>(
    object: &mut Object<'a>,
    protocol: Protocol,
    label: &str,
) -> Vec<(Server, Option<&'a Place>)> {
    let example = format!("[{{port: {}}}]", protocol.default_port());
    let Some(field) = object.field("servers") else {
        object.complaints.error(
            object.at,
            format!("router `{label}` has no servers"),
            format!("add `servers: {example}`"),
        );
        return Vec::new();
    };
    let items = field.items().unwrap_or_default();
    if items.is_empty() && matches!(field.node.value, Value::List(_)) {
        field.complaints.error(
            &field.node.at,
            format!("router `{label}` has no servers"),
            format!("write `{example}`"),
        );
    }
    let read = |item| Server::read(item, protocol);
    items.into_iter().filter_map(read).collect()
}

/// Whether something stands before all names that an interpreter binds.
fn has_transformers(interpreter: Field<'_>) -> bool {
    let transformers = interpreter
        .object()
        .map(|mut object| object.each("transformers", Some));
    transformers.is_some_and(|transformers| !transformers.is_empty())
}

/// KiB of a head: no more than anybody sends, because a connection takes as much memory as its head.
pub(crate) fn read_limit(field: Field<'_>) -> Option<usize> {
    field.integer(1..=1024)
}

fn read_identifiers(field: Field<'_>, protocol: Protocol) -> Option<Vec<IdentifierConfig>> {
    let help = match protocol {
        Protocol::Http => "leave it out to name requests by their Host",
        Protocol::H2 => "leave it out to name requests by their `:authority`",
    };
    field.at_least_one(help, |item| IdentifierConfig::read(item, protocol))
}

/// `/svc`
fn svc() -> Path {
    Path::from_segments(["svc"]).unwrap_or_else(|_| Path::empty())
}

impl BindingCache {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let mut size = |key, default| {
            let size = object.get(key, |field| field.integer(1..=1_000_000));
            size.unwrap_or(default)
        };
        let cache = Self {
            paths: size("paths", default.paths),
            trees: size("trees", default.trees),
            bounds: size("bounds", default.bounds),
            clients: size("clients", default.clients),
            idle_ttl: object
                .get("idleTtlSecs", Field::seconds)
                .unwrap_or(default.idle_ttl),
        };
        for (key, is_default) in [
            ("trees", cache.trees == default.trees),
            ("bounds", cache.bounds == default.bounds),
        ] {
            if !is_default {
                let message =
                    format!("`{key}` bounds nothing here: names and clients are all that is kept");
                let at = object.place_of(key);
                object
                    .complaints
                    .warn(at, message, "bound `paths` and `clients`");
            }
        }
        object.finish();
        Some(cache)
    }
}

fn refuse_other_options(object: &mut Object<'_>) {
    object.later(LATER);
    object.refuse(
        "emptyIsNeg",
        "`emptyIsNeg` belongs to the interpreter",
        "write it inside `interpreter:`",
    );
    for (key, what) in [
        ("maxRequestKB", "bodies"),
        ("maxResponseKB", "bodies"),
        ("maxChunkKB", "chunks"),
    ] {
        let message =
            format!("`{key}` is no longer an option: {what} are streamed, whatever their size");
        object.refuse(key, &message, "leave it out");
    }
}

const LATER: &[Later] = &[
    Later::unless("announcers", Unless::Empty),
    Later::key("httpAccessLog"),
    Later::key("httpAccessLogAppend"),
    Later::key("httpAccessLogRollPolicy"),
    Later::key("httpAccessLogRotateCount"),
    Later::key("h2AccessLog"),
    Later::key("h2AccessLogAppend"),
    Later::key("h2AccessLogRollPolicy"),
    Later::key("h2AccessLogRotateCount"),
    Later::unless("tracePropagator", Unless::Kind(&PROPAGATORS)),
];

const PROPAGATORS: Kinds = Kinds {
    later: &[("io.l5d.zipkin", "")],
    ..Kinds::carrying(&["io.l5d.default"])
};
