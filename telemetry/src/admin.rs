//! The admin server: the pages that every Switchyard process has, beside those that its owner adds.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::Query as Params,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use transport::{Listener, ServerTls, Shutdown};

use crate::{Metrics, Query, parse_duration, process};

/// The admin server, before it serves.
///
/// | path | answer |
/// |---|---|
/// | `/admin/ping` | `pong` |
/// | `/admin/metrics.json` | see [`Metrics::to_json`]; `?pretty=true`, `?tree=true`, `?q=<sub-tree>` |
/// | `/config.json` | the configuration in effect, if one was given |
/// | `/admin/shutdown` | POST only: `quitting`, and a request to end, with `?grace=10.seconds` |
/// | `/admin`, `/admin/index.txt` | what there is |
///
/// Source: router paths of linkerd's admin server (`com.twitter.server.Admin`, `io.buoyant.admin.Admin`).
#[must_use]
pub struct Admin {
    metrics: Metrics,
    config: Option<Arc<dyn Fn() -> Value + Send + Sync>>,
    routes: Router,
    index: Vec<String>,
    snapshot_interval: Duration,
}

/// How often windows of stats end, as in the reference.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(60);

/// How long an answer that is being sent when the process ends may take.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

impl Admin {
    /// An admin server with nothing but its own pages. Adds the gauges `process/…` to the metrics. Needs a tokio runtime.
    pub fn new(metrics: Metrics) -> Self {
        process::register(&metrics);
        let index = ["/admin/metrics.json", "/admin/ping", "/admin/shutdown"]
            .map(str::to_owned)
            .to_vec();
        Self {
            metrics,
            config: None,
            routes: Router::new(),
            index,
            snapshot_interval: SNAPSHOT_INTERVAL,
        }
    }

    /// Shows this at `/config.json`. Secrets must be masked already.
    pub fn config_json(self, config: Value) -> Self {
        self.config_source(move || config.clone())
    }

    /// Shows at `/config.json` what this gives at the time: for a configuration that can be read again.
    pub fn config_source(mut self, config: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        self.config = Some(Arc::new(config));
        self.index("/config.json")
    }

    /// Adds pages. The index does not know them by itself, see [`index`](Self::index).
    ///
    /// # Panics
    /// If one of them is there already.
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Lists a page at `/admin`.
    pub fn index(mut self, path: &str) -> Self {
        self.index.push(path.to_owned());
        self
    }

    /// Has `process/tasks` count the tasks of these runtimes too, beside those of the one that this was made on.
    pub fn runtimes(self, others: impl IntoIterator<Item = Handle>) -> Self {
        let all = [Handle::current()].into_iter().chain(others);
        process::count_tasks(&self.metrics, all.collect());
        self
    }

    /// How often the windows of stats end; a minute if it isn't said.
    pub fn snapshot_interval(mut self, interval: Duration) -> Self {
        self.snapshot_interval = interval;
        self
    }

    /// Serves until `shutdown` is [over](Shutdown::over), so that the draining of everything else can be watched, and ends the windows of stats while
    /// it runs. A request to end goes to [`Shutdown::request`]. If another process has the sockets from now on, it accepts nothing more, and
    /// answers only those who are connected.
    pub async fn serve(self, listener: Listener, tls: Option<ServerTls>, shutdown: Shutdown) {
        let (metrics, interval) = (self.metrics.clone(), self.snapshot_interval);
        let app = self.into_router(shutdown.clone());
        let own = Shutdown::new();
        let serving = Box::pin(transport::serve(listener, tls, app, own.drain()));
        let ending = async {
            let drain = shutdown.drain();
            drain.begun().await;
            if !drain.is_hurried() {
                own.begin_gently();
            }
            shutdown.over().await;
            own.begin();
            own.finished(LAST_ANSWERS).await;
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(serving, ending) } => {}
            () = metrics.snapshot_every(interval) => {}
        }
    }

    /// All pages as a router.
    pub fn into_router(mut self, shutdown: Shutdown) -> Router {
        self.index.sort();
        let metrics = self.metrics;
        let index = Arc::new(self.index);
        let listed = index.clone();
        let mut app = self
            .routes
            .route("/admin", get(async move || Html(index_html(&index))))
            .route(
                "/admin/index.txt",
                get(async move || listed.join("\n") + "\n"),
            )
            .route("/admin/ping", get(async || "pong"))
            .route(
                "/admin/metrics.json",
                get(
                    async move |Params(params): Params<HashMap<String, String>>| {
                        metrics_json(&metrics, &params)
                    },
                ),
            )
            .route(
                "/admin/shutdown",
                post(
                    async move |Params(params): Params<HashMap<String, String>>| {
                        quit(&shutdown, &params)
                    },
                ),
            );
        if let Some(config) = self.config {
            app = app.route("/config.json", get(async move || Json(config())));
        }
        app
    }
}

fn metrics_json(metrics: &Metrics, params: &HashMap<String, String>) -> Response {
    match metrics.to_json(&Query::from_params(params)) {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => (
            StatusCode::NOT_FOUND,
            Json(json!({ "error": error.to_string() })),
        )
            .into_response(),
    }
}

fn quit(shutdown: &Shutdown, params: &HashMap<String, String>) -> Response {
    let grace = params
        .get("grace")
        .map(|grace| parse_duration(grace))
        .transpose();
    match grace {
        Ok(grace) => {
            shutdown.request(grace);
            "quitting".into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

fn index_html(paths: &[String]) -> String {
    let item = |path: &String| format!("<li><a href=\"{path}\">{path}</a></li>\n");
    let items: String = paths.iter().map(item).collect();
    format!("<!DOCTYPE html>\n<title>admin</title>\n<ul>\n{items}</ul>\n")
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
