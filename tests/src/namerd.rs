//! A namerd process.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::Process;
use crate::programs::program;

/// A running namerd with its HTTP API, its mesh interface and its admin server.
#[derive(Debug)]
pub struct Namerd {
    /// The process.
    pub process: Process,
    name: String,
    dir: PathBuf,
    rest: String,
    ports: Ports,
}

/// The ports of a namerd; 0 stands for any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// Of the HTTP API.
    pub http: u16,
    /// Of the mesh interface.
    pub mesh: u16,
    /// Of the admin server.
    pub admin: u16,
}

impl Namerd {
    /// Starts a namerd whose configuration stands in the folder `dir`, and waits until it serves. `rest` is the YAML of
    /// its storage and namers.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(dir: &Path, name: &str, rest: &str, ports: Ports) -> Result<Self> {
        let process = launch(dir, name, rest, ports)?;
        let ports = Ports {
            http: process.serves("io.l5d.httpController interface")?.port(),
            mesh: process.serves("io.l5d.mesh interface")?.port(),
            admin: process.serves("http admin")?.port(),
        };
        Ok(Self {
            process,
            name: name.to_owned(),
            dir: dir.to_owned(),
            rest: rest.to_owned(),
            ports,
        })
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = launch(&self.dir, &self.name, &self.rest, self.ports)
            .and_then(|process| {
                process.says(|line| line.contains("initialized").then_some(()))?;
                Ok(process)
            })
            .expect("namerd starts again");
    }

    /// The base URL of its HTTP API.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.http())
    }

    /// Where its HTTP API is.
    pub fn http(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.http).into()
    }

    /// Where its mesh interface is.
    pub fn mesh(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.mesh).into()
    }

    /// Where its admin server is.
    pub fn admin(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.admin).into()
    }
}

fn launch(dir: &Path, name: &str, rest: &str, ports: Ports) -> Result<Process> {
    let Ports { http, mesh, admin } = ports;
    let config = dir.join(format!("{name}.yaml"));
    let yaml = format!(
        "admin: {{ip: 127.0.0.1, port: {admin}}}\n\
         interfaces:\n\
         - {{kind: io.l5d.httpController, ip: 127.0.0.1, port: {http}}}\n\
         - {{kind: io.l5d.mesh, ip: 127.0.0.1, port: {mesh}}}\n\
         {rest}"
    );
    fs::write(&config, yaml)?;
    Process::start(name, Command::new(program("namerd")).arg(config))
}
