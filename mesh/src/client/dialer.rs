//! Connections, directly or through a proxy.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tower::Service;
use transport::{ClientTls, Connector, Io};

type BoxError = Box<dyn Error + Send + Sync>;

/// Connects to the host of a URL, with TLS if the URL says `https`.
#[derive(Clone)]
pub(super) struct Dialer {
    tls: Option<ClientTls>,
    timeout: Duration,
    proxies: Option<Arc<Matcher>>,
}

impl Dialer {
    /// The timeout is for name, connection and handshake together.
    pub(super) fn new(tls: Option<ClientTls>, timeout: Duration, proxies: Option<Matcher>) -> Self {
        Self {
            tls,
            timeout,
            proxies: proxies.map(Arc::new),
        }
    }

    /// The proxy for a URL.
    pub(super) fn proxy(&self, uri: &Uri) -> Option<Intercept> {
        self.proxies.as_ref()?.intercept(uri)
    }

    async fn dial(self, uri: Uri) -> Result<Dialed, BoxError> {
        let is_https = uri.scheme_str() == Some("https");
        let plain = Connector::new(None, self.timeout);
        let (io, is_proxied) = match (self.proxy(&uri), is_https) {
            (None, false) => (plain.clone().call(uri).await?, false),
            (None, true) => {
                let mut connector = Connector::new(self.tls, self.timeout);
                (connector.call(uri).await?, false)
            }
            (Some(proxy), false) => (plain.clone().call(proxy.uri().clone()).await?, true),
            (Some(proxy), true) => {
                let opening = self.clone().tunnel(plain, &proxy, uri);
                (tokio::time::timeout(self.timeout, opening).await??, false)
            }
        };
        Ok(Dialed { io, is_proxied })
    }

    async fn tunnel(
        self,
        plain: Connector,
        proxy: &Intercept,
        uri: Uri,
    ) -> Result<TokioIo<Io>, BoxError> {
        let tls = self.tls.ok_or("no TLS settings for an https URL")?;
        let host = uri.host().unwrap_or_default().to_owned();
        let mut tunnel = Tunnel::new(proxy.uri().clone(), plain);
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        let Io::Tcp(stream) = tunnel.call(uri).await?.into_inner() else {
            return Err("a plain connection has TLS".into());
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = tls.connect(stream, host).await?;
        Ok(TokioIo::new(Io::Tls(Box::new(stream))))
    }
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Dialed, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().dial(uri))
    }
}

/// A connection that knows whether it ends at a proxy, which wants whole URLs in requests.
pub(super) struct Dialed {
    io: TokioIo<Io>,
    is_proxied: bool,
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.is_proxied)
    }
}

impl Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Dialed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
