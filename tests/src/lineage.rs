//! A router and those that take over from it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::Process;
use crate::programs::program;
use crate::world::until;

const WITHIN: Duration = Duration::from_secs(20);

/// A router process and those that come after it. All end with the value.
#[derive(Debug)]
pub struct Lineage {
    /// The first.
    pub process: Process,
    address: SocketAddr,
    file: PathBuf,
}

impl Lineage {
    /// Starts the first with this configuration, whose router has the label `proxy`.
    ///
    /// # Panics
    /// This and the other methods panic if a router does not do what it is asked to.
    pub fn start(dir: &Path, yaml: &str) -> Self {
        let file = dir.join("router.yaml");
        fs::write(&file, yaml).expect("it can be written");
        let process = Process::start("router", Command::new(program("router")).arg(&file));
        let process = process.expect("it starts");
        Self {
            address: process.serves("proxy").expect("it serves"),
            process,
            file,
        }
    }

    /// Where applications send their requests.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that serves now; none if it is the first.
    fn newest(&self) -> Option<String> {
        let said = self.process.said();
        let (before, _) = said.rsplit_once(" has taken over")?;
        before.rsplit_once("process ").map(|(_, id)| id.to_owned())
    }

    fn signal(&self, signal: &str) {
        match self.newest() {
            None => self.process.signal(signal),
            Some(id) => {
                let kill = Command::new("kill")
                    .args([&format!("-{signal}"), &id])
                    .status();
                assert!(kill.expect("kill runs").success(), "process {id} is gone");
            }
        }
    }

    fn has_said(&self, words: &str, times: usize) {
        until(words, WITHIN, || {
            self.process.said().matches(words).count() >= times
        });
    }

    /// Lets the next process take over, for the time of this number.
    pub fn upgrade(&mut self, time: usize) {
        self.signal("USR2");
        self.has_said(" has taken over", time);
    }

    /// Reads another configuration, for the time of this number.
    pub fn reload(&mut self, time: usize, yaml: &str) {
        // As a whole: whoever reads it meanwhile must not see half.
        let new = self.file.with_extension("new");
        fs::write(&new, yaml).expect("it can be written");
        fs::rename(new, &self.file).expect("it can be replaced");
        self.signal("HUP");
        self.has_said(": reloaded", time);
    }

    /// Whether it goes on when neither another process nor another configuration can be had.
    pub fn refuses_what_is_wrong(&self) -> bool {
        let newest = self.newest();
        fs::write(&self.file, "routers: 5\n").expect("it can be written");
        self.signal("USR2");
        self.has_said(
            "the next process does not take over, this one goes on: it cannot serve: ",
            1,
        );
        self.signal("HUP");
        self.has_said("the configuration stays as it was: ", 1);
        newest == self.newest()
    }
}

impl Drop for Lineage {
    fn drop(&mut self) {
        let said = self.process.said();
        let words = said
            .split(" is to take over")
            .filter_map(|before| before.rsplit_once("process "));
        for (_, id) in words {
            // Most have ended.
            let _ = Command::new("kill")
                .args(["-9", id])
                .stderr(Stdio::null())
                .status();
        }
    }
}
