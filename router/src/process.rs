//! A running router process: its control runtime, its workers, and its graceful end.

mod operator;
mod program;
mod reload;
mod serving;
mod sockets;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::RouterConfig;
use futures_util::future::join_all;
use live::Task;
use namer::Inet;
use telemetry::{Admin, Metrics};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::sleep;
use transport::{Address, Condition, Inherited, Orders, Shutdown, notify};

use crate::admin;
use crate::build::{self, Parts, StartError};
use crate::config_file::ConfigFile;
use crate::server::{Workers, shown_address};
use operator::Operator;
use serving::Serving;
use sockets::{Sockets, Wanted};

pub(crate) use operator::chain;
pub use program::Program;
pub(crate) use reload::Asking;
pub(crate) use serving::{Current, Shown};

/// What a process is started with, beside its configuration.
#[derive(Clone, Debug)]
pub struct Process {
    /// How many cores serve requests.
    pub workers: usize,
    /// How often the windows of stats end.
    pub snapshot_interval: Duration,
    /// Whether SIGTERM and SIGINT end it gracefully, SIGHUP reloads and SIGUSR2 replaces it.
    pub heeds_signals: bool,
    /// Where the configuration is read again; without it there is no reload.
    pub config_file: Option<ConfigFile>,
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
            config_file: None,
            program: None,
        }
    }
}

/// A process that serves.
pub struct Running {
    admin: SocketAddr,
    servers: Vec<Address>,
    shutdown: Shutdown,
    sockets: Arc<Sockets>,
    shown: Shown,
    serving_admin: Task<()>,
    threads: Vec<JoinHandle<()>>,
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
        let (serving, start) = match started {
            Ok(started) => started,
            Err(error) => {
                // Workers wait for the end of a shutdown; this one ends before it began.
                control.block_on(shutdown.finished(Duration::ZERO));
                return Err(error);
            }
        };
        let running = Running {
            admin: start.admin,
            servers: serving
                .servers
                .iter()
                .map(|server| server.address.clone())
                .collect(),
            shutdown,
            sockets: Arc::clone(&serving.sockets),
            shown: Arc::clone(&serving.shown),
            serving_admin: start.serving_admin,
            threads: start.threads,
            control,
        };
        let operator = Operator {
            program: self.program.clone(),
            file: self.config_file.clone(),
            serving,
            orders,
            asking: start.asking,
        };
        let _control = running.control.enter();
        live::task("operator", operator.obey());
        Ok(running)
    }

    async fn start_on(
        &self,
        config: &RouterConfig,
        inherited: &mut Inherited,
        shutdown: &Shutdown,
        control: tokio::runtime::Handle,
    ) -> Result<(Serving, Started), StartError> {
        let metrics = Metrics::new();
        let inet = Inet::system();
        let sockets = Sockets::default();
        let options = config::SocketOptions::default();
        let admin_tls = build::admin_tls(&config.admin)?;
        let configured = SocketAddr::new(config.admin.ip, config.admin.port);
        let wanted = Wanted {
            address: configured.into(),
            mode: None,
            options: &options,
            what: "admin",
        };
        let (admin_listener, bound) = sockets.listen(wanted, inherited)?;
        let admin = bound.inet().unwrap_or(configured);
        let connections = build::max_connections(config, transport::raise_descriptor_limit());
        let (workers, threads) =
            Workers::start(self.workers, connections, shutdown).map_err(StartError::Workers)?;
        let mut serving = Serving {
            shown: Arc::new(ArcSwap::from_pointee(Current::nothing(config, &inet)?)),
            parts: Parts {
                metrics: metrics.clone(),
                control,
                workers: self.workers,
                admin,
                is_admin_tls: admin_tls.is_some(),
                state_folders: Vec::new(),
            },
            inet: inet.clone(),
            workers: Arc::new(workers),
            sockets: Arc::new(sockets),
            shutdown: shutdown.clone(),
            servers: Vec::new(),
        };
        tracing::info!("serving http admin on {}", shown_address(&bound));
        serving.turn_to(config.clone(), inherited).await?;
        let (asks, asking) = mpsc::channel(RELOADS);
        let shown = Arc::clone(&serving.shown);
        let pages = Admin::new(metrics)
            .runtimes(serving.workers.runtimes())
            .snapshot_interval(self.snapshot_interval)
            .config_source(move || serde_json::to_value(&shown.load().config).unwrap_or_default())
            .routes(admin::routes(&serving.shown, inet, shutdown.drain(), asks))
            .index("/admin/ready")
            .index("/admin/reload")
            .index("/delegator.json")
            .index("/bound-names.json")
            .index("/client_state.json");
        // Not before: whoever asks whether this process is ready waits until it is.
        let serving_admin = live::task(
            "admin",
            pages.serve(admin_listener, admin_tls, shutdown.clone()),
        );
        live::task("sweep", sweep(Arc::downgrade(&serving.shown)));
        tracing::info!("initialized");
        let started = Started {
            admin,
            serving_admin,
            threads,
            asking,
        };
        Ok((serving, started))
    }
}

/// How many may wait for a reload.
const RELOADS: usize = 16;

async fn end_on(signal: impl Future<Output = transport::Signal>, shutdown: Shutdown) {
    let signal = signal.await;
    tracing::info!("Received {signal}.");
    if shutdown.drain().is_draining() {
        // Another process has taken over, and is told the same: there is nothing to be gentle for.
        shutdown.begin();
    }
    shutdown.request(None);
}

/// What a start comes to, beside what serves.
struct Started {
    admin: SocketAddr,
    serving_admin: Task<()>,
    threads: Vec<JoinHandle<()>>,
    asking: mpsc::Receiver<Asking>,
}

/// How often idle routes, clients and connections are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

async fn sweep(shown: Weak<ArcSwap<Current>>) {
    let mut pause = Duration::ZERO;
    loop {
        sleep(pause).await;
        let Some(shown) = shown.upgrade() else {
            return;
        };
        let routers = &shown.load().routers;
        routers.iter().for_each(|router| router.sweep());
        let times = routers.iter().map(|router| router.idle_ttl);
        pause = times.fold(SWEEP_EVERY, Duration::min);
    }
}

impl Running {
    /// Where the admin server listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where the routers' servers listen, in the order of the configuration.
    pub fn servers(&self) -> &[Address] {
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
            shown,
            serving_admin,
            threads,
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
            let grace = shown.load().config.admin.shutdown_grace;
            if !shutdown.finished(asked.unwrap_or(grace)).await {
                tracing::warn!("requests that did not finish in time were cut");
            }
            // Last: requests in flight may need them.
            let routers = &shown.load_full().routers;
            join_all(routers.iter().map(|router| router.interpreter.close())).await;
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
