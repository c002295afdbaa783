//! From a configuration to a namerd that serves.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::{InterfaceConfig, InterfaceKind, NamerdConfig, ServerTlsConfig};
use namer::Inet;
use telemetry::Metrics;
use tokio::time::Instant;
use transport::{Listener, ServerTls, Shutdown, SocketOptions};

use crate::admin;
use crate::api::{Api, Counts};
use crate::fleet::Fleet;
use crate::mesh;
use crate::namespaces::Namespaces;
use crate::store;

/// Why a namerd cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A port cannot be had.
    #[error("cannot listen on {address} ({what})")]
    Listen {
        /// What would listen there.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The TLS of an interface, or of the admin server, cannot be used.
    #[error("cannot use the TLS settings of {what}")]
    Tls {
        /// Whose it is: the interface's kind, or `admin`.
        what: &'static str,
        /// Why not.
        source: transport::TlsError,
    },
    /// A namer cannot be made.
    #[error(transparent)]
    Namers(#[from] namer::build::BuildError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] store::OpenError),
}

/// A namerd, with its ports open and its store opened, that does not serve yet.
#[derive(Debug)]
pub struct Namerd {
    admin: telemetry::Admin,
    admin_listener: Listener,
    admin_tls: Option<ServerTls>,
    interfaces: Vec<Interface>,
    shutdown: Shutdown,
    grace: Duration,
}

#[derive(Debug)]
struct Interface {
    kind: &'static str,
    listener: Listener,
    tls: Option<ServerTls>,
    routes: axum::Router,
}

impl Namerd {
    /// Makes all parts. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(config: &NamerdConfig) -> Result<Self, BuildError> {
        let admin_tls = admin_tls(config)?;
        let admin_address = SocketAddr::new(config.admin.ip, config.admin.port);
        let admin_listener = listen("admin", admin_address, &SocketOptions::default())?;
        let id = id(&admin_listener);
        let store = store::open(&id, &config.storage)?;
        let namers = namer::build::namers(&config.namers, &Inet::system())?;
        let metrics = Metrics::new();
        admin::show_store(&metrics, &store);
        let shared = Shared {
            namespaces: Arc::new(Namespaces::new(
                Arc::clone(&store),
                namers,
                config.empty_is_neg,
            )),
            fleet: Fleet::new(&id, Arc::clone(&store)),
            id: id.into(),
            started: Instant::now(),
            counts: Counts::new(&metrics),
            shutdown: Shutdown::new(),
        };
        let interfaces = config
            .interfaces
            .iter()
            .map(|interface| shared.interface(interface));
        Ok(Self {
            interfaces: interfaces.collect::<Result<_, _>>()?,
            admin: admin::server(metrics, config, store),
            admin_listener,
            admin_tls,
            shutdown: shared.shutdown,
            grace: config.admin.shutdown_grace,
        })
    }

    /// How often the windows of stats end.
    #[must_use]
    pub fn snapshot_every(self, interval: Duration) -> Self {
        Self {
            admin: self.admin.snapshot_interval(interval),
            ..self
        }
    }

    /// The addresses of the interfaces in the order of the configuration, with real ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.interfaces
            .iter()
            .filter_map(|interface| interface.listener.local_addr().ok())
            .collect()
    }

    /// Serves until a signal comes or the admin server is asked for the end, then lets what is in flight finish within
    /// the grace.
    pub async fn run(self) {
        let shutdown = self.shutdown;
        let signal = transport::signal();
        announce("http admin", &self.admin_listener);
        let admin = live::task(
            "admin",
            self.admin
                .serve(self.admin_listener, self.admin_tls, shutdown.clone()),
        );
        for interface in self.interfaces {
            announce(
                &format!("{} interface", interface.kind),
                &interface.listener,
            );
            let serving = transport::serve(
                interface.listener,
                interface.tls,
                interface.routes,
                shutdown.drain(),
            );
            live::task(interface.kind, serving);
        }
        tracing::info!("initialized");
        let grace = tokio::select! {
            signal = signal => {
                tracing::info!("received {signal}, shutting down");
                None
            }
            grace = shutdown.requested() => {
                tracing::info!("asked to end by the admin server, shutting down");
                grace
            }
        };
        if !shutdown.finished(grace.unwrap_or(self.grace)).await {
            tracing::warn!("the grace is over: what was still open has been cut");
        }
        admin.ended().await;
    }
}

