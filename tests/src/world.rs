//! Everything that a test needs, and that ends with it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::backend::Backend;
use crate::bare::Bare;
use crate::etcd::Etcd;
use crate::load::Load;
use crate::namerctl::Namerctl;
use crate::namerd::{Namerd, Ports};
use crate::proxied::{Proxied, Reply};
use crate::router::Router;
use crate::scripted::{Act, Scripted};

/// Worlds come one after the other, since they measure times.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A folder, and the processes and services that live in it.
#[derive(Debug)]
pub struct World {
    /// The routers. Each stands for a host.
    pub routers: Vec<Router>,
    /// The namerds.
    pub namerds: Vec<Namerd>,
    /// Where the namerds keep their dtabs, if they do it in etcd.
    pub etcd: Option<Etcd>,
    backends: Vec<Backend>,
    runtime: Runtime,
    dir: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    /// An empty world.
    ///
    /// # Panics
    /// This and all other methods panic if a part does not start or does not answer.
    #[expect(
        clippy::new_without_default,
        reason = "it waits for other worlds to end"
    )]
    pub fn new() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("disco")).expect("a folder in it");
        let runtime = Builder::new_multi_thread().enable_all().build();
        Self {
            routers: Vec::new(),
            namerds: Vec::new(),
            etcd: None,
            backends: Vec::new(),
            runtime: runtime.expect("a runtime"),
            dir,
            _alone: alone,
        }
    }

    /// Two hosts: two routers, that ask two namerds, that share an etcd; and the versions v1 and v2 of a service, with
    /// the addresses in files.
    pub fn fleet() -> Self {
        let mut world = Self::new();
        world.start_etcd();
        world.start_namerd();
        world.start_namerd();
        world.service("v1");
        world.service("v2");
        world.start_router();
        world.start_router();
        world
    }

    /// The world's folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What backends and load run on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// What there is in it.
impl World {
    /// Starts the etcd.
    pub fn start_etcd(&mut self) {
        let etcd = Etcd::start(self.dir().join("etcd"));
        self.etcd = Some(etcd.expect("etcd starts"));
    }

    /// Starts a namerd that keeps its dtabs in etcd if there is one, else in a folder, and finds services in files.
    pub fn start_namerd(&mut self) {
        let name = format!("namerd-{}", self.namerds.len() + 1);
        let storage = match &self.etcd {
            Some(etcd) => format!("{{kind: io.l5d.etcd, endpoints: ['{}']}}", etcd.endpoint()),
            None => {
                let dir = self.dir().join(format!("{name}.data"));
                format!("{{kind: io.l5d.embedded, dir: {}}}", dir.display())
            }
        };
        let disco = self.dir().join("disco");
        let rest = format!(
            "storage: {storage}\nnamers: [{{kind: io.l5d.fs, rootDir: {}}}]\n",
            disco.display()
        );
        let namerd = Namerd::start(self.dir(), &name, &rest, Ports::default());
        self.namerds.push(namerd.expect("namerd starts"));
    }

    /// Starts a router that asks all namerds for the namespace `default`.
    pub fn start_router(&mut self) {
        let interpreter = self.interpreter();
        self.start_router_with(&interpreter);
    }

    /// What a router's YAML says to ask all namerds for the namespace `default`.
    pub fn interpreter(&self) -> String {
        let namerds = self.namerds.iter().map(|namerd| {
            let port = namerd.mesh().port();
            format!("/$/inet/127.0.0.1/{port}")
        });
        let dst = namerds.collect::<Vec<_>>().join(", ");
        format!("  interpreter: {{kind: io.l5d.mesh, dst: [{dst}], root: /default}}\n")
    }

    /// Starts a router with the YAML below its `protocol` and servers.
    pub fn start_router_with(&mut self, yaml: &str) {
        self.start_router_for("http", yaml);
    }

    /// Starts a router for a protocol of the configuration, with the YAML below its servers.
    pub fn start_router_for(&mut self, protocol: &'static str, yaml: &str) {
        let name = format!("router-{}", self.routers.len() + 1);
        let router = Router::start_for(protocol, self.dir(), &name, yaml, (0, 0));
        self.routers.push(router.expect("the router starts"));
    }

    /// Starts a backend that answers with this version, with its address in the file of that name.
    pub fn service(&mut self, version: &str) {
        let backend = Backend::start(self.runtime.handle(), version);
        self.disco(version, &[&backend]);
        self.backends.push(backend);
    }

    /// Writes the file of a service.
    pub fn disco(&self, name: &str, backends: &[&Backend]) {
        self.disco_of(name, backends.iter().map(|backend| backend.address()));
    }

