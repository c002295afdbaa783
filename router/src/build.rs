//! From a configuration to the parts that it names.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::{InterpreterConfig, Listens, Protocol};
use dtab::Alternatives;
use http::header::InvalidHeaderName;
use http1::Limits;
use namer::build::{Asker, BuildError};
use namer::{Namers, RouterIdentity};
use telemetry::Metrics;
use tokio::runtime::Handle;
use transport::{Address, ServerTls, SocketOptions, TlsError};

use crate::client::Clients;
use crate::exchange::{Clock, Compression, Edge, Explain, Forwarded, Holding, Router};
use crate::identify::Identifiers;
use crate::route::{Overridden, Routes};
use crate::server::{Patience, Places, Secure};
use crate::service::Policies;
use crate::stats::{RouterStats, ServerStats};
use crate::wire::Bounds;

/// Why a router cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An identifier reads a header that cannot exist.
    #[error("router {label}: an identifier names no header")]
    Header {
        /// The router's label.
        label: String,
        /// What is wrong with the name.
        source: InvalidHeaderName,
    },
    /// A namer or an interpreter.
    #[error("cannot make what binds names")]
    Namer(#[from] BuildError),
    /// A socket.
    #[error("cannot listen on {address} for {what}")]
    Listen {
        /// Where.
        address: Address,
        /// The router's label, or `admin`.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// Certificates, or what belongs to them.
    #[error("cannot use the TLS settings of {what}")]
    Tls {
        /// Whose it is: a router's server or client, or `admin`.
        what: String,
        /// What is wrong with it.
        source: Box<TlsError>,
    },
    /// Threads, or what they need.
    #[error("cannot start the workers")]
    Workers(#[source] io::Error),
}

/// Looks for what only the start would find, but opens no socket.
///
/// # Errors
/// [`StartError::Tls`]
pub fn check(config: &config::RouterConfig) -> Result<(), StartError> {
    admin_tls(&config.admin)?;
    for router in &config.routers {
        check_client_tls(router)?;
        for server in &router.servers {
            server_tls(server, router)?;
        }
    }
    Ok(())
}

/// The TLS of the admin server, if it is to have it.
pub(crate) fn admin_tls(config: &config::AdminConfig) -> Result<Option<ServerTls>, StartError> {
    let tls = namer::build::server_tls(config.tls.as_ref(), &["h2", "http/1.1"]);
    tls.map_err(|source| StartError::Tls {
        what: "admin".to_owned(),
        source: Box::new(source),
    })
}

/// One router, before its servers listen. Whatever its configuration shares with that of the router `before` it, it shares with that
/// router, down to the connections: where nothing has changed it is the same one.
///
/// # Errors
/// [`StartError`]; nothing has been changed then.
pub(crate) fn router(
    config: &config::Router,
    namers: &Namers,
    parts: &Parts,
    before: Option<Before<'_>>,
) -> Result<Arc<Router>, StartError> {
    let same = before.map(|before| (before.router, before.shared_with(config)));
    if let Some((router, Shared::Everything)) = same {
        return Ok(Arc::clone(router));
    }
    let kept = |least| {
        same.filter(|(_, shared)| *shared >= least)
            .map(|(router, _)| router)
    };
    let header = |source| StartError::Header {
        label: config.label.clone(),
        source,
    };
    let stats = match same {
        Some((router, _)) => Arc::clone(&router.stats),
        None => Arc::new(RouterStats::new(&parts.metrics, &config.label)),
    };
    check_client_tls(config)?;
    let cache = config.binding_cache;
    let identifiers =
        Identifiers::new(config.dst_prefix.clone(), &config.identifiers).map_err(header)?;
    let interpreter = match kept(Shared::Interpreter) {
        Some(router) => Arc::clone(&router.interpreter),
        None => namer::build::interpreter(
            &config.interpreter,
            &config.transformers,
            namers.clone(),
            config.empty_is_neg,
            &asker(config, parts),
        )?,
    };
    let clock = same.map_or_else(Clock::start, |(router, _)| router.clock);
    let clients = match kept(Shared::Clients) {
        Some(router) => Arc::clone(&router.clients),
        None => Arc::new(Clients::new(
            parts.workers,
            cache.clients,
            cache.idle_ttl,
            config.client.clone(),
            (clock, Arc::clone(&stats)),
        )),
    };
    let (routes, overridden) = match kept(Shared::Names) {
        Some(router) => (Arc::clone(&router.routes), Arc::clone(&router.overridden)),
        None => (
            Arc::new(Routes::new(cache.paths, Arc::clone(&stats))),
            Arc::new(Overridden::new(Arc::clone(&stats))),
        ),
    };
    Ok(Arc::new(Router {
        label: config.label.clone(),
        identifiers,
        base: config.dtab.clone(),
        interpreter,
        control: parts.control.clone(),
        binding_timeout: config.binding_timeout,
        routes,
        overridden,
        clients,
        clock,
        service: Policies::new(config.service.clone()),
        explain: explain(&config.interpreter, parts),
        idle_ttl: cache.idle_ttl,
        stats,
    }))
}

/// Reads the files of the TLS to endpoints, so that what is wrong with them is known at the start, and not to a request only.
fn check_client_tls(of: &config::Router) -> Result<(), StartError> {
    for tls in of.client.tls() {
        namer::build::client_tls(Some(&tls), alpn(of.protocol)).map_err(|source| {
            StartError::Tls {
                what: format!("the clients of router {}", of.label),
                source: Box::new(source),
            }
        })?;
    }
    Ok(())
}

/// The TLS of a server, if it has any, with its files read.
///
/// # Errors
/// [`StartError::Tls`]
pub(crate) fn server_tls(
    config: &config::Server,
    of: &config::Router,
) -> Result<Option<ServerTls>, StartError> {
    let alpn = match (of.protocol, config.takes_http2()) {
        (Protocol::Http, true) => &["h2", "http/1.1"],
        (protocol, _) => alpn(protocol),
    };
    namer::build::server_tls(config.tls.as_ref(), alpn).map_err(|source| StartError::Tls {
        what: format!(
            "the server {} of router {}",
            server_node(&config.listens),
            of.label
        ),
        source: Box::new(source),
    })
}

/// What both sides of TLS agree on, where there is but one version.
fn alpn(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Http => &["http/1.1"],
        Protocol::H2 => &["h2"],
    }
}

/// Shows of a router what it is, from the moment that its servers ask it.
pub(crate) fn show(router: &Arc<Router>, config: &config::Router) {
    let (scope, weak) = (&router.stats.scope, Arc::downgrade(router));
    let originator = scope.gauge("originator");
    originator.set(if config.originator { 1.0 } else { 0.0 });
    scope.gauge_fn("binding_age_seconds", move || {
        weak.upgrade()
            .map_or(0.0, |router| router.binding_age().as_secs_f64())
    });
}

/// The router that had the same label until now.
#[derive(Clone, Copy)]
pub(crate) struct Before<'a> {
    pub(crate) router: &'a Arc<Router>,
    pub(crate) config: &'a config::Router,
    /// Whether the namers, and the folders for state, are the same.
    pub(crate) has_same_sources: bool,
}

