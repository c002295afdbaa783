//! Peers on grpcio, the gRPC of Python.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::Process;
use crate::programs::profile_dir;

/// A Python that has grpcio.
#[derive(Debug)]
pub struct Grpcio(PathBuf);

/// A server of the service. It ends with the value.
#[derive(Debug)]
pub struct PythonServer {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Grpcio {
    /// The one that `cargo xtask test` installs, or that the environment variable `GRPCIO_PYTHON` names. Says so if there
    /// is none.
    pub fn find() -> Option<Self> {
        let installed = || Some(profile_dir().parent()?.join("grpcio/bin/python"));
        let python = std::env::var_os("GRPCIO_PYTHON").map(PathBuf::from);
        let python = python.or_else(installed).filter(|python| python.is_file());
        if python.is_none() {
            eprintln!("not tried, for it is not installed: grpcio");
        }
        python.map(Self)
    }

    /// Starts a server.
    ///
    /// # Errors
    /// If it does not start.
    pub fn server(&self, name: &str) -> Result<PythonServer> {
        let process = Process::start(name, self.script("server.py").arg(name))?;
        let address = process.serves("grpc")?;
        Ok(PythonServer { process, address })
    }

    /// Has a client try everything, and these cases, which not all servers pass.
    ///
    /// # Panics
    /// If a case fails.
    pub fn cases(&self, server: SocketAddr, more: &[&str]) {
        let mut client = self.script("client.py");
        client.args(["cases", &server.to_string()]).args(more);
        let output = client.output().expect("it can be started");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
        let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
        assert!(passed > 10, "only {passed} cases: {said}");
    }

    /// Starts so many clients, that call all the time, and waits until calls flow.
    ///
    /// # Errors
    /// If they do not.
    pub fn load(&self, server: SocketAddr, clients: usize) -> Result<Process> {
        let mut load = self.script("client.py");
        load.args(["load", &server.to_string(), &clients.to_string()]);
        let load = Process::start("grpcio's load", &mut load)?;
        load.says(|line| (line == "calls flow").then_some(()))?;
        Ok(load)
    }

    fn script(&self, name: &str) -> Command {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/grpc_peer");
        let mut command = Command::new(&self.0);
        command
            // Nothing is written beside them.
            .arg("-B")
            .arg(scripts.join(name));
        command
    }
}

impl PythonServer {
    /// Its name for a dtab.
    pub fn path(&self) -> String {
        format!("/$/inet/127.0.0.1/{}", self.address.port())
    }
}
