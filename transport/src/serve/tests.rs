//! Real sockets on loopback.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Extension, routing::get};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use super::*;
use crate::{Connector, Io, Shutdown, SocketOptions};

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    served: tokio::task::JoinHandle<Option<()>>,
}

fn start(app: Router, settings: HttpSettings) -> Running {
    let listener =
        Listener::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default()).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let shutdown = Shutdown::new();
    let drain = shutdown.drain();
    let served = shutdown
        .drain()
        .spawn(async move { serve_with(listener, None, app, &settings, drain).await });
    Running {
        address,
        shutdown,
        served,
    }
}

fn client(h2: bool) -> Client<Connector, Empty<hyper::body::Bytes>> {
    let connector = Connector::new(None, Duration::from_secs(5));
    Client::builder(TokioExecutor::new())
        .http2_only(h2)
        .build(connector)
}

async fn text(
    client: &Client<Connector, Empty<hyper::body::Bytes>>,
    address: SocketAddr,
    path: &str,
) -> String {
    let uri = format!("http://{address}{path}").parse().expect("a URI");
    let response = client.get(uri).await.expect("an answer");
    let body = response.into_body().collect().await.expect("a whole body");
    String::from_utf8(body.to_bytes().to_vec()).expect("text")
}

async fn plain(address: SocketAddr) -> Io {
    let connector = Connector::new(None, Duration::from_secs(5));
    connector
        .connect(&address.ip().to_string(), address.port())
        .await
        .expect("listening")
}

async fn read_head(stream: &mut Io) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
}

fn who() -> Router {
    let who = |Extension(info): Extension<ConnectInfo>, request: Request<Body>| async move {
        format!(
            "{} {:?} {}",
            info.peer.inet().expect("it came by TCP").ip(),
            request.version(),
            info.is_tls
        )
    };
    Router::new().route("/who", get(who))
}

#[tokio::test]
async fn both_versions_are_served_on_one_port_and_know_their_peer() {
    let server = start(who(), HttpSettings::default());
    assert_eq!(
        text(&client(false), server.address, "/who").await,
        "127.0.0.1 HTTP/1.1 false"
    );
    assert_eq!(
        text(&client(true), server.address, "/who").await,
        "127.0.0.1 HTTP/2.0 false"
    );
}

#[tokio::test]
async fn a_request_in_flight_ends_and_new_connections_are_refused() {
    for h2 in [false, true] {
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (entered, leave) = (entered.clone(), leave.clone());
            || async move {
                entered.notify_one();
                leave.notified().await;
                "done"
            }
        };
        let server = start(
            Router::new().route("/slow", get(slow)),
            HttpSettings::default(),
        );
        let address = server.address;
        let answer = server
            .shutdown
            .drain()
            .spawn(async move { text(&client(h2), address, "/slow").await });
        entered.notified().await;

        // An idle HTTP/1 connection does not hold up the end, nor does one that was never accepted.
        let mut idle = plain(address).await;
        idle.write_all(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .expect("open");
        read_head(&mut idle).await;
        let mut queued = plain(address).await;
        server.shutdown.begin();
        assert_eq!(queued.read(&mut [0; 1]).await.expect("closed in order"), 0);
        assert_eq!(idle.read(&mut [0; 1]).await.expect("closed in order"), 0);
        let refused = TcpStream::connect(address)
            .await
            .expect_err("no longer listening");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

        leave.notify_one();
        assert!(server.shutdown.finished(Duration::from_secs(10)).await);
        assert_eq!(answer.await.expect("no panic").as_deref(), Some("done"));
        assert_eq!(server.served.await.expect("no panic"), Some(()));
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut() {
    let entered = Arc::new(Notify::new());
    let dropped = Arc::new(AtomicUsize::new(0));
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let stuck = {
        let (entered, dropped) = (entered.clone(), dropped.clone());
        || async move {
            let _dropped = Dropped(dropped);
            entered.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let server = start(
        Router::new().route("/stuck", get(stuck)),
        HttpSettings::default(),
    );
    let mut request = plain(server.address).await;
    request
        .write_all(b"GET /stuck HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("open");
    entered.notified().await;
    assert!(!server.shutdown.finished(Duration::from_millis(10)).await);
    server.served.await.expect("no panic");
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_does_not_say_its_version_is_closed() {
    let settings = HttpSettings {
        header_read_timeout: Duration::from_millis(50),
        ..HttpSettings::default()
    };
    let server = start(who(), settings);
    for said in ["", "PRI * HTTP/2", "GET /who HTTP/1.1\r\nhos"] {
        let mut client = plain(server.address).await;
        client.write_all(said.as_bytes()).await.expect("open");
        let mut answer = Vec::new();
        // An end of the stream or a reset: both say that the server has let go.
        let _ = client.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{said:?} was answered with {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_slow_answer_to_a_short_request_is_not_mistaken_for_silence() {
    let settings = HttpSettings {
        header_read_timeout: Duration::from_millis(20),
        ..HttpSettings::default()
    };
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        "slow"
    };
    let server = start(Router::new().route("/", get(slow)), settings);
    let mut client = plain(server.address).await;
    client
        .write_all(b"GET / HTTP/1.0\r\n\r\n")
        .await
        .expect("open");
    let mut answer = String::new();
    client
        .read_to_string(&mut answer)
        .await
        .expect("a whole answer");
    assert!(answer.ends_with("slow"), "{answer}");
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_connection_only() {
    let app = who().route("/panic", get(|| async { panic!("on purpose") as () }));
    let server = start(app, HttpSettings::default());
    let uri = format!("http://{}/panic", server.address)
        .parse()
        .expect("a URI");
    client(false)
        .get(uri)
        .await
        .expect_err("the connection is gone");
    assert_eq!(
        text(&client(false), server.address, "/who").await,
        "127.0.0.1 HTTP/1.1 false"
    );
}

#[tokio::test]
async fn thousands_of_streams_fit_one_connection() {
    const STREAMS: usize = 2_000;
    let (arrived, leave) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let all_there = Arc::new(Notify::new());
    let wait = {
        let (arrived, leave, all_there) = (arrived.clone(), leave.clone(), all_there.clone());
        || async move {
            let leave = leave.notified();
            if arrived.fetch_add(1, Ordering::SeqCst) + 1 == STREAMS {
                all_there.notify_one();
            }
            leave.await;
            "ok"
        }
    };
    let server = start(
        Router::new().route("/wait", get(wait)),
        HttpSettings::default(),
    );
    let client = client(true);
    let mut answers = JoinSet::new();
    for _ in 0..STREAMS {
        let (client, address) = (client.clone(), server.address);
        answers.spawn(async move { text(&client, address, "/wait").await });
    }
    all_there.notified().await;
    leave.notify_waiters();
    while let Some(answer) = answers.join_next().await {
        assert_eq!(answer.expect("no panic"), "ok");
    }
}
