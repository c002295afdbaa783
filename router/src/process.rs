//! A running router process: its control runtime, its workers, and its graceful end.

mod operator;
mod program;
mod sockets;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use config::RouterConfig;
use futures_util::future::join_all;
use live::Task;
use namer::{Inet, Interpreter};
use telemetry::{Admin, Metrics};
use tokio::runtime::{Builder, Runtime};
use tokio::time::MissedTickBehavior;
use transport::{Condition, Inherited, Orders, Shutdown, notify};

use crate::admin;
use crate::build::{self, Capacity, Parts, StartError};
use crate::exchange::Router;
use crate::server::{Server, Workers, shown_address};
use operator::Operator;
use sockets::Sockets;

pub use program::Program;

/// What a process is started with, beside its configuration.
#[derive(Clone, Debug)]
pub struct Process {
    /// How many cores serve requests.
    pub workers: usize,
    /// How often the windows of stats end.
    pub snapshot_interval: Duration,
    /// Whether SIGTERM and SIGINT end it gracefully, and SIGUSR2 replaces it.
    pub heeds_signals: bool,
    /// What SIGUSR2 starts; without it there is no upgrade.
    pub program: Option<Program>,
}

impl Default for Process {
    /// A worker for each core that the process may use.
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            snapshot_interval: Duration::from_secs(60),
            heeds_signals: false,
            program: None,
        }
    }
}

/// A process that serves.
pub struct Running {
    admin: SocketAddr,
    servers: Vec<SocketAddr>,
    shutdown: Shutdown,
    sockets: Arc<Sockets>,
    grace: Duration,
    serving_admin: Task<()>,
    threads: Vec<JoinHandle<()>>,
    /// To be closed last: requests in flight may need them.
    interpreters: Vec<Arc<dyn Interpreter>>,
    control: Runtime,
}

impl Process {
    /// Starts to serve. Nothing here waits for namerd or any other source of names.
    ///
    /// # Errors
    /// [`StartError`] when a part cannot be made or a socket cannot be had. What was started by then has ended.
    pub fn start(&self, config: &RouterConfig) -> Result<Running, StartError> {
        self.start_with(config, &mut Inherited::none())
    }

    /// The same, with the sockets that this process was started with where they have the configured addresses.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        &self,
        config: &RouterConfig,
        inherited: &mut Inherited,
    ) -> Result<Running, StartError> {
        let control = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("control")
            .enable_all()
            .build()
            .map_err(StartError::Workers)?;
        let shutdown = Shutdown::new();
        let mut orders = None;
        if self.heeds_signals {
            // Before anybody is told that the process serves: a signal that comes from then on is obeyed.
            let _control = control.enter();
            let signal = transport::signal();
            orders = Some(Orders::install());
            live::task("signal", end_on(signal, shutdown.clone()));
        }
        let started =
            control.block_on(self.start_on(config, inherited, &shutdown, control.handle().clone()));
        let started = match started {
            Ok(started) => started,
            Err(error) => {
                // Workers wait for the end of a shutdown; this one ends before it began.
                control.block_on(shutdown.finished(Duration::ZERO));
                return Err(error);
            }
        };
        if let Some(orders) = orders {
            let operator = Operator {
                program: self.program.clone(),
                sockets: Arc::clone(&started.sockets),
                shutdown: shutdown.clone(),
            };
            let _control = control.enter();
            live::task("operator", operator.obey(orders));
        }
        Ok(Running {
            admin: started.admin,
            servers: started.servers,
            shutdown,
            sockets: started.sockets,
            grace: config.admin.shutdown_grace,
            serving_admin: started.serving_admin,
            threads: started.threads,
            interpreters: started.interpreters,
            control,
        })
    }

    async fn start_on(
        &self,
        config: &RouterConfig,
        inherited: &mut Inherited,
        shutdown: &Shutdown,
        control: tokio::runtime::Handle,
    ) -> Result<Started, StartError> {
        let metrics = Metrics::new();
        let inet = Inet::system();
        let namers = namer::build::namers(&config.namers, &inet)?;
        let sockets = Sockets::default();
        let (admin_listener, admin) = sockets.listen(
            (config.admin.ip, config.admin.port).into(),
            &config::SocketOptions::default(),
            "admin",
            inherited,
        )?;
        let parts = Parts {
            metrics: metrics.clone(),
            control,
            workers: self.workers,
            admin,
            state_folders: config.state_dir.candidates(),
        };
        let routers = config
            .routers
            .iter()
            .map(|router| build::router(router, &namers, &parts));
        let routers: Vec<Arc<Router>> = routers.collect::<Result<_, _>>()?;
        let connections = build::max_connections(config, transport::raise_descriptor_limit());
        let (workers, threads) =
            Workers::start(self.workers, connections, shutdown).map_err(StartError::Workers)?;
        let pages = Admin::new(metrics)
            .snapshot_interval(self.snapshot_interval)
            .config_json(serde_json::to_value(config).unwrap_or_default())
            .routes(admin::routes(&routers, &namers, inet, shutdown.drain()))
            .index("/admin/ready")
            .index("/delegator.json")
            .index("/bound-names.json")
            .index("/client_state.json");
        tracing::info!("serving http admin on {}", shown_address(admin));
        let mut listening = Listening {
            sockets: &sockets,
            inherited,
            workers: Arc::new(workers),
            shutdown,
        };
        let servers = listening.listen_all(config, &routers)?;
        // Not before: whoever asks whether this process is ready waits until it is.
        let serving_admin =
            live::task("admin", pages.serve(admin_listener, None, shutdown.clone()));
        for (router, config) in routers.iter().zip(&config.routers) {
            let idle_ttl = config.binding_cache.idle_ttl;
            live::task("sweep", sweep(Arc::downgrade(router), idle_ttl));
        }
        tracing::info!("initialized");
        let interpreters = routers.iter().map(|router| Arc::clone(&router.interpreter));
        Ok(Started {
            admin,
            servers,
            sockets: Arc::new(sockets),
            serving_admin,
            threads,
            interpreters: interpreters.collect(),
        })
    }
}

