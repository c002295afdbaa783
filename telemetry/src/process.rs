//! The process itself in numbers: `process/…`, in place of the reference's `jvm/…`.

use std::{fs, path::Path};

use tokio::{runtime::Handle, time::Instant};

use crate::Metrics;

/// Registers the process's gauges. What this system does not tell is not registered. Needs a tokio runtime.
pub(crate) fn register(metrics: &Metrics) {
    let process = metrics.scope("process");
    let started = Instant::now();
    process.gauge_fn("uptime_secs", move || started.elapsed().as_secs_f64());
    count_tasks(metrics, vec![Handle::current()]);
    if Path::new("/proc/self/status").exists() {
        process.gauge_fn("threads", || status("Threads:").unwrap_or_default());
        // The kernel's kB are of 1024 bytes.
        process.gauge_fn("memory/rss_bytes", || {
            status("VmRSS:").unwrap_or_default() * 1024.0
        });
        process.gauge_fn("memory/rss_max_bytes", || {
            status("VmHWM:").unwrap_or_default() * 1024.0
        });
        process.gauge_fn("open_fds", || open_fds().unwrap_or_default());
    }
}

/// Has `process/tasks` count what has not ended in all of these.
pub(crate) fn count_tasks(metrics: &Metrics, runtimes: Vec<Handle>) {
    let tasks = move || {
        let alive = runtimes.iter().map(|it| it.metrics().num_alive_tasks());
        alive.sum::<usize>() as f64
    };
    metrics.scope("process").gauge_fn("tasks", tasks);
}

/// A number of `/proc/self/status` (proc_pid_status(5)).
fn status(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<f64> {
    // One of them is the folder that is being read.
    Some(
        fs::read_dir("/proc/self/fd")
            .ok()?
            .count()
            .saturating_sub(1) as f64,
    )
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;
    use crate::Query;

    #[tokio::test]
    async fn the_process_is_seen() {
        let metrics = Metrics::new();
        register(&metrics);
        let _held = fs::File::open("/proc/self/status").expect("linux");
        let query = Query {
            q: Some("process".to_owned()),
            ..Query::default()
        };
        let json: serde_json::Value =
            serde_json::from_str(&metrics.to_json(&query).expect("registered")).expect("JSON");
        let at_least = |name: &str, least: f64| {
            let value = json[name].as_f64().expect(name);
            assert!(value >= least, "{name} is {value}");
        };
        at_least("uptime_secs", 0.0);
        at_least("tasks", 0.0);
        at_least("threads", 1.0);
        at_least("open_fds", 4.0);
        at_least("memory/rss_bytes", 100_000.0);
        at_least("memory/rss_max_bytes", 100_000.0);
    }

    #[test]
    fn tasks_are_counted_in_all_runtimes() {
        let runtimes = [1, 2].map(|count| {
            let runtime = Builder::new_current_thread().build().expect("a runtime");
            for _ in 0..count {
                runtime.spawn(std::future::pending::<()>());
            }
            runtime
        });
        let metrics = Metrics::new();
        let handles = runtimes.iter().map(|runtime| runtime.handle().clone());
        count_tasks(&metrics, handles.collect());
        let json = metrics.to_json(&Query::default()).expect("registered");
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["process/tasks"].as_f64(), Some(3.0), "{json}");
    }
}
