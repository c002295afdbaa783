//! A real etcd.

use std::env;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process::Process;
use crate::world::until;

/// An etcd of one member, with a folder and ports of its own.
#[derive(Debug)]
pub struct Etcd {
    process: Process,
    dir: PathBuf,
    client_port: u16,
    peer_port: u16,
}

impl Etcd {
    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// If there is no etcd to start.
    ///
    /// # Panics
    /// If it does not answer in time.
    pub fn start(dir: PathBuf) -> Result<Self> {
        let (client_port, peer_port) = (free_port(), free_port());
        let etcd = Self {
            process: launch(&dir, client_port, peer_port)?,
            dir,
            client_port,
            peer_port,
        };
        etcd.answers();
        Ok(etcd)
    }

    /// Where its clients find it.
    pub fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    /// If it does not answer in time.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = launch(&self.dir, self.client_port, self.peer_port).expect("etcd starts");
        self.answers();
    }

    /// Runs etcdctl, and gives what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub fn etcdctl(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("etcdctl starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "etcdctl {args:?}: {errors}");
        String::from_utf8(output.stdout).expect("etcdctl prints text")
    }

    fn answers(&self) {
        until("etcd answers", Duration::from_secs(20), || {
            let output = self.command(&["endpoint", "health"]).output();
            output.is_ok_and(|output| output.status.success())
        });
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(named("ETCDCTL", "etcdctl"));
        command
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.endpoint()])
            .args(["--command-timeout", "5s"])
            .args(args);
        command
    }
}

fn launch(dir: &PathBuf, client_port: u16, peer_port: u16) -> Result<Process> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let mut command = Command::new(named("ETCD", "etcd"));
    command.arg("--data-dir").arg(dir);
    command.args(["--listen-client-urls", &client]);
    command.args(["--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer]);
    command.args(["--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("default={peer}")]);
    command.args(["--logger", "zap", "--log-level", "error"]);
    Process::start("etcd", &mut command)
}

fn named(variable: &str, name: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| name.into())
}

/// etcd must be told its ports before it has them.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it is bound").port()
}