/// How much two configurations of a router share; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    /// The metrics, which belong to the label.
    Metrics,
    /// Who binds names.
    Interpreter,
    /// What the bound names lead to, and the connections there.
    Clients,
    /// What is a name, and what it means.
    Names,
    /// Everything.
    Everything,
}

impl Before<'_> {
    fn shared_with(&self, next: &config::Router) -> Shared {
        let before = self.config;
        let (cache, next_cache) = (before.binding_cache, next.binding_cache);
        let has_same_interpreter = self.has_same_sources
            && before.interpreter == next.interpreter
            && before.empty_is_neg == next.empty_is_neg
            && before.transformers == next.transformers
            && alternatives(before) == alternatives(next);
        let has_same_clients = before.client == next.client
            && (cache.clients, cache.idle_ttl) == (next_cache.clients, next_cache.idle_ttl);
        let has_same_names = before.dtab == next.dtab
            && before.service == next.service
            && before.dst_prefix == next.dst_prefix
            && before.identifiers == next.identifiers
            && cache.paths == next_cache.paths;
        if !has_same_interpreter {
            Shared::Metrics
        } else if !has_same_clients {
            Shared::Interpreter
        } else if !has_same_names {
            Shared::Clients
        } else if before != next {
            Shared::Names
        } else {
            Shared::Everything
        }
    }
}

