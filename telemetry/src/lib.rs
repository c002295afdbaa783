//! What an operator sees: numbers, logs, and the admin server that shows them.
//!
//! Start at [`Metrics`]: scopes hand out counters, gauges and stats, whose handles are kept by whoever records. [`Admin`] serves them beside
//! its other pages, and [`init_logs`] sends log events to stderr.
//!
//! ```
//! let metrics = telemetry::Metrics::new();
//! let server = metrics.scope("rt/http/server").node("127.0.0.1/4140");
//! let requests = server.counter("requests");
//! let latency = server.stat("request_latency_ms");
//! requests.inc();
//! latency.record(12);
//! metrics.snapshot();
//! let json = metrics.to_json(&telemetry::Query::default()).expect("all of it");
//! assert!(json.contains(r#""rt/http/server/127.0.0.1/4140/requests":1"#));
//! assert!(json.contains(r#""rt/http/server/127.0.0.1/4140/request_latency_ms.p99":12"#));
//! ```

mod admin;
mod duration;
mod logs;
mod metrics;
mod process;

pub use admin::Admin;
pub use duration::{BadDuration, parse_duration};
pub use logs::{LogsError, init_logs};
pub use metrics::{
    Counter, Gauge, Metrics, NoSubtree, Open, Query, Reading, Scope, Stat, Summary, Totals,
    Traffic, Value,
};
