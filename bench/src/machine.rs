//! Where figures come from: a report without that means nothing.

use std::fs;
use std::process::Command;

use serde::Serialize;

use crate::contender::Contender;

/// The machine, the day and the programs of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub processor: String,
    /// How many cores can be used.
    pub cores: usize,
    /// The kernel's version.
    pub kernel: String,
    /// The day.
    pub date: String,
    /// How many programs wanted to run in the minute before; more than none of them disturb.
    pub load: String,
    /// The commit of the sources, if they are in a repository.
    pub commit: Option<String>,
    /// The contenders' names and versions.
    pub versions: Vec<(String, String)>,
}

impl Machine {
    /// Looks around.
    pub fn here(contenders: &[Contender]) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let loadavg = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let versions = contenders.iter().filter_map(|contender| {
            let version = contender.version()?;
            Some((contender.name.clone(), version))
        });
        Self {
            processor: processor(&cpuinfo).unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            load: loadavg.split(' ').next().unwrap_or_default().to_owned(),
            commit: commit(),
            versions: versions.collect(),
        }
    }

    /// One sentence.
    pub fn line(&self) -> String {
        let Self {
            processor,
            cores,
            kernel,
            date,
            load,
            ..
        } = self;
        let mut line = format!(
            "{date}; {processor}, {cores} cores, load average {load} before the run; Linux {kernel}"
        );
        for (name, version) in &self.versions {
            line.push_str(&format!("; {name} {version}"));
            if let ("router", Some(commit)) = (name.as_str(), &self.commit) {
                line.push_str(&format!(" ({commit})"));
            }
        }
        line
    }
}

fn processor(cpuinfo: &str) -> Option<&str> {
    let lines = cpuinfo.lines();
    let mut model = lines.filter_map(|line| line.strip_prefix("model name"));
    Some(model.next_back()?.trim_start_matches([' ', '\t', ':']))
}

fn commit() -> Option<String> {
    let git = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    let git = git.ok().filter(|git| git.status.success())?;
    Some(String::from_utf8(git.stdout).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_called_by_its_model() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: fpu\n";
        assert_eq!(processor(cpuinfo), Some("AMD EPYC"));
        assert_eq!(processor(""), None);
    }
}
