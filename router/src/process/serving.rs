//! What a process serves, and how that becomes what another configuration says.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use config::{Listens, RouterConfig};
use namer::{Inet, Interpreter, Namers};
use tokio::time::{Instant, sleep};
use transport::{Address, Branch, Inherited, ServerTls, Shutdown, Unregistered};

use super::sockets::{Sockets, Wanted};
use crate::build::{self, Before, Capacity, Parts, StartError};
use crate::exchange::Router;
use crate::server::{Front, Server, Workers, shown_address};

/// The configuration in effect and what was made from it.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) config: RouterConfig,
    /// In the order of the configuration.
    pub(crate) routers: Vec<Arc<Router>>,
    pub(crate) namers: Namers,
}

impl Current {
    /// What a process serves before it does.
    ///
    /// # Errors
    /// [`StartError::Namer`]
    pub(super) fn nothing(config: &RouterConfig, inet: &Inet) -> Result<Self, StartError> {
        let config = RouterConfig {
            routers: Vec::new(),
            namers: Vec::new(),
            ..config.clone()
        };
        Ok(Self {
            config,
            routers: Vec::new(),
            namers: namer::build::namers(&[], inet)?,
        })
    }
}

/// The current state of things; a reload replaces it.
pub(crate) type Shown = Arc<ArcSwap<Current>>;

/// Everything that a reload may change.
pub(super) struct Serving {
    pub(super) shown: Shown,
    pub(super) parts: Parts,
    pub(super) inet: Inet,
    pub(super) workers: Arc<Workers>,
    pub(super) sockets: Arc<Sockets>,
    pub(super) shutdown: Shutdown,
    pub(super) servers: Vec<Listening>,
}

/// A server that accepts.
pub(super) struct Listening {
    /// As it was configured.
    configured: Address,
    pub(super) address: Address,
    server: Arc<Server>,
    branch: Branch,
}

/// A socket that nobody accepts from yet.
struct Bound {
    address: Address,
    listener: Unregistered,
}

/// How long the names that are in use may take to be bound by a new configuration before it is put into effect without them.
const LEARN_WITHIN: Duration = Duration::from_secs(5);

/// How long requests that have begun may need an interpreter that is no longer wanted.
const RETIRE_WITHIN: Duration = Duration::from_secs(30);

impl Serving {
    /// Serves by this configuration from now on, without a request's noticing.
    ///
    /// # Errors
    /// [`StartError`]; everything goes on as it was then.
    pub(super) async fn turn_to(
        &mut self,
        config: RouterConfig,
        inherited: &mut Inherited,
    ) -> Result<(), StartError> {
        let current = self.shown.load_full();
        let namers = if config.namers == current.config.namers {
            current.namers.clone()
        } else {
            namer::build::namers(&config.namers, &self.inet)?
        };
        self.parts.state_folders = config.state_dir.candidates();
        let routers = self.routers(&config, &namers)?;
        let secured = servers(&config).map(|(router, server)| build::server_tls(server, router));
        let secured = secured.collect::<Result<_, _>>()?;
        let bound = self.bind(&config, inherited)?;
        learn(&current.routers, &routers).await;
        self.serve(&config, &routers, (bound, secured));
        self.shown.store(Arc::new(Current {
            config,
            routers,
            namers,
        }));
        self.retire(&current);
        Ok(())
    }

    fn routers(
        &self,
        config: &RouterConfig,
        namers: &Namers,
    ) -> Result<Vec<Arc<Router>>, StartError> {
        let current = self.shown.load();
        let has_same_namers = config.namers == current.config.namers;
        let routers = config.routers.iter().map(|next| {
            let mut before = current.routers.iter().zip(&current.config.routers);
            let before = before.find(|(router, _)| router.label == next.label);
            let before = before.map(|(router, config_before)| Before {
                router,
                config: config_before,
                has_same_sources: has_same_namers && config.state_dir == current.config.state_dir,
            });
            build::router(next, namers, &self.parts, before)
        });
        routers.collect()
    }

