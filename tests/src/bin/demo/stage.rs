//! All that runs: the programs, the versions of the service, the traffic.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tests::{Backend, Load, Namerctl, Namerd, Ports, Router};
use tokio::runtime::Handle;

use crate::arguments::Arguments;

/// The service that everything is about.
const HOST: &str = "web";

/// Requests a second through each router: enough to see one in a hundred, and no load for any machine.
const PER_SECOND: u32 = 400;
const CONNECTIONS: u32 = 8;

/// A small fleet. All of it ends with the value, in this order, so that the traffic is gone before those who serve it.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The traffic through each router.
    pub(crate) loads: Vec<Load>,
    /// The routers, each of which stands for a host.
    pub(crate) routers: Vec<Router>,
    /// The namerd that they follow.
    pub(crate) namerd: Namerd,
    versions: Vec<Backend>,
    dir: TempDir,
}

impl Stage {
    /// Starts everything, with 99 of 100 requests for v1.
    ///
    /// A script takes any ports, so that nothing else on the machine can be in its way.
    ///
    /// # Errors
    /// If a program does not start.
    pub(crate) fn set(runtime: &Handle, arguments: &Arguments) -> Result<Self> {
        let port = |wanted| if arguments.script { 0 } else { or_any(wanted) };
        let dir = tempfile::tempdir().context("cannot make a folder")?;
        fs::create_dir(dir.path().join("data"))?;
        let ports = Ports {
            http: port(4180),
            mesh: port(4321),
            admin: port(9991),
        };
        let data = dir.path().join("data");
        let storage = format!(
            "storage: {{kind: io.l5d.embedded, dir: {}}}\n",
            data.display()
        );
        let namerd = Namerd::start(dir.path(), "namerd", &storage, ports)?;
        let mut stage = Self {
            loads: Vec::new(),
            routers: Vec::new(),
            namerd,
            versions: ["v1", "v2"].map(|v| Backend::start(runtime, v)).into(),
            dir,
        };
        stage.create_dtab()?;
        for ports in [(port(4140), port(9990)), (port(4141), port(9989))] {
            stage.add_router(ports)?;
        }
        let through =
            |router: &Router| Load::start(runtime, router.address(), HOST, PER_SECOND, CONNECTIONS);
        stage.loads = stage.routers.iter().map(through).collect();
        Ok(stage)
    }

    /// The file that an update is made from.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir().join("web.dtab")
    }

    /// A dtab that gives the versions these weights, a rule on each line.
    pub(crate) fn dtab(&self, v1: u32, v2: u32) -> String {
        let [one, two] = [0, 1].map(|index: usize| self.versions[index].path());
        format!(
            "/srv/v1  => {one} ;\n/srv/v2  => {two} ;\n/svc/{HOST} => {v1} * /srv/v1 & {v2} * /srv/v2 ;\n"
        )
    }

    /// namerctl, speaking to the namerd.
    pub(crate) fn namerctl(&self) -> Namerctl {
        Namerctl {
            base_url: self.namerd.base_url(),
            dir: self.dir().to_owned(),
        }
    }

    /// Looks whether all programs are there.
    ///
    /// # Errors
    /// If one has ended: which, how, and what it said last.
    pub(crate) fn check(&mut self) -> Result<()> {
        let routers = self.routers.iter_mut().map(|router| &mut router.process);
        for process in routers.chain([&mut self.namerd.process]) {
            if let Some(status) = process.ended()? {
                bail!("{process:?} ended with {status}\n{}", process.log());
            }
        }
        Ok(())
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn create_dtab(&self) -> Result<()> {
        fs::write(self.file(), self.dtab(99, 1))?;
        let said = self
            .namerctl()
            .run(&["dtab", "create", "default", "web.dtab"]);
        if said.code != 0 {
            bail!("namerctl cannot create the dtab: {}", said.err);
        }
        Ok(())
    }

    fn add_router(&mut self, ports: (u16, u16)) -> Result<()> {
        let name = format!("router-{}", self.routers.len() + 1);
        let interpreter = format!(
            "  interpreter: {{kind: io.l5d.mesh, dst: /$/inet/127.0.0.1/{}, root: /default}}\n",
            self.namerd.mesh().port()
        );
        let router = Router::start(self.dir(), &name, &interpreter, ports)?;
        self.routers.push(router);
        Ok(())
    }
}

/// The port that people know, if nobody has it; else 0, for any.
fn or_any(wanted: u16) -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).map_or(0, |_| wanted)
}
