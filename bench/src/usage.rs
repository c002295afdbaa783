//! What a program uses, as `/proc` tells it.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{fs, io};

/// A process and all that it has started, such as the workers of nginx.
#[derive(Clone, Debug)]
pub struct Watched {
    processes: Vec<u32>,
}

/// CPU time of each thread, in nanoseconds.
#[derive(Debug)]
pub(crate) struct CpuTimes(BTreeMap<u32, u64>);

impl Watched {
    /// The tree of processes that begins with this one, as it is now.
    ///
    /// # Errors
    /// If `/proc` cannot be read.
    pub fn tree(root: u32) -> io::Result<Self> {
        let parents: Vec<(u32, u32)> = numbers("/proc")?
            .into_iter()
            .filter_map(|process| {
                let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
                Some((process, parent(&stat)?))
            })
            .collect();
        Ok(Self {
            processes: descendants(root, &parents),
        })
    }

    /// CPU time spent until now, in user and kernel mode.
    pub(crate) fn cpu(&self) -> io::Result<CpuTimes> {
        let mut times = BTreeMap::new();
        for process in &self.processes {
            for thread in numbers(&format!("/proc/{process}/task"))? {
                let path = format!("/proc/{process}/task/{thread}/schedstat");
                // A thread may end between the two reads.
                if let Ok(schedstat) = fs::read_to_string(path)
                    && let Some(time) = on_cpu_ns(&schedstat)
                {
                    times.insert(thread, time);
                }
            }
        }
        Ok(CpuTimes(times))
    }

    /// Memory that is resident, in bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for process in &self.processes {
            let status = fs::read_to_string(format!("/proc/{process}/status"))?;
            bytes += resident_bytes(&status).unwrap_or(0);
        }
        Ok(bytes)
    }
}

impl CpuTimes {
    /// What was spent since an earlier look. What a thread spent that ended between is not known.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let spent = self.0.iter().map(|(thread, time)| {
            let earlier = before.0.get(thread).copied().unwrap_or(0);
            time.saturating_sub(earlier)
        });
        Duration::from_nanos(spent.sum())
    }
}

/// Entries of a folder that are numbers: processes, or threads.
fn numbers(dir: &str) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(dir)?.filter_map(Result::ok);
    Ok(entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect())
}

/// The parent in `/proc/<pid>/stat`. The name before it stands in parentheses, and may itself hold some.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// The first figure of `/proc/<pid>/task/<tid>/schedstat`: nanoseconds on a CPU. Ticks, as in `stat`, are too coarse.
fn on_cpu_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

/// `VmRSS` of `/proc/<pid>/status`.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn descendants(root: u32, parents: &[(u32, u32)]) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(process) = found.get(next).copied() {
        let children = parents.iter().filter(|(_, parent)| *parent == process);
        found.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_behind_a_name_of_any_form() {
        assert_eq!(parent("8 (nginx) S 7 8 8 0 -1 4194560"), Some(7));
        assert_eq!(parent("8 (a) S 1) S 12 8 8 0"), Some(12));
        assert_eq!(parent("8 (nginx) S"), None);
    }

    #[test]
    fn the_time_on_a_cpu_is_the_first_figure() {
        assert_eq!(on_cpu_ns("229327705 32247139 710\n"), Some(229_327_705));
        assert_eq!(on_cpu_ns(""), None);
    }

    #[test]
    fn resident_memory_is_told_in_kib() {
        let status = "VmHWM:\t    9000 kB\nVmRSS:\t    6132 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(resident_bytes(status), Some(6132 * 1024));
        assert_eq!(resident_bytes("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn a_tree_holds_children_of_children() {
        let parents = [(5, 1), (9, 7), (7, 5), (8, 2), (6, 5)];
        assert_eq!(descendants(5, &parents), [5, 7, 6, 9]);
    }

    #[test]
    fn a_thread_that_began_or_ended_since_takes_nothing_away() {
        let before = CpuTimes([(1, 100), (2, 900)].into());
        let after = CpuTimes([(1, 150), (3, 30)].into());
        assert_eq!(after.since(&before), Duration::from_nanos(80));
    }

    #[test]
    fn this_process_is_seen() {
        let watched = Watched::tree(std::process::id()).expect("a tree");
        assert!(watched.resident().expect("a status") > 0);
        let times = watched.cpu().expect("threads");
        assert!(!times.0.is_empty());
    }
}
