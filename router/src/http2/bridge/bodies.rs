//! Bodies on their way from one version to the other, at the pace of the slower side.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;
use http1::{BadBody, Decoder, Fields, chunk_line, may_be_trailer, write_chunk_end};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::client::Interrupted;

/// How the end of a body is told over HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// By its length, or there is none.
    Plain,
    Chunked,
}

/// Why a body did not pass.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Whoever sends it has broken off.
    Source(Interrupted),
    /// Whoever it is for takes no more.
    Sink,
}

/// Writes the body of a stream, its trailers and its end.
pub(super) async fn to_http1(
    source: &mut RecvStream,
    coding: Coding,
    sink: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Trouble> {
    let broken = |error| Trouble::Source(Interrupted::Stream(error));
    while let Some(chunk) = poll_fn(|cx| source.poll_data(cx)).await {
        let chunk = chunk.map_err(broken)?;
        let written = write(&chunk, coding, sink).await;
        written.map_err(|_| Trouble::Sink)?;
        // Fails only where more is released than was received.
        let _ = source.flow_control().release_capacity(chunk.len());
    }
    let trailers = poll_fn(|cx| source.poll_trailers(cx)).await;
    let trailers = trailers.map_err(broken)?;
    if coding == Coding::Chunked {
        let mut end = Vec::new();
        write_chunk_end(trailers.as_ref().map(fields).as_ref(), &mut end);
        let written = written(sink, &end).await;
        written.map_err(|_| Trouble::Sink)?;
    }
    Ok(())
}

/// Writes one piece of a body.
async fn write(
    chunk: &[u8],
    coding: Coding,
    sink: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    match coding {
        _ if chunk.is_empty() => Ok(()),
        Coding::Plain => written(sink, chunk).await,
        Coding::Chunked => {
            let mut line = [0; 20];
            let len = chunk_line(chunk.len(), &mut line);
            sink.write_all(&line[..len]).await?;
            sink.write_all(chunk).await?;
            written(sink, b"\r\n").await
        }
    }
}

/// Writes all of it, also past those who hold some back.
pub(super) async fn written(sink: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    sink.write_all(bytes).await?;
    sink.flush().await
}

/// Trailers as they stand behind a chunked body.
fn fields(trailers: &HeaderMap) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in trailers {
        fields.push_named(name.as_str().as_bytes(), value.as_bytes());
    }
    fields.retain(may_be_trailer);
    fields
}

/// Sends the body that begins in the buffer and goes on behind it, its trailers and its end.
pub(super) async fn to_http2(
    decoder: &mut Decoder,
    buffer: &mut BytesMut,
    source: &mut (impl AsyncRead + Unpin),
    sink: &mut SendStream<Bytes>,
) -> Result<(), Trouble> {
    let bad = |bad: BadBody| Trouble::Source(bad.into());
    while !decoder.is_done() {
        if buffer.is_empty() && read(buffer, source, sink).await? == 0 {
            decoder.at_close().map_err(bad)?;
            break;
        }
        let decoded = decoder.decode(buffer).map_err(bad)?;
        let chunk = buffer.split_to(decoded.consumed).freeze();
        send(sink, chunk.slice(decoded.data)).await?;
    }
    let end = match decoder.trailers() {
        Some(trailers) => sink.send_trailers(super::heads::map(trailers)),
        None => sink.send_data(Bytes::new(), true),
    };
    end.map_err(|_| Trouble::Sink)
}

/// Reads once, unless the sink takes nothing any more.
async fn read(
    buffer: &mut BytesMut,
    source: &mut (impl AsyncRead + Unpin),
    sink: &mut SendStream<Bytes>,
) -> Result<usize, Trouble> {
    buffer.reserve(PIECE);
    tokio::select! {
        biased;
        read = source.read_buf(buffer) => read.map_err(|error| Trouble::Source(error.into())),
        _ = poll_fn(|cx| sink.poll_reset(cx)) => Err(Trouble::Sink),
    }
}

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// Sends a piece of a body as soon as there is room for it.
async fn send(sink: &mut SendStream<Bytes>, mut chunk: Bytes) -> Result<(), Trouble> {
    while !chunk.is_empty() {
        sink.reserve_capacity(chunk.len());
        let room = poll_fn(|cx| poll_room(sink, cx))
            .await
            .map_err(|_| Trouble::Sink)?;
        let piece = chunk.split_to(room.min(chunk.len()));
        sink.send_data(piece, false).map_err(|_| Trouble::Sink)?;
    }
    Ok(())
}

fn poll_room(sink: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Result<usize, h2::Error>> {
    while sink.capacity() == 0 {
        match ready!(sink.poll_capacity(cx)) {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Poll::Ready(Err(error)),
            None => return Poll::Ready(Err(Reason::CANCEL.into())),
        }
    }
    Poll::Ready(Ok(sink.capacity()))
}