    /// The sockets of the servers that are new. If one cannot be had, none is kept.
    fn bind(
        &self,
        config: &RouterConfig,
        inherited: &mut Inherited,
    ) -> Result<VecDeque<Bound>, StartError> {
        let known = self.servers.iter().map(|known| &known.configured);
        let mut known: Vec<_> = known.collect();
        let mut bound = VecDeque::new();
        for (router, server) in servers(config) {
            let configured = address(server);
            if let Some(index) = known.iter().position(|known| **known == configured) {
                known.swap_remove(index);
                continue;
            }
            let wanted = Wanted {
                address: configured,
                mode: match &server.listens {
                    Listens::Inet { .. } => None,
                    Listens::Unix(socket) => socket.mode,
                },
                options: &server.socket_options,
                what: &router.label,
            };
            let listening = self.sockets.listen(wanted, inherited);
            let listening = listening.and_then(|(listener, address)| {
                let listener = listener.unregister().map_err(StartError::Workers)?;
                Ok(Bound { address, listener })
            });
            match listening {
                Ok(listening) => bound.push_back(listening),
                Err(error) => {
                    for Bound { address, .. } in bound {
                        self.sockets.undo(&address);
                    }
                    return Err(error);
                }
            }
        }
        Ok(bound)
    }

    /// Turns the servers that stay to their routers, starts those that are new, and ends the others. The sockets are those of the new
    /// servers, the TLS is that of all.
    fn serve(
        &mut self,
        config: &RouterConfig,
        routers: &[Arc<Router>],
        (mut bound, mut secured): (VecDeque<Bound>, VecDeque<Option<ServerTls>>),
    ) {
        let capacity = Capacity::new(config, self.workers.count());
        let mut before = std::mem::take(&mut self.servers);
        for (router, of) in routers.iter().zip(&config.routers) {
            build::show(router, of);
            for server in &of.servers {
                let tls = secured.pop_front().flatten();
                let front = |at: &Address| Front {
                    router: Arc::clone(router),
                    edge: build::edge(server, of, router, (at, tls), capacity),
                };
                let configured = address(server);
                let known = before
                    .iter()
                    .position(|known| known.configured == configured);
                if let Some(known) = known.map(|index| before.remove(index)) {
                    known.server.turn_to(front(&known.address));
                    self.servers.push(known);
                } else if let Some(Bound { address, listener }) = bound.pop_front() {
                    let started = Server::new(front(&address));
                    let branch = self.shutdown.drain().branch();
                    started.start(listener, &self.workers, branch.drain());
                    tracing::info!("serving {} on {}", of.label, shown_address(&address));
                    self.servers.push(Listening {
                        configured,
                        address,
                        server: started,
                        branch,
                    });
                }
            }
        }
        for Listening {
            address, branch, ..
        } in before
        {
            tracing::info!("no longer serving on {}", shown_address(&address));
            self.sockets.forget(&address);
            live::task("leave", branch.end(config.admin.shutdown_grace));
        }
    }

    /// Closes the interpreters that are no longer wanted, once requests that have begun do not need them any more.
    fn retire(&self, before: &Current) {
        let current = self.shown.load();
        for router in &before.routers {
            let is_kept = |now: &Arc<Router>| Arc::ptr_eq(&now.interpreter, &router.interpreter);
            if !current.routers.iter().any(is_kept) {
                let (users, interpreter) =
                    (Arc::downgrade(router), Arc::clone(&router.interpreter));
                live::task("retire", retire(users, interpreter));
            }
        }
    }
}

async fn learn(before: &[Arc<Router>], routers: &[Arc<Router>]) {
    let deadline = Instant::now() + LEARN_WITHIN;
    for router in routers {
        let same = before.iter().find(|before| before.label == router.label);
        if let Some(before) = same {
            router.learn(before, deadline).await;
            // What came up meanwhile; usually nothing.
            router.learn(before, deadline).await;
        }
    }
}

async fn retire(users: Weak<Router>, interpreter: Arc<dyn Interpreter>) {
    let began = Instant::now();
    while users.strong_count() > 0 && began.elapsed() < RETIRE_WITHIN {
        sleep(Duration::from_millis(100)).await;
    }
    interpreter.close().await;
}

/// The servers of a configuration, with their routers.
pub(super) fn servers(
    config: &RouterConfig,
) -> impl Iterator<Item = (&config::Router, &config::Server)> {
    let routers = config.routers.iter();
    routers.flat_map(|router| router.servers.iter().map(move |server| (router, server)))
}

pub(super) fn address(server: &config::Server) -> Address {
    match &server.listens {
        Listens::Inet { ip, port } => Address::Inet((*ip, *port).into()),
        Listens::Unix(socket) => Address::unix(&socket.path),
    }
}
