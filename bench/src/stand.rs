//! The stand: a backend that serves all of a run, and the place of a proxy before it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::contender::{Contender, beside_us};
use crate::process::{Process, pinned};
use crate::sample::Sample;
use crate::scenario::Scenario;

/// Where and for how long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The core of the proxy.
    pub proxy_core: usize,
    /// The core of backend and load.
    pub load_core: usize,
    /// Seconds of load before a window.
    pub warm_up: f64,
    /// A window's length in seconds.
    pub seconds: f64,
}

/// A running backend, and room for one proxy at a time.
#[derive(Debug)]
pub struct Stand {
    setting: Setting,
    backends: [SocketAddr; 2],
    _backend: Process,
    _dir: TempDir,
}

impl Stand {
    /// Starts the backend.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(setting: Setting) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let command = pinned(setting.load_core, beside_us("bench-backend"));
        let mut backend = Process::start("bench-backend", command, dir.path())?;
        Ok(Self {
            setting,
            backends: backend.wait(addresses)?,
            _backend: backend,
            _dir: dir,
        })
    }

    /// Starts a contender, loads it, and ends it. The rate is that of a scenario that has one.
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
        self.measure_in(dir.path(), contender, &scenario.words(rate))
            .with_context(|| format!("cannot measure {}", contender.name))
    }

    fn measure_in(&self, dir: &Path, contender: &Contender, words: &[String]) -> Result<Sample> {
        let serving = contender.start(self.setting.proxy_core, self.backends, dir)?;
        let mut load = pinned(self.setting.load_core, beside_us("bench-load"));
        load.arg(serving.address.to_string())
            .args(words)
            .args(["--names", &contender.names.to_string()])
            .args(["--warm-up", &self.setting.warm_up.to_string()])
            .args(["--seconds", &self.setting.seconds.to_string()]);
        if let Some(process) = &serving.process {
            load.args(["--watch", &process.id().to_string()]);
        }
        let output = load.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "the load ended: {}", output.status);
        serde_json::from_slice(&output.stdout).context("the load says something odd")
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