    /// Writes the file of a service with these endpoints. As operators should, it replaces the file as a whole.
    pub fn disco_of(&self, name: &str, addresses: impl IntoIterator<Item = SocketAddr>) {
        let lines = addresses
            .into_iter()
            .map(|address| format!("{} {}\n", address.ip(), address.port()));
        let new = self.dir().join("disco.new");
        fs::write(&new, lines.collect::<String>()).expect("it can be written");
        fs::rename(new, self.dir().join("disco").join(name)).expect("it can be replaced");
    }

    /// Starts endpoints for the host `web`, and a router that finds them in a file and treats them as the YAML says.
    pub fn endpoints(&mut self, count: usize, act: Act, policy: &str) -> Vec<Scripted> {
        let endpoints = (0..count).map(|_| Scripted::start(self.runtime.handle(), act));
        let endpoints: Vec<_> = endpoints.collect();
        self.disco_of("web", endpoints.iter().map(Scripted::address));
        let yaml = self.by_files(policy);
        self.start_router_with(&yaml);
        endpoints
    }

    /// What a router's YAML says to find services in files, and to treat them as the policy says.
    pub fn by_files(&self, policy: &str) -> String {
        let disco = self.dir().join("disco");
        let disco = disco.display();
        format!(
            "  dtab: /svc => /#/io.l5d.fs\n{policy}namers: [{{kind: io.l5d.fs, rootDir: {disco}}}]\n"
        )
    }

    /// A backend that no file names.
    pub fn backend(&self, version: &str) -> Backend {
        Backend::start(self.runtime.handle(), version)
    }
}

/// What is done to it.
impl World {
    /// namerctl, speaking to the namerd of this index.
    pub fn namerctl(&self, namerd: usize) -> Namerctl {
        Namerctl {
            base_url: self.namerds[namerd].base_url(),
            dir: self.dir().to_owned(),
        }
    }

    /// Makes this a namespace's dtab, as a person would, through the first namerd.
    pub fn dtab(&self, namespace: &str, dtab: &str) {
        self.dtab_through(0, namespace, dtab);
    }

    /// Makes this a namespace's dtab through the namerd of this index.
    pub fn dtab_through(&self, namerd: usize, namespace: &str, dtab: &str) {
        let file = self.dir().join("new.dtab");
        fs::write(&file, dtab).expect("it can be written");
        let file = file.to_str().expect("a plain path");
        let namerctl = self.namerctl(namerd);
        let found = namerctl.run(&["dtab", "get", namespace]);
        let verb = if found.code == 0 { "update" } else { "create" };
        namerctl.ok(&["dtab", verb, namespace, file]);
    }

    /// One GET for a host through the first router.
    pub fn get(&self, host: &str) -> Reply {
        self.get_through(0, host, &[])
    }

    /// One GET for a host through the router of this index, with more headers.
    pub fn get_through(&self, router: usize, host: &str, headers: &[(&str, &str)]) -> Reply {
        let router = self.routers[router].address();
        let reply = self.runtime.block_on(async {
            let mut connection = Proxied::connect(router).await?;
            connection.get(host, headers).await
        });
        reply.expect("the router answers")
    }

    /// A number of the metrics of the router of this index; 0 if there is none of this name below the router's.
    pub fn metric(&self, router: usize, name: &str) -> u64 {
        let name = format!("rt/{}/{name}", self.routers[router].name());
        self.metrics(router)[name].as_u64().unwrap_or_default()
    }

    /// All metrics of the router of this index, by their names.
    pub fn metrics(&self, router: usize) -> Value {
        let router = &self.routers[router];
        let heard = self.runtime.block_on(async {
            let mut admin = Bare::connect(router.admin()).await?;
            admin
                .ask(b"GET /admin/metrics.json HTTP/1.1\r\nHost: admin\r\n\r\n")
                .await
        });
        let metrics = serde_json::from_slice(&heard.expect("metrics").body);
        metrics.expect("JSON")
    }

    /// So many GETs for a host through the router of this index, one after the other on kept-alive connections; the
    /// number of those that the version answered.
    pub fn count(&self, router: usize, host: &str, requests: usize, version: &str) -> usize {
        let router = self.routers[router].address();
        let counting = async {
            let mut connection = Proxied::connect(router).await?;
            let mut count = 0;
            for _ in 0..requests {
                let reply = connection.get(host, &[]).await?;
                assert_eq!(reply.status, 200, "{}", reply.body);
                count += usize::from(reply.version() == Some(version));
            }
            anyhow::Ok(count)
        };
        self.runtime.block_on(counting).expect("the router answers")
    }

    /// Begins to send requests for the host `web` through the router of this index.
    pub fn load(&self, router: usize, per_second: u32) -> Load {
        let address = self.routers[router].address();
        Load::start(self.runtime.handle(), address, "web", per_second, 8)
    }
}

/// Looks again and again until something is so.
///
/// # Panics
/// If it isn't in time.
pub fn until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
