//! A client's socket of which the first bytes were read by somebody who had to know what it begins with.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::upgrade::FirstRequest;
use crate::headers::Shown;
use crate::wire::{Input, Socket, linger};

/// What every connection of HTTP/2 begins with. Source: RFC 9113 §3.4.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket, and what was read of it.
#[derive(Debug)]
pub(crate) struct Entrance {
    /// Shared with whoever closes it in the end: the library that reads and writes it gives nothing back.
    socket: Arc<Mutex<Socket>>,
    input: Input,
    /// A request that belongs behind the client's first frame.
    first: Option<FirstRequest>,
}

impl Entrance {
    pub(crate) fn new(socket: Socket, input: Input) -> Self {
        Self {
            socket: Arc::new(Mutex::new(socket)),
            input,
            first: None,
        }
    }

    /// The same, where this request has come already.
    pub(crate) fn upgraded(socket: Socket, input: Input, first: FirstRequest) -> Self {
        Self {
            first: Some(first),
            ..Self::new(socket, input)
        }
    }

    /// The socket, for whoever closes it.
    pub(super) fn socket(&self) -> Arc<Mutex<Socket>> {
        Arc::clone(&self.socket)
    }

    pub(super) fn may_speak_http2(&self) -> bool {
        lock(&self.socket).may_speak_http2()
    }

    pub(super) fn client_cert(&self) -> Option<Shown> {
        lock(&self.socket).client_cert().cloned()
    }

    /// The body of the request that has come already.
    pub(super) fn first_body(&self) -> Option<Bytes> {
        Some(self.first.as_ref()?.body.clone())
    }

    /// Puts the request where it belongs, as soon as that is here. What does not begin as it should is left to those who know how to
    /// complain of it.
    fn poll_insert(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(first) = &self.first {
            match settings_end(self.input.filled()) {
                End::Unknown => {
                    let mut socket = lock(&self.socket);
                    let (mut reader, _) = socket.split();
                    if ready!(self.input.poll_fill(cx, &mut reader))? == 0 {
                        drop(socket);
                        self.first = None;
                    }
                }
                End::At(end) => {
                    let filled = self.input.filled();
                    let bytes = first.behind(&filled[..end], &filled[end..]);
                    self.input = Input::default();
                    self.input.push(&bytes);
                    self.first = None;
                }
                End::Nowhere => self.first = None,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Nobody else holds it while a connection is served.
fn lock(socket: &Mutex<Socket>) -> MutexGuard<'_, Socket> {
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes so that the last words arrive, the GOAWAY that tells which requests may be asked again elsewhere among them.
pub(super) async fn close(socket: Arc<Mutex<Socket>>) {
    linger(|poll| poll(&mut lock(&socket)), Input::default()).await;
}

/// Where a client's first frame ends.
enum End {
    At(usize),
    /// It is not all here.
    Unknown,
    /// It is not what a client begins with.
    Nowhere,
}

/// Where the client's settings end, which it begins with behind the preface. Source: RFC 9113 §3.4 and §4.1.
fn settings_end(bytes: &[u8]) -> End {
    const SETTINGS: u8 = 4;
    /// More than any client has to say, and less than a frame may be.
    const MOST: usize = 8 * 1024;
    let known = bytes.len().min(PREFACE.len());
    if bytes[..known] != PREFACE[..known] {
        return End::Nowhere;
    }
    match bytes[known..] {
        [high, middle, low, kind, flags, a, b, c, d, ..] => {
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            let is_first = kind == SETTINGS && [flags, a, b, c, d] == [0; 5] && length <= MOST;
            let end = PREFACE.len() + FRAME_HEAD + length;
            match is_first {
                false => End::Nowhere,
                true if bytes.len() < end => End::Unknown,
                true => End::At(end),
            }
        }
        _ => End::Unknown,
    }
}

/// How long the head of a frame is.
pub(super) const FRAME_HEAD: usize = 9;

impl AsyncRead for Entrance {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.first.is_some() {
            ready!(this.poll_insert(cx))?;
        }
        if this.input.is_empty() {
            return Pin::new(&mut *lock(&this.socket)).poll_read(cx, room);
        }
        let count = this.input.filled().len().min(room.remaining());
        room.put_slice(&this.input.filled()[..count]);
        this.input.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Entrance {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *lock(&self.socket)).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *lock(&self.socket)).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        lock(&self.socket).is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *lock(&self.socket)).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *lock(&self.socket)).poll_shutdown(cx)
    }
}
