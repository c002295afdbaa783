//! Over real sockets.

use std::net::SocketAddr;

use http::{Method, Request, header::ALLOW};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use transport::{Connector, SocketOptions};

use super::*;

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    served: tokio::task::JoinHandle<Option<()>>,
    runner: Shutdown,
}

/// Starts an admin server, in a task that its own `runner` owns.
fn start(admin: impl FnOnce(Admin) -> Admin) -> (Running, Metrics) {
    let metrics = Metrics::new();
    let listener =
        Listener::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default()).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (shutdown, runner) = (Shutdown::new(), Shutdown::new());
    let admin = admin(Admin::new(metrics.clone()));
    let served = runner
        .drain()
        .spawn(admin.serve(listener, None, shutdown.clone()));
    (
        Running {
            address,
            shutdown,
            served,
            runner,
        },
        metrics,
    )
}

impl Running {
    async fn call(&self, method: Method, path: &str) -> Response<String> {
        let client = Client::builder(TokioExecutor::new())
            .build(Connector::new(None, Duration::from_secs(5)));
        let uri = format!("http://{}{path}", self.address);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let (head, body) = client
            .request(request)
            .await
            .expect("an answer")
            .into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Response::from_parts(head, String::from_utf8(body.to_vec()).expect("text"))
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.call(Method::GET, path).await;
        (response.status().as_u16(), response.into_body())
    }
}

use http::Response;

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

#[tokio::test]
async fn the_pages_answer() {
    let extra = Router::new().route("/mine", get(async || "mine"));
    let config = json!({ "admin": { "port": 9990 } });
    let (admin, metrics) = start(|admin| admin.config_json(config).routes(extra).index("/mine"));
    metrics.scope("rt/http").counter("requests").add(5);

    assert_eq!(admin.get("/admin/ping").await, ok("pong"));
    assert_eq!(admin.get("/mine").await, ok("mine"));
    assert_eq!(
        admin.get("/config.json").await,
        ok(r#"{"admin":{"port":9990}}"#)
    );
    assert_eq!(
        admin.get("/admin/metrics.json?q=rt").await,
        ok(r#"{"http/requests":5}"#)
    );
    assert_eq!(
        admin.get("/admin/metrics.json?q=rt&tree=1").await,
        ok(r#"{"http":{"requests":{"counter":5}}}"#)
    );
    assert_eq!(
        admin.get("/admin/metrics.json?q=rt&pretty=true").await,
        ok("{\n  \"http/requests\": 5\n}")
    );
    let absent = (
        404,
        r#"{"error":"No such subtree: nothing/here"}"#.to_owned(),
    );
    assert_eq!(
        admin.get("/admin/metrics.json?q=nothing/here").await,
        absent
    );
    let listed = "/admin/metrics.json\n/admin/ping\n/admin/shutdown\n/config.json\n/mine\n";
    assert_eq!(admin.get("/admin/index.txt").await, ok(listed));
    let (_, index) = admin.get("/admin").await;
    assert!(index.contains("<a href=\"/mine\">/mine</a>"), "{index}");
    assert_eq!(admin.get("/nothing").await, (404, String::new()));

    let response = admin.call(Method::GET, "/admin/metrics.json").await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let all: HashMap<String, f64> = serde_json::from_str(response.body()).expect("numbers by name");
    assert!(all.contains_key("process/uptime_secs"), "{all:?}");
}

#[tokio::test]
async fn without_a_configuration_there_is_no_page_for_it() {
    let (admin, _) = start(|admin| admin);
    assert_eq!(admin.get("/config.json").await.0, 404);
}

#[tokio::test]
async fn a_configuration_that_changes_is_shown_as_it_is() {
    let reads = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let source = move || json!(reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    let (admin, _) = start(|admin| admin.config_source(source));
    assert_eq!(admin.get("/config.json").await, ok("0"));
    assert_eq!(admin.get("/config.json").await, ok("1"));
}

#[tokio::test]
async fn shutdown_is_for_post_and_the_admin_server_goes_last() {
    let (admin, _) = start(|admin| admin);
    let refused = admin.call(Method::GET, "/admin/shutdown").await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.headers()[ALLOW], "POST");
    let bad = admin.call(Method::POST, "/admin/shutdown?grace=soon").await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        bad.body(),
        "invalid duration \"soon\"; write it as 10.seconds or 500.milliseconds"
    );

    let accepted = admin
        .call(Method::POST, "/admin/shutdown?grace=3.seconds")
        .await;
    assert_eq!(
        (accepted.status().as_u16(), accepted.body().as_str()),
        (200, "quitting")
    );
    assert_eq!(
        admin.shutdown.requested().await,
        Some(Duration::from_secs(3))
    );

    admin.shutdown.begin();
    assert_eq!(
        admin.get("/admin/ping").await,
        ok("pong"),
        "it serves while others drain"
    );
    assert!(admin.shutdown.finished(Duration::from_secs(5)).await);
    assert_eq!(admin.served.await.expect("no panic"), Some(()));
    assert!(admin.runner.finished(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn windows_of_stats_end_while_it_serves() {
    let (admin, metrics) = start(|admin| admin.snapshot_interval(Duration::from_millis(1)));
    let stat = metrics.scope("a").stat("b_ms");
    stat.record(1);
    let ended = async {
        while stat.window().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .expect("a window ends");
    let (_, shown) = admin.get("/admin/metrics.json?q=a").await;
    assert!(
        shown.starts_with("{\"b_ms.count\":") || shown.starts_with("{\"b_ms.avg\":"),
        "{shown}"
    );
}
