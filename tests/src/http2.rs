//! One HTTP/2 connection of an application to a router, and what is sent and read on its streams.

use std::future::poll_fn;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A connection. It closes with the value, whatever its streams do.
#[derive(Debug)]
pub struct Http2 {
    sender: SendRequest<Bytes>,
    driver: JoinHandle<()>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The status.
    pub status: StatusCode,
    /// The fields of the head.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The fields behind the body.
    pub trailers: HeaderMap,
}

/// What one stream may send before somebody has taken it.
pub const STREAM_WINDOW: u32 = 65_535;

/// What all streams of a connection may, on both sides: nobody is held up by another one.
pub(crate) const CONNECTION_WINDOW: u32 = 64 << 20;

impl Http2 {
    /// Connects to a router.
    ///
    /// # Errors
    /// If it refuses.
    pub async fn connect(router: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(router).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .data_frame_budget(CONNECTION_WINDOW as usize)
            .max_local_error_reset_streams(None)
            .handshake(stream)
            .await?;
        let driver = Handle::current().spawn(async move {
            // Its streams tell how it ended.
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Opens a stream; `is_all` if nothing follows the head.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn open(
        &self,
        request: Request<()>,
        is_all: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        sender.send_request(request, is_all)
    }

    /// Sends a request with this body, and reads the whole answer.
    ///
    /// # Errors
    /// If the stream or the connection breaks off before the end.
    pub async fn ask(&self, request: Request<()>, body: Bytes) -> Result<Whole, h2::Error> {
        let (response, mut upload) = self.open(request, body.is_empty()).await?;
        if !body.is_empty() {
            // An answer may come before the body was taken, and then says why.
            let _ = send(&mut upload, body, true).await;
        }
        Whole::read(response).await
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Whole {
    /// Waits for an answer, and reads it to its end.
    ///
    /// # Errors
    /// If the stream or the connection breaks off before.
    pub async fn read(response: ResponseFuture) -> Result<Self, h2::Error> {
        let (head, mut body) = response.await?.into_parts();
        let mut whole = Self {
            status: head.status,
            headers: head.headers,
            body: Vec::new(),
            trailers: HeaderMap::new(),
        };
        while let Some(chunk) = read(&mut body).await? {
            whole.body.extend_from_slice(&chunk);
        }
        whole.trailers = body.trailers().await?.unwrap_or_default();
        Ok(whole)
    }

    /// The `grpc-status`, in the trailers or in the head.
    pub fn grpc_status(&self) -> Option<u32> {
        let status = self.trailers.get("grpc-status");
        let status = status.or_else(|| self.headers.get("grpc-status"));
        status?.to_str().ok()?.parse().ok()
    }
}

/// The head of a gRPC call of a host.
///
/// # Panics
/// If these are no host and no path.
pub fn call(host: &str, path: &str) -> Request<()> {
    let mut request = Request::new(());
    let uri = Uri::builder().scheme("http").authority(host);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.path_and_query(path).build().expect("a host and a path");
    *request.version_mut() = Version::HTTP_2;
    let value = HeaderValue::from_static;
    let headers = request.headers_mut();
    headers.insert(TE, value("trailers"));
    headers.insert(CONTENT_TYPE, value("application/grpc"));
    request
}

/// Sends a piece of a body as the other side takes it; `is_all` if nothing follows.
///
/// # Errors
/// If the other side takes no more.
pub async fn send(
    upload: &mut SendStream<Bytes>,
    mut body: Bytes,
    is_all: bool,
) -> Result<(), h2::Error> {
    while !body.is_empty() {
        upload.reserve_capacity(body.len());
        let room = match upload.capacity() {
            0 => match poll_fn(|cx| upload.poll_capacity(cx)).await {
                Some(room) => room?,
                None => return Err(h2::Reason::CANCEL.into()),
            },
            room => room,
        };
        let chunk = body.split_to(room.min(body.len()));
        upload.send_data(chunk, is_all && body.is_empty())?;
    }
    Ok(())
}

/// Reads a piece of a body, and lets the other side send as much again.
///
/// # Errors
/// If the stream breaks off.
pub async fn read(body: &mut RecvStream) -> Result<Option<Bytes>, h2::Error> {
    let Some(chunk) = body.data().await else {
        return Ok(None);
    };
    let chunk = chunk?;
    body.flow_control().release_capacity(chunk.len())?;
    Ok(Some(chunk))
}

/// Bytes that are different for each seed, and nowhere the same as a few bytes further on.
pub fn pattern(seed: u32, bytes: usize) -> Bytes {
    let mut state = seed | 1;
    let next = |_| {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (state >> 24) as u8
    };
    (0..bytes).map(next).collect()
}

/// Streams whose answers have begun, and on which nothing flows any more. They end with the value.
#[derive(Debug)]
pub struct Idle {
    open: Vec<(RecvStream, SendStream<Bytes>)>,
    connections: Vec<Http2>,
}

impl Idle {
    /// Opens so many of a host on each of so many connections. The host has to answer at once, and never to the end.
    ///
    /// # Errors
    /// If one of them is not answered well.
    pub async fn open(
        router: SocketAddr,
        host: &str,
        connections: usize,
        each: usize,
    ) -> Result<Self> {
        let mut idle = Self {
            open: Vec::with_capacity(connections * each),
            connections: Vec::with_capacity(connections),
        };
        for _ in 0..connections {
            let connection = Http2::connect(router).await?;
            let opening = (0..each).map(async |_| {
                let (response, upload) = connection.open(call(host, "/idle"), false).await?;
                anyhow::Ok((response.await?, upload))
            });
            for opened in join_all(opening).await {
                let (response, upload) = opened?;
                ensure!(response.status() == 200, "{response:?}");
                idle.open.push((response.into_body(), upload));
            }
            idle.connections.push(connection);
        }
        Ok(idle)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// On how many connections.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }
}
