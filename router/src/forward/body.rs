//! Bodies of responses: an endpoint's as it comes in, or a text of ours.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::client::{Connection, InFlight};

/// The body of a response.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// What the endpoint sends, as it sends it.
    Streaming(Streaming),
    /// What the router says. Empty once it was sent.
    Text(Bytes),
}

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self::Text(Bytes::new())
    }
}

impl From<Streaming> for ResponseBody {
    fn from(streaming: Streaming) -> Self {
        Self::Streaming(streaming)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Streaming(streaming) => streaming.poll_frame(cx),
            Self::Text(text) if text.is_empty() => Poll::Ready(None),
            Self::Text(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Streaming(streaming) => streaming.body.is_end_stream(),
            Self::Text(text) => text.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Streaming(streaming) => streaming.body.size_hint(),
            Self::Text(text) => SizeHint::with_exact(text.len() as u64),
        }
    }
}

/// A response on its way back. At its end the connection goes back to its pool; dropped earlier, the connection closes.
pub(crate) struct Streaming {
    body: Incoming,
    /// None once the body has ended.
    lease: Option<Lease>,
}

struct Lease {
    connection: Box<Connection>,
    in_flight: InFlight,
    worker: usize,
}

impl Streaming {
    pub(crate) fn new(
        body: Incoming,
        connection: Box<Connection>,
        in_flight: InFlight,
        worker: usize,
    ) -> Self {
        let mut streaming = Self {
            body,
            lease: Some(Lease {
                connection,
                in_flight,
                worker,
            }),
        };
        streaming.settle_if_ended();
        streaming
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(lease) = &mut self.lease else {
            return Poll::Ready(None);
        };
        let polled = lease.connection.poll_body(&mut self.body, cx);
        match &polled {
            Poll::Ready(None) => self.settle(),
            // Whoever writes a body of known length does not ask for its end.
            Poll::Ready(Some(Ok(_))) => self.settle_if_ended(),
            Poll::Ready(Some(Err(_))) => self.lease = None,
            Poll::Pending => {}
        }
        polled
    }

    fn settle_if_ended(&mut self) {
        if self.body.is_end_stream() {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if let Some(Lease {
            mut connection,
            in_flight,
            worker,
        }) = self.lease.take()
            && connection.is_reusable()
        {
            in_flight.endpoint.keep(worker, connection);
        }
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming")
            .field("has_ended", &self.lease.is_none())
            .finish_non_exhaustive()
    }
}
