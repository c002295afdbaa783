//! Endpoints that do all that endpoints do.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::task::{JoinHandle, JoinSet};

/// An endpoint of HTTP/1.1 and HTTP/2. It ends with the value, and its connections too.
#[derive(Debug)]
pub(crate) struct Origin {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Origin {
    /// Starts it on any port.
    pub(crate) fn start(runtime: &Runtime) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        Self {
            address: listener.local_addr().expect("bound"),
            serving: runtime.spawn(serve(listener)),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The connections end with the task, which owns them.
async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Fails only for a closed connection.
        let _ = stream.set_nodelay(true);
        connections.spawn(async {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            builder.http2().timer(TokioTimer::new());
            let service = service_fn(answer);
            builder
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await
        });
        while connections.try_join_next().is_some() {}
    }
}

type Body = BoxBody<Bytes, hyper::Error>;

/// Sends back what comes; `/broken` breaks off, and `/bad` is not well.
async fn answer(mut request: Request<Incoming>) -> Result<Response<Body>> {
    let said = |text| Full::from(text).map_err(|never| match never {}).boxed();
    let mut response = Response::new(said("well"));
    if let Some(protocol) = request.headers().get(header::UPGRADE).cloned() {
        let upgrading = hyper::upgrade::on(&mut request);
        // Ends with the tunnel.
        Handle::current().spawn(async move {
            let io = TokioIo::new(upgrading.await?);
            let (mut reader, mut writer) = tokio::io::split(io);
            tokio::io::copy(&mut reader, &mut writer).await?;
            anyhow::Ok(())
        });
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let upgrade = header::HeaderValue::from_static("upgrade");
        response.headers_mut().insert(header::CONNECTION, upgrade);
        response.headers_mut().insert(header::UPGRADE, protocol);
        *response.body_mut() = said("");
    } else if request.method() == Method::POST {
        *response.body_mut() = request.into_body().boxed();
    } else {
        match request.uri().path() {
            "/broken" => bail!("as it was asked to"),
            "/bad" => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            _ => {}
        }
    }
    Ok(response)
}