/// Looks for what only the start would find, but opens neither store nor socket.
///
/// # Errors
/// See [`BuildError`].
pub fn check(config: &NamerdConfig) -> Result<(), BuildError> {
    admin_tls(config)?;
    for interface in &config.interfaces {
        interface_tls(interface)?;
    }
    Ok(())
}

fn admin_tls(config: &NamerdConfig) -> Result<Option<ServerTls>, BuildError> {
    tls("admin", config.admin.tls.as_ref(), HTTP)
}

fn interface_tls(config: &InterfaceConfig) -> Result<Option<ServerTls>, BuildError> {
    let alpn: &[&str] = match config.kind {
        InterfaceKind::HttpController { .. } => HTTP,
        InterfaceKind::Mesh => &["h2"],
    };
    tls(kind(config), config.tls.as_ref(), alpn)
}

fn tls(
    what: &'static str,
    config: Option<&ServerTlsConfig>,
    alpn: &[&str],
) -> Result<Option<ServerTls>, BuildError> {
    namer::build::server_tls(config, alpn).map_err(|source| BuildError::Tls { what, source })
}

/// What is spoken with people and their tools.
const HTTP: &[&str] = &["h2", "http/1.1"];

/// An interface's kind, as a configuration writes it.
fn kind(config: &InterfaceConfig) -> &'static str {
    match config.kind {
        InterfaceKind::HttpController { .. } => "io.l5d.httpController",
        InterfaceKind::Mesh => "io.l5d.mesh",
    }
}

/// What all interfaces have in common.
struct Shared {
    namespaces: Arc<Namespaces>,
    fleet: Arc<Fleet>,
    id: Arc<str>,
    started: Instant,
    counts: Counts,
    shutdown: Shutdown,
}

impl Shared {
    fn interface(&self, config: &InterfaceConfig) -> Result<Interface, BuildError> {
        let address = SocketAddr::new(config.ip, config.port);
        let kind = kind(config);
        let routes = match config.kind {
            InterfaceKind::HttpController { require_match } => self.api(require_match),
            InterfaceKind::Mesh => mesh::routes(&mesh::Context {
                namerd: Arc::clone(&self.id),
                namespaces: Arc::clone(&self.namespaces),
                fleet: Arc::clone(&self.fleet),
                drain: self.shutdown.drain(),
            }),
        };
        let tls = interface_tls(config)?;
        let options = &config.socket_options;
        let options = SocketOptions {
            no_delay: options.no_delay,
            reuse_addr: options.reuse_addr,
            reuse_port: options.reuse_port,
            // A watch may have nothing to say for days: without it, one whose client vanished would be kept for ever.
            keep_alive: options.keep_alive.or(Some(true)),
            backlog: options.backlog,
        };
        Ok(Interface {
            kind,
            listener: listen(kind, address, &options)?,
            tls,
            routes,
        })
    }

    fn api(&self, is_match_required: bool) -> axum::Router {
        let api = Api {
            namespaces: Arc::clone(&self.namespaces),
            fleet: Arc::clone(&self.fleet),
            namerd: Arc::clone(&self.id),
            started: self.started,
            drain: self.shutdown.drain(),
            is_match_required,
            counts: self.counts.clone(),
        };
        api.routes()
    }
}

fn listen(
    what: &'static str,
    address: SocketAddr,
    options: &SocketOptions,
) -> Result<Listener, BuildError> {
    Listener::bind(address, options).map_err(|source| BuildError::Listen {
        what,
        address,
        source,
    })
}

fn announce(what: &str, listener: &Listener) {
    match listener.local_addr() {
        Ok(address) => tracing::info!("serving {what} on /{address}"),
        Err(error) => tracing::warn!(%error, "serving {what} on an unknown address"),
    }
}

/// Names this namerd among those that share a store: the host, and the admin port, which no other on the host has.
fn id(admin: &Listener) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"));
    let host = host.unwrap_or_default();
    let host = if host.trim().is_empty() {
        "namerd"
    } else {
        host.trim()
    };
    let port = admin.local_addr().map_or(0, |address| address.port());
    format!("{host}:{port}")
}
