//! A router process.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::Process;
use crate::programs::program;

/// A running router with one server.
#[derive(Debug)]
pub struct Router {
    /// The process.
    pub process: Process,
    name: String,
    dir: PathBuf,
    protocol: &'static str,
    rest: String,
    port: u16,
    admin: u16,
}

impl Router {
    /// Starts a router whose configuration and state stand in the folder `dir`, and waits until it serves. `rest` is the
    /// YAML of its router: interpreter, identifier, dtab. A port of 0 stands for any.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(dir: &Path, name: &str, rest: &str, ports: (u16, u16)) -> Result<Self> {
        Self::start_for("http", dir, name, rest, ports)
    }

    /// As [`start`](Self::start), for a protocol of the configuration.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_for(
        protocol: &'static str,
        dir: &Path,
        name: &str,
        rest: &str,
        (port, admin): (u16, u16),
    ) -> Result<Self> {
        let process = launch(protocol, dir, name, rest, (port, admin))?;
        let (port, admin) = ports(&process, name)?;
        Ok(Self {
            process,
            name: name.to_owned(),
            dir: dir.to_owned(),
            protocol,
            rest: rest.to_owned(),
            port,
            admin,
        })
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.process.kill();
        let places = (self.port, self.admin);
        self.process = launch(self.protocol, &self.dir, &self.name, &self.rest, places)
            .and_then(|process| {
                ports(&process, &self.name)?;
                Ok(process)
            })
            .expect("the router starts again");
    }

    /// Its name, which is also the label in its configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where applications send their requests.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Where its admin server is.
    pub fn admin(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.admin).into()
    }
}

fn ports(process: &Process, name: &str) -> Result<(u16, u16)> {
    let admin = process.serves("http admin")?;
    Ok((process.serves(name)?.port(), admin.port()))
}

fn launch(
    protocol: &str,
    dir: &Path,
    name: &str,
    rest: &str,
    (port, admin): (u16, u16),
) -> Result<Process> {
    let config = dir.join(format!("{name}.yaml"));
    let state = dir.join(format!("{name}.state"));
    let yaml = format!(
        "stateDir: {}\n\
         admin: {{ip: 127.0.0.1, port: {admin}}}\n\
         routers:\n\
         - protocol: {protocol}\n  label: {name}\n  servers: [{{ip: 127.0.0.1, port: {port}}}]\n{rest}",
        state.display()
    );
    fs::write(&config, yaml)?;
    Process::start(name, Command::new(program("router")).arg(config))
}
