//! The stand: a backend that serves all of a scenario, and the place of a proxy before it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::contender::{Contender, beside_us};
use crate::process::{Process, command_on};
use crate::sample::Sample;
use crate::scenario::Scenario;

/// Where and for how long to measure.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Setting {
    /// The core of the proxy
    #[arg(long, default_value_t = 1)]
    pub proxy_core: usize,
    /// The core of backend and load
    #[arg(long, default_value_t = 0)]
    pub load_core: usize,
    /// Seconds of load before each window
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// The length of a window
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
}

/// A running backend, and room for one proxy at a time.
#[derive(Debug)]
pub struct Stand {
    setting: Setting,
    scenario: Scenario,
    backends: [SocketAddr; 2],
    _backend: Process,
    _dir: TempDir,
}

impl Stand {
    /// Starts the backend.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(setting: Setting, scenario: Scenario) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let core = setting.load_core(scenario);
        let mut command = command_on(core, beside_us("bench-backend"));
        command.arg(scenario.protocol().word());
        let mut backend = Process::start("bench-backend", command, dir.path())?;
        Ok(Self {
            setting,
            scenario,
            backends: backend.wait(addresses)?,
            _backend: backend,
            _dir: dir,
        })
    }

    /// Starts a contender, loads it, and ends it. The rate is that of a scenario that has one.
    ///
    /// # Errors
    /// If it does not start, or nothing comes through it.
    pub fn measure(&self, contender: &Contender, rate: Option<f64>) -> Result<Sample> {
        let dir = tempfile::tempdir()?;
        self.measure_in(dir.path(), contender, rate)
            .with_context(|| format!("cannot measure {}", contender.name))
    }

    fn measure_in(&self, dir: &Path, contender: &Contender, rate: Option<f64>) -> Result<Sample> {
        let Self {
            setting, scenario, ..
        } = self;
        let core = scenario.is_pinned().then_some(setting.proxy_core);
        let serving = contender.start(scenario.protocol(), core, self.backends, dir)?;
        let mut load = command_on(setting.load_core(*scenario), beside_us("bench-load"));
        load.arg(scenario.protocol().word())
            .arg(serving.address.to_string())
            .args(scenario.words(contender, rate))
            .args(["--warm-up", &setting.warm_up.to_string()])
            .args(["--seconds", &setting.seconds.to_string()]);
        if let Some(process) = &serving.process {
            load.args(["--watch", &process.id().to_string()]);
        }
        // It fails if a request did, and tells its figures even so.
        let output = load.stderr(Stdio::inherit()).output()?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the load ended without figures: {}", output.status))
    }
}

impl Setting {
    fn load_core(&self, scenario: Scenario) -> Option<usize> {
        scenario.is_pinned().then_some(self.load_core)
    }
}

/// What the backend says: its addresses, a line each.
fn addresses(said: &str) -> Option<[SocketAddr; 2]> {
    let addresses = said.lines().map(|line| line.parse().ok());
    addresses.collect::<Option<Vec<_>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_there_when_it_has_told_both_addresses() {
        assert_eq!(addresses(""), None);
        assert_eq!(addresses("127.0.0.1:80\n"), None);
        let both = addresses("127.0.0.1:80\n127.0.0.1:81\n");
        assert_eq!(both.map(|both| both[1].port()), Some(81));
    }
}
