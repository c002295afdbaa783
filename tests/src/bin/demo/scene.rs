//! All that runs.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Result, bail};
use tests::{Backend, Load, Namerctl, Namerd, Ports, Router};
use tokio::runtime::Runtime;

/// Requests a second at each router.
const RATE: u32 = 200;

/// A namerd, two routers, two versions of a service, and traffic. All of it ends with the value.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) loads: Vec<Load>,
    pub(crate) routers: Vec<Router>,
    pub(crate) namerctl: Namerctl,
    _namerd: Namerd,
    _services: Vec<Backend>,
}

/// The dtab that gives the versions these weights.
pub(crate) fn dtab(v1: u32, v2: u32) -> String {
    format!("/srv => /#/io.l5d.fs ; /svc/web => {v1} * /srv/v1 & {v2} * /srv/v2")
}

impl Scene {
    pub(crate) fn start(runtime: &Runtime, dir: &Path) -> Result<Self> {
        let services = services(runtime, &dir.join("disco"))?;
        let namerd = namerd(dir)?;
        let namerctl = Namerctl {
            base_url: namerd.base_url(),
            dir: dir.to_owned(),
        };
        update(&namerctl, "create", &dtab(99, 1))?;
        let interpreter = format!(
            "  interpreter:\n    kind: io.l5d.mesh\n    dst: /$/inet/127.0.0.1/{}\n    root: /default\n",
            namerd.mesh().port()
        );
        let start =
            |name, port, admin| Router::start(dir, name, &interpreter, (free(port), free(admin)));
        let routers = vec![start("host-1", 4140, 9990)?, start("host-2", 4142, 9992)?];
        let load =
            |router: &Router| Load::start(runtime.handle(), router.address(), "web", RATE, 8);
        Ok(Self {
            loads: routers.iter().map(load).collect(),
            routers,
            namerctl,
            _namerd: namerd,
            _services: services,
        })
    }

    /// Does what a person would, and waits until both routers have confirmed it.
    pub(crate) fn shift(&self, v1: u32, v2: u32) -> Result<()> {
        update(&self.namerctl, "update", &dtab(v1, v2))
    }
}

/// Two versions, each with its address in a file.
fn services(runtime: &Runtime, disco: &Path) -> Result<Vec<Backend>> {
    fs::create_dir(disco)?;
    let services = ["v1", "v2"].map(|version| {
        let service = Backend::start(runtime.handle(), version);
        let address = service.address();
        let line = format!("{} {}\n", address.ip(), address.port());
        fs::write(disco.join(version), line).map(|()| service)
    });
    Ok(services.into_iter().collect::<Result<_, _>>()?)
}

fn namerd(dir: &Path) -> Result<Namerd> {
    let data = dir.join("namerd.data");
    fs::create_dir(&data)?;
    let rest = format!(
        "emptyIsNeg: true\nstorage: {{kind: io.l5d.embedded, dir: {}}}\nnamers: [{{kind: io.l5d.fs, rootDir: {}}}]\n",
        data.display(),
        dir.join("disco").display()
    );
    let ports = Ports {
        http: free(4180),
        mesh: free(4321),
        admin: free(9991),
    };
    Namerd::start(dir, "namerd", &rest, ports)
}

fn update(namerctl: &Namerctl, verb: &str, dtab: &str) -> Result<()> {
    let mut args = vec!["dtab", verb, "default", dtab];
    if verb == "update" {
        args.push("--wait=5s");
    }
    let said = namerctl.run(&args);
    if said.code != 0 {
        bail!("namerctl {verb} ended with {}: {}", said.code, said.err);
    }
    Ok(())
}

/// The usual port, or any if somebody has that one.
fn free(port: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    listener.map_or(0, |_| port)
}
