//! All processes and services.

use std::net::SocketAddr;
use std::time::Duration;

use tests::{Namerd, Router, World, until};
use tokio::runtime::Runtime;

use crate::origin::Origin;

/// A namerd, a router, and services with several endpoints each, which files name.
pub(crate) struct Stage {
    world: World,
    /// Where the router takes HTTP/2.
    streams: SocketAddr,
    /// By the names of their files.
    services: Vec<Service>,
}

pub(crate) struct Service {
    pub(crate) name: &'static str,
    /// Those that serve, whether the file names them or not.
    pub(crate) origins: Vec<Origin>,
}

/// What the router of HTTP/2 is called.
const STREAMS: &str = "streams";

/// Names in the folder that the namers read.
pub(crate) const SERVICES: [&str; 2] = ["alpha", "beta"];

/// How many endpoints a service has at most.
pub(crate) const ORIGINS: usize = 3;

impl Stage {
    pub(crate) fn set() -> Self {
        let mut world = World::new();
        world.start_namerd();
        let service = |name| Service {
            name,
            origins: (0..ORIGINS)
                .map(|_| Origin::start(world.runtime()))
                .collect(),
        };
        let services: Vec<_> = SERVICES.map(service).into();
        for service in &services {
            world.disco_of(service.name, service.origins.iter().map(Origin::address));
        }
        world.dtab("default", &dtab("/srv/alpha"));
        // In one process, whose memory is measured.
        let mesh = world.interpreter();
        world.start_router_with(&format!(
            "{mesh}- protocol: h2\n  label: {STREAMS}\n  servers: [{{ip: 127.0.0.1, port: 0}}]\n{mesh}"
        ));
        let streams = world.routers[0].process.serves(STREAMS);
        let stage = Self {
            streams: streams.expect("it was told to"),
            world,
            services,
        };
        until("the router routes", Duration::from_secs(10), || {
            stage.world.get("web").status == 200
        });
        stage
    }

    pub(crate) fn router(&self) -> &Router {
        &self.world.routers[0]
    }

    /// Where the router takes HTTP/2.
    pub(crate) fn streams(&self) -> SocketAddr {
        self.streams
    }

    pub(crate) fn namerd(&self) -> &Namerd {
        &self.world.namerds[0]
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        self.world.runtime()
    }

    /// Another endpoint, which no file names yet.
    pub(crate) fn origin(&self) -> Origin {
        Origin::start(self.runtime())
    }

    pub(crate) fn service(&mut self, index: usize) -> &mut Service {
        &mut self.services[index]
    }

    /// Has the file of a service name these endpoints.
    pub(crate) fn name(&self, service: &str, addresses: &[SocketAddr]) {
        self.world.disco_of(service, addresses.iter().copied());
    }

    /// Changes the table, as a person would.
    pub(crate) fn dtab(&self, dtab: &str) {
        self.world.dtab("default", dtab);
    }
}

/// The table by which `web` is served by this tree.
pub(crate) fn dtab(web: &str) -> String {
    format!(
        "/srv => /#/io.l5d.fs ;\n/svc/many => /srv ;\n/svc/web => {web} ;\n/svc/web:80 => {web} ;\n"
    )
}