/// What all routers of a process share.
pub(crate) struct Parts {
    pub(crate) metrics: Metrics,
    pub(crate) control: Handle,
    pub(crate) workers: usize,
    /// Where the admin server listens.
    pub(crate) admin: SocketAddr,
    /// Whether it has TLS.
    pub(crate) is_admin_tls: bool,
    /// Where state may be kept for the next start, the best folder first.
    pub(crate) state_folders: Vec<PathBuf>,
}

/// Who a router is to its namerd. The admin server's port tells the routers of one host apart.
fn asker(config: &config::Router, parts: &Parts) -> Asker {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "localhost",
        host => host,
    };
    let label = &config.label;
    let labels = [("router", &**label), ("host", host)];
    Asker {
        identity: RouterIdentity {
            id: format!("{label}@{host}:{}", parts.admin.port()),
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        label: label.clone(),
        state_folders: parts.state_folders.clone(),
        alternatives: alternatives(config),
    }
}

/// Which alternatives the bound trees are to have: others than the first are of use only where names may be passed over.
fn alternatives(config: &config::Router) -> Alternatives {
    match config.client.heeds_alternatives() {
        true => Alternatives::All,
        false => Alternatives::FirstOnly,
    }
}

fn explain(interpreter: &InterpreterConfig, parts: &Parts) -> Explain {
    match interpreter {
        InterpreterConfig::Mesh(mesh) => Explain::Namerd {
            namespace: mesh.root.to_string().trim_start_matches('/').to_owned(),
        },
        InterpreterConfig::NamerdHttp(namerd) => Explain::Namerd {
            namespace: namerd.namespace.clone(),
        },
        InterpreterConfig::Default | InterpreterConfig::Fs { .. } => {
            let scheme = if parts.is_admin_tls { "https" } else { "http" };
            Explain::Admin {
                base_url: format!("{scheme}://{}", parts.admin),
            }
        }
    }
}

/// How a server treats what it accepts. One that strangers may reach, and that takes their word for who they are, is named in a warning.
/// `address` is where it listens; `tls` is what it was [loaded](server_tls) with.
pub(crate) fn edge(
    config: &config::Server,
    of: &config::Router,
    router: &Router,
    (address, tls): (&Address, Option<ServerTls>),
    capacity: Capacity,
) -> Edge {
    if config.clear_context.is_none() && config.listens.is_open_to_strangers() {
        tracing::warn!(
            router = %router.label,
            "the server on {address} takes l5d-dtab and other l5d-* headers from anybody who reaches it; say clearContext: true or false",
        );
    }
    let stats = ServerStats::new(&router.stats.scope, &server_node(&config.listens));
    Edge {
        secure: tls.map(|tls| Arc::new(Secure::new(tls, &stats))),
        stats: Arc::new(stats),
        protocol: of.protocol,
        takes_http2: config.takes_http2(),
        http2: config.http2,
        max_call_depth: config.max_call_depth,
        clear_context: config.clear_context.unwrap_or(false),
        forwarded: config
            .add_forwarded_header
            .as_ref()
            .map(|forwarded| Forwarded::new(forwarded, &of.label, address.inet())),
        timestamp: config.timestamp_header.clone(),
        max_err_bytes: of.max_err_response_kb * 1024,
        limits: Limits {
            line: of.max_initial_line_kb * 1024,
            fields: of.max_headers_kb * 1024,
            count: MAX_FIELD_LINES,
        },
        compression: Compression::of(of.compression_level),
        holding: capacity.holding(of),
        patience: patience(&config.time_limits, &config.socket_options),
        max_connections: config.max_connections,
        places: capacity.places(config.max_concurrent_requests),
        timeout: config.timeout,
    }
}

