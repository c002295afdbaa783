//! A worker's own connection of HTTP/2, within this process: streams on it are carried out over HTTP/1.1.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use config::{Http2Client, Http2Flow, KeepAlive};
use h2::client::ResponseFuture;
use h2::server::{Builder, Connection};
use h2::{SendStream, StreamId};
use http::Request;
use telemetry::Gauge;
use tokio::io::DuplexStream;

use super::super::channel::{Channel, Slot};
use super::to_http1::{Errand, carry};
use crate::client::ConnectError;
use crate::stats::Counted;
use crate::wire::Memory;

/// A connection within this process. It closes behind its last stream once it is no longer the worker's.
#[derive(Clone)]
struct Link {
    channel: Arc<Channel>,
    errands: Arc<Errands>,
}

/// What is still to be done for streams that were just opened.
#[derive(Debug, Default)]
struct Errands(Mutex<HashMap<StreamId, Errand>>);

thread_local! {
    static LINK: RefCell<Option<Link>> = const { RefCell::new(None) };
}

/// A stream that somebody was given an errand for. Dropping it takes the errand back, if nobody has begun it.
pub(in super::super) struct Handed {
    pub(in super::super) response: ResponseFuture,
    pub(in super::super) sink: SendStream<Bytes>,
    pub(in super::super) slot: Slot,
    pub(in super::super) pending: Pending,
}

/// Takes an errand back that nobody has begun.
pub(in super::super) struct Pending {
    stream: StreamId,
    errands: Arc<Errands>,
}

/// Opens a stream for the errand. `is_all` if nothing follows the request's head.
///
/// # Errors
/// When this process cannot speak to itself: the stream was not opened then.
pub(in super::super) async fn hand_over(
    request: Request<()>,
    is_all: bool,
    errand: Errand,
) -> Result<Handed, ConnectError> {
    let (link, slot) = loop {
        let known = LINK.with_borrow(Clone::clone);
        let known = known.filter(|link| !link.channel.is_ending());
        let link = match known {
            Some(link) => link,
            None => open().await?,
        };
        match link.channel.reserve() {
            Some(slot) => break (link, slot),
            // It is full, as far as it knows. Its streams go on.
            None => LINK.set(None),
        }
    };
    let sent = slot.send(request, is_all);
    let (response, sink) = sent.map_err(|error| {
        LINK.set(None);
        ConnectError::Refused(std::io::Error::other(error))
    })?;
    let stream = response.stream_id();
    // Nobody looks for it before this task waits.
    link.errands.lock().insert(stream, errand);
    Ok(Handed {
        response,
        sink,
        slot,
        pending: Pending {
            stream,
            errands: link.errands,
        },
    })
}

/// Opens a link, which is the worker's from now on.
async fn open() -> Result<Link, ConnectError> {
    let (near, far, _) = Memory::pair();
    let config = Http2Client {
        is_on: true,
        flow: FLOW,
        max_streams: u32::MAX,
        keep_alive: KeepAlive {
            interval: None,
            timeout: Duration::MAX,
        },
    };
    let errands = Arc::<Errands>::default();
    live::task("link", serve(far, Arc::clone(&errands)));
    let counted = Counted::new(Gauge::default());
    let channel = Channel::open(near.into(), &config, MAX_HEADER_LIST, counted).await?;
    let link = Link {
        channel: Arc::new(channel),
        errands,
    };
    LINK.set(Some(link.clone()));
    Ok(link)
}

/// Streams wait for their own peers only, never for each other.
const FLOW: Http2Flow = Http2Flow {
    header_table_bytes: 4096,
    stream_window_bytes: 65_535,
    connection_window_bytes: 0x7fff_ffff,
    max_frame_bytes: 16_384,
    max_header_list_bytes: None,
};

/// Heads were bounded where they came in.
const MAX_HEADER_LIST: u32 = 16 * 1024 * 1024;

/// Carries out what the streams of a link are for.
async fn serve(far: DuplexStream, errands: Arc<Errands>) {
    let mut builder = Builder::new();
    builder
        .initial_window_size(FLOW.stream_window_bytes)
        .initial_connection_window_size(FLOW.connection_window_bytes)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_concurrent_streams(u32::MAX)
        // What a library does against its peers is not to be done to ourselves.
        .max_pending_accept_reset_streams(usize::MAX)
        .max_local_error_reset_streams(None)
        .data_frame_budget(usize::MAX);
    let mut connection: Connection<_, Bytes> = match builder.handshake(far).await {
        Ok(connection) => connection,
        Err(error) => return tracing::error!(%error, "a link was not opened"),
    };
    while let Some(accepted) = connection.accept().await {
        match accepted {
            Ok((request, respond)) => {
                // Else the stream was given up already.
                if let Some(errand) = errands.lock().remove(&respond.stream_id()) {
                    live::task("bridge", carry(errand, request, respond));
                }
            }
            Err(error) => return tracing::error!(%error, "a link broke"),
        }
    }
}

impl Errands {
    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, Errand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.errands.lock().remove(&self.stream);
    }
}