async fn end_on(signal: impl Future<Output = transport::Signal>, shutdown: Shutdown) {
    let signal = signal.await;
    tracing::info!("Received {signal}.");
    if shutdown.drain().is_draining() {
        // Another process has taken over, and is told the same: there is nothing to be gentle for.
        shutdown.begin();
    }
    shutdown.request(None);
}

/// What a start comes to.
struct Started {
    admin: SocketAddr,
    servers: Vec<SocketAddr>,
    sockets: Arc<Sockets>,
    serving_admin: Task<()>,
    threads: Vec<JoinHandle<()>>,
    interpreters: Vec<Arc<dyn Interpreter>>,
}

/// What servers need to listen.
struct Listening<'a> {
    sockets: &'a Sockets,
    inherited: &'a mut Inherited,
    workers: Arc<Workers>,
    shutdown: &'a Shutdown,
}

impl Listening<'_> {
    fn listen_all(
        &mut self,
        config: &RouterConfig,
        routers: &[Arc<Router>],
    ) -> Result<Vec<SocketAddr>, StartError> {
        let mut servers = Vec::new();
        let capacity = Capacity::new(config, self.workers.count());
        for (router, config) in routers.iter().zip(&config.routers) {
            for server in &config.servers {
                let (listener, address) = self.sockets.listen(
                    (server.ip, server.port).into(),
                    &server.socket_options,
                    &config.label,
                    self.inherited,
                )?;
                let edge = build::edge(server, config, router, address, capacity);
                Server {
                    router: Arc::clone(router),
                    edge,
                }
                .start(listener, &self.workers, self.shutdown.drain())
                .map_err(StartError::Workers)?;
                tracing::info!("serving {} on {}", config.label, shown_address(address));
                servers.push(address);
            }
        }
        Ok(servers)
    }
}

/// How often idle routes, clients and connections are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

async fn sweep(router: std::sync::Weak<Router>, idle_ttl: Duration) {
    let mut every = tokio::time::interval(SWEEP_EVERY.min(idle_ttl));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let Some(router) = router.upgrade() else {
            return;
        };
        router.sweep(idle_ttl);
    }
}

impl Running {
    /// Where the admin server listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where the routers' servers listen, in the order of the configuration.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// Asks for the end, as `/admin/shutdown` does.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Serves until a signal, if it heeds them, or the admin page asks for the end, then drains: nothing new is accepted, idle connections
    /// close, requests in flight finish within the grace, and the rest is cut. After an upgrade idle connections stay until they have asked
    /// once more.
    pub fn run(self) {
        let Self {
            shutdown,
            sockets,
            grace,
            serving_admin,
            threads,
            interpreters,
            control,
            ..
        } = self;
        control.block_on(async {
            let asked = shutdown.requested().await;
            tracing::info!("Shutting down ...");
            sockets.close();
            if !shutdown.drain().is_draining() {
                notify(Condition::Stopping);
            }
            if !shutdown.finished(asked.unwrap_or(grace)).await {
                tracing::warn!("requests that did not finish in time were cut");
            }
            join_all(interpreters.iter().map(|interpreter| interpreter.close())).await;
            serving_admin.ended().await;
        });
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a worker panicked");
            }
        }
        control.shutdown_background();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("admin", &self.admin)
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}