/// What a server is called in the metrics: its address as it was configured. Source: linkerd, for those that have a port.
fn server_node(listens: &Listens) -> String {
    match listens {
        Listens::Inet { ip, port } => format!("{ip}/{port}"),
        Listens::Unix(socket) => format!("unix{}", socket.path.display()),
    }
}

/// How much the process takes on at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    requests: usize,
    bytes: usize,
    workers: usize,
}

impl Capacity {
    pub(crate) fn new(config: &config::RouterConfig, workers: usize) -> Self {
        let requests = config.max_concurrent_requests;
        let megabytes = config.max_buffered_mb;
        Self {
            requests: requests.unwrap_or(REQUESTS_OF_A_WORKER * workers),
            bytes: megabytes.unwrap_or(MEGABYTES_OF_A_WORKER * workers) * 1024 * 1024,
            workers,
        }
    }

    fn places(self, server: Option<usize>) -> Places {
        Places::new(server, self.requests, self.bytes, self.workers)
    }

    /// A body that is held may take a quarter of what its worker may hold.
    fn holding(self, router: &config::Router) -> Option<Holding> {
        let worker = self.bytes / self.workers;
        let body = worker / 4;
        let bounds = Bounds { body, worker };
        match router.stream_after_content_length_kb {
            _ if !router.streaming_enabled => Some(Holding::All(bounds)),
            None => None,
            Some(kilobytes) => {
                let short = (kilobytes * 1024).min(body as u64);
                Some(Holding::Short(short, bounds))
            }
        }
    }
}

/// How many connections from clients the process may have. Without an option it is half of the descriptors: each client may need a
/// connection to an endpoint, too. Some are left for the admin server, the listeners and whoever names endpoints.
pub(crate) fn max_connections(config: &config::RouterConfig, descriptors: usize) -> usize {
    let default = descriptors.saturating_sub(OTHER_DESCRIPTORS) / 2;
    config.max_connections.unwrap_or(default).max(1)
}

const OTHER_DESCRIPTORS: usize = 64;

/// At 50,000 requests a second, more than a worker can do, an answer may take a tenth of a second. With 16 KiB for each request and
/// its two connections it is 80 MiB.
const REQUESTS_OF_A_WORKER: usize = 5000;

const MEGABYTES_OF_A_WORKER: usize = 32;

/// Of two limits for the same wait the shorter one.
pub(crate) fn patience(limits: &config::TimeLimits, socket: &config::SocketOptions) -> Patience {
    let read = |limit: Duration| socket.read_timeout.map_or(limit, |other| limit.min(other));
    let write = |limit: Duration| socket.write_timeout.map_or(limit, |other| limit.min(other));
    Patience {
        idle: read(limits.session.idle),
        head: read(limits.header_read),
        body: read(limits.body_stall),
        reply: write(limits.body_stall),
        tunnel: limits.tunnel_idle,
        life: limits.session.life,
    }
}

/// How many field lines a head may have. No option of the reference; more than anybody sends, and few enough to be parsed without
/// an allocation.
const MAX_FIELD_LINES: usize = 128;

pub(crate) fn socket_options(config: &config::SocketOptions) -> SocketOptions {
    SocketOptions {
        no_delay: config.no_delay,
        reuse_addr: config.reuse_addr,
        reuse_port: config.reuse_port,
        keep_alive: config.keep_alive,
        backlog: config.backlog,
    }
}
