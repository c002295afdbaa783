//! Against servers of ours and against nobody.

use std::error::Error;

use axum::{Extension, Router, extract::Request, routing::get};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Service, ServiceExt};

use super::*;
use crate::{
    ConnectInfo, Listener, ServerTls, ServerTlsFiles, Shutdown, SocketOptions, serve, tls::pki::Pki,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Serves who asks, with which version, until the returned shutdown is dropped with its runtime.
fn start(tls: Option<ServerTls>) -> (SocketAddr, Shutdown) {
    let who = async |Extension(info): Extension<ConnectInfo>, request: Request| {
        format!(
            "{:?} {} {:?}",
            request.version(),
            info.is_tls,
            info.client_cert_subject.as_deref()
        )
    };
    let listener =
        Listener::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default()).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let shutdown = Shutdown::new();
    let app = Router::new().route("/who", get(who));
    shutdown
        .drain()
        .spawn(serve(listener, tls, app, shutdown.drain()));
    (address, shutdown)
}

fn strict_server(pki: &Pki) -> ServerTls {
    let files = ServerTlsFiles {
        ca: Some(pki.path("ca.pem")),
        require_client_auth: true,
        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
        ..pki.server("web")
    };
    ServerTls::load(&files).expect("good files")
}

fn known_client(pki: &Pki, alpn: &[&str]) -> ClientTls {
    let files = crate::ClientTlsFiles {
        client_auth: pki.client_auth("caller"),
        alpn: alpn.iter().map(|name| (*name).to_owned()).collect(),
        ..pki.client("web.example")
    };
    ClientTls::load(&files).expect("good files")
}

#[tokio::test]
async fn the_legacy_client_speaks_what_was_negotiated() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    pki.issue("caller", &["caller.example"]);
    let (address, _shutdown) = start(Some(strict_server(&pki)));
    let check = async |alpn: &[&str], expected: &str| {
        let connector = Connector::new(Some(known_client(&pki, alpn)), PATIENCE);
        let client: Client<_, Empty<Bytes>> =
            Client::builder(TokioExecutor::new()).build(connector);
        let uri = format!("https://{address}/who").parse().expect("a URI");
        let body = client.get(uri).await.expect("an answer").into_body();
        let body = body.collect().await.expect("a whole body").to_bytes();
        assert_eq!(String::from_utf8_lossy(&body), expected, "with {alpn:?}");
    };
    check(
        &["h2"],
        r#"HTTP/2.0 true Some("CN=caller,O=Example\\, Inc")"#,
    )
    .await;
    check(
        &["http/1.1"],
        r#"HTTP/1.1 true Some("CN=caller,O=Example\\, Inc")"#,
    )
    .await;
    check(&[], r#"HTTP/1.1 true Some("CN=caller,O=Example\\, Inc")"#).await;
}

#[tokio::test]
async fn tonic_connects_through_it() {
    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    pki.issue("caller", &["caller.example"]);
    let with_tls = (Some(strict_server(&pki)), Some(known_client(&pki, &["h2"])));
    let expected = r#"HTTP/2.0 true Some("CN=caller,O=Example\\, Inc")"#;
    for ((server, client), expected) in
        [((None, None), "HTTP/2.0 false None"), (with_tls, expected)]
    {
        let (address, _shutdown) = start(server);
        let endpoint =
            tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("a URI");
        let connected = Box::pin(endpoint.connect_with_connector(Connector::new(client, PATIENCE)));
        let mut channel = connected.await.expect("connected");
        let request = http::Request::get("/who")
            .body(tonic::body::Body::empty())
            .expect("a request");
        let answer = channel
            .ready()
            .await
            .expect("open")
            .call(request)
            .await
            .expect("an answer");
        let body = answer
            .into_body()
            .collect()
            .await
            .expect("a whole body")
            .to_bytes();
        assert_eq!(String::from_utf8_lossy(&body), expected);
    }
}

async fn refused(connector: &Connector, uri: &str) -> (String, String) {
    let uri = uri.parse().expect("a URI");
    let error = connector.clone().oneshot(uri).await.expect_err("refused");
    (
        error.to_string(),
        error.source().map(ToString::to_string).unwrap_or_default(),
    )
}

#[tokio::test]
async fn errors_say_what_failed_and_where() {
    let plain = Connector::new(None, PATIENCE);
    let nobody = {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default())
            .expect("a free port");
        listener.local_addr().expect("bound")
    };
    let (error, source) = refused(&plain, &format!("http://{nobody}")).await;
    assert_eq!(error, format!("cannot connect to 127.0.0.1 at {nobody}"));
    assert!(source.contains("refused"), "{source}");

    let (error, _) = refused(&plain, "https://127.0.0.1/").await;
    assert_eq!(
        error,
        "https://127.0.0.1/ asks for TLS, which is not configured"
    );
    let (error, _) = refused(&plain, "/path").await;
    assert_eq!(error, "/path names no host");
    let (error, _) = refused(&plain, "http://no-such-host.invalid/").await;
    assert_eq!(error, "cannot resolve no-such-host.invalid");

    let pki = Pki::new();
    pki.issue("web", &["web.example"]);
    let (address, _shutdown) = start(Some(
        ServerTls::load(&pki.server("web")).expect("good files"),
    ));
    let wrong = ClientTls::load(&pki.client("other.example")).expect("good files");
    let (error, source) = refused(
        &Connector::new(Some(wrong), PATIENCE),
        &format!("http://{address}"),
    )
    .await;
    assert_eq!(error, "TLS handshake with 127.0.0.1 failed");
    assert!(
        source.contains("not valid for name \"other.example\""),
        "{source}"
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let pki = Pki::new();
    let silent =
        Listener::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default()).expect("a free port");
    let address = silent.local_addr().expect("bound");
    let tls = ClientTls::load(&pki.client("web.example")).expect("good files");
    let impatient = Connector::new(Some(tls), Duration::from_millis(20));
    let (error, _) = refused(&impatient, &format!("http://{address}")).await;
    assert_eq!(error, "no connection to 127.0.0.1 within 20 ms");
}

#[tokio::test]
async fn an_ipv6_address_stands_in_brackets() {
    // Where there is no IPv6, there is nothing to connect to.
    let Ok(listener) = Listener::bind(
        ([0, 0, 0, 0, 0, 0, 0, 1], 0).into(),
        &SocketOptions::default(),
    ) else {
        return;
    };
    let address = listener.local_addr().expect("bound");
    let uri = format!("http://{address}").parse().expect("a URI");
    let io = Connector::new(None, PATIENCE)
        .oneshot(uri)
        .await
        .expect("listening");
    assert_eq!(io.inner().tcp().peer_addr().expect("connected"), address);
}
