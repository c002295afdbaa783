//! What is measured.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::contender::{Contender, beside_us};
use crate::process::{Process, pinned};
use crate::sample::Sample;

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// GET of 1 KiB on 64 connections.
    Get,
    /// GET of 1 KiB on one connection.
    Single,
    /// POST of 16 KiB on 64 connections.
    Post,
    /// GET of 10 MiB on 8 connections.
    Download,
    /// A new connection for each GET of 1 KiB, 64 at a time.
    Connect,
    /// GET of 1 KiB on 64 connections beside 1,000 idle ones.
    Idle,
    /// GET of 1 KiB at a constant rate: half of what the slowest proxy can do.
    Rate,
    /// GET of 1 KiB on 64 connections, of one name and of many; the router only.
    Names,
}

/// Where and for how long to measure.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The core of the proxy.
    pub proxy_core: usize,
    /// The core of backend and load.
    pub load_core: usize,
    /// Seconds to ask before a window.
    pub warm_up: f64,
    /// A window's length in seconds.
    pub seconds: f64,
    /// Where the backend answers.
    pub backends: [SocketAddr; 2],
}

impl Scenario {
    /// The headline of its table.
    pub fn title(self, rate: Option<f64>) -> String {
        match self {
            Self::Get => "GET 1 KiB, 64 connections".into(),
            Self::Single => "GET 1 KiB, 1 connection".into(),
            Self::Post => "POST 16 KiB, 64 connections".into(),
            Self::Download => "GET 10 MiB, 8 connections".into(),
            Self::Connect => "GET 1 KiB, a new connection for each request".into(),
            Self::Idle => "GET 1 KiB, 64 connections beside 1,000 idle ones".into(),
            Self::Rate => format!(
                "GET 1 KiB, {:.0} requests/s at fixed times",
                rate.unwrap_or(0.0)
            ),
            Self::Names => "GET 1 KiB, 64 connections, one name and many".into(),
        }
    }

    /// What the load is told.
    fn words(self, rate: Option<f64>) -> Vec<String> {
        let words = match self {
            Self::Get | Self::Names => "--ask get-1k --connections 64",
            Self::Single => "--ask get-1k --connections 1",
            Self::Post => "--ask post-16k --connections 64",
            Self::Download => "--ask get-10m --connections 8",
            Self::Connect => "--ask get-1k --connections 64 --new-connections",
            Self::Idle => "--ask get-1k --connections 64 --idle 1000",
            Self::Rate => "--ask get-1k --connections 64 --rate",
        };
        let words = words.split_whitespace().map(str::to_owned);
        let rate = rate.filter(|_| self == Self::Rate);
        words.chain(rate.map(|rate| rate.to_string())).collect()
    }
}

impl Bench {
    /// Starts the backend, and says where it answers.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_backend(core: usize, dir: &Path) -> Result<(Process, [SocketAddr; 2])> {
        let command = pinned(core, beside_us("bench-backend"));
        let mut backend = Process::start("bench-backend", command, dir)?;
        let addresses = backend.wait(|said| {
            let addresses: Vec<SocketAddr> = said
                .lines()
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            addresses.try_into().ok()
        })?;
        Ok((backend, addresses))
    }

    /// Starts a contender, loads it, and ends it.
    ///
    /// # Errors
    /// If it does not start, or nothing comes through it.
    pub fn measure(
        &self,
        contender: &Contender,
        scenario: Scenario,
        rate: Option<f64>,
    ) -> Result<Sample> {
        let dir = tempfile::tempdir()?;
        self.measure_in(dir.path(), contender, scenario, rate)
            .with_context(|| format!("cannot measure {}", contender.name))
    }

    fn measure_in(
        &self,
        dir: &Path,
        contender: &Contender,
        scenario: Scenario,
        rate: Option<f64>,
    ) -> Result<Sample> {
        let serving = contender.start(self.proxy_core, self.backends, dir)?;
        let mut load = self.load();
        load.arg(serving.address.to_string())
            .args(scenario.words(rate))
            .args(["--names", &contender.names.to_string()])
            .args(["--warm-up", &self.warm_up.to_string()])
            .args(["--seconds", &self.seconds.to_string()]);
        if let Some(process) = &serving.process {
            load.args(["--watch", &process.id().to_string()]);
        }
        let output = load.stderr(std::process::Stdio::inherit()).output()?;
        ensure!(output.status.success(), "the load ended: {}", output.status);
        serde_json::from_slice(&output.stdout).context("the load says something odd")
    }

    fn load(&self) -> Command {
        pinned(self.load_core, beside_us("bench-load"))
    }
}
