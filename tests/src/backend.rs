//! Services behind the routers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};

/// A service that answers every request with its version, over HTTP/1.1 or HTTP/2, as each client begins, and counts.
#[derive(Debug)]
pub struct Backend {
    version: String,
    address: SocketAddr,
    requests: Arc<AtomicU64>,
    runtime: Handle,
    serving: Option<JoinHandle<()>>,
}

impl Backend {
    /// Starts it on any port.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(runtime: &Handle, version: &str) -> Self {
        let mut backend = Self {
            version: version.to_owned(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            requests: Arc::default(),
            runtime: runtime.clone(),
            serving: None,
        };
        backend.resume();
        backend
    }

    /// Where it listens, also while it doesn't.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its name for a dtab.
    pub fn path(&self) -> String {
        format!("/$/inet/127.0.0.1/{}", self.address.port())
    }

    /// How many requests it got.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Cuts its connections and refuses new ones.
    pub fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // Ends with an error, as it was aborted; then its listener is closed.
            let _ = self.runtime.block_on(serving);
        }
    }

    /// Serves again where it did.
    ///
    /// # Panics
    /// If somebody else has its port now.
    pub fn resume(&mut self) {
        let listener = self.runtime.block_on(TcpListener::bind(self.address));
        let listener = listener.expect("its port is free");
        self.address = listener.local_addr().expect("it is bound");
        let (version, requests) = (self.version.clone(), Arc::clone(&self.requests));
        self.serving = Some(self.runtime.spawn(serve(listener, version, requests)));
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

/// The connections end with the task, which owns them.
async fn serve(listener: TcpListener, version: String, requests: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Without it a delayed acknowledgement would look like a slow router. It fails only for a closed connection.
        let _ = stream.set_nodelay(true);
        let (version, requests) = (version.clone(), Arc::clone(&requests));
        let service = service_fn(move |request: Request<Incoming>| {
            requests.fetch_add(1, Ordering::Relaxed);
            let answer = Response::builder()
                .header("version", &version)
                .body(Full::new(Bytes::from(version.clone())));
            async {
                // As services do. Ends early where the client has gone.
                request.into_body().collect().await?;
                Ok::<_, hyper::Error>(answer.expect("a version is a header value"))
            }
        });
        connections.spawn(async {
            let mut http = auto::Builder::new(TokioExecutor::new());
            http.http1().timer(TokioTimer::new());
            http.http2().timer(TokioTimer::new());
            // Fails where a client goes away, or the router does.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
