//! One connection of an application whose `http_proxy` is a router.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A kept-alive connection to a router.
#[derive(Debug)]
pub struct Proxied {
    sender: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Proxied {
    /// Connects to a router.
    ///
    /// # Errors
    /// If it refuses.
    pub async fn connect(router: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(router).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::runtime::Handle::current().spawn(connection);
        Ok(Self { sender, connection })
    }

    /// Asks for `/` at a host, with the target in absolute form, and reads the whole answer.
    ///
    /// # Errors
    /// If the connection ends before the answer does, or takes too long.
    pub async fn get(&mut self, host: &str, headers: &[(&str, &str)]) -> Result<Reply> {
        let mut request = Request::get(format!("http://{host}/")).header(header::HOST, host);
        for (name, value) in headers {
            let name = HeaderName::try_from(*name)?;
            request = request.header(name, HeaderValue::from_str(value)?);
        }
        let request = request.body(Empty::new())?;
        let exchange = async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(Response::from_parts(head, body))
        };
        let reply = timeout(ANSWER_WITHIN, exchange)
            .await
            .context("no answer in time")??;
        Ok(Reply {
            status: reply.status(),
            headers: reply.headers().clone(),
            body: String::from_utf8_lossy(reply.body()).into_owned(),
        })
    }

    /// Whether another request can be sent.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Reply {
    /// The version of the backend that answered; none if the router did.
    pub fn version(&self) -> Option<&str> {
        self.header("version")
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
