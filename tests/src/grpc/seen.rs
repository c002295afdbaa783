//! What a server knows of its calls.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::BoxStream;
use tonic::Status;

/// How many calls a server has, and had.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    open: AtomicU64,
    abandoned: AtomicU64,
}

impl Seen {
    /// Calls that have begun.
    pub fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Calls that go on.
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Calls whose client went away before their end.
    pub fn abandoned(&self) -> u64 {
        self.0.abandoned.load(Ordering::Relaxed)
    }

    /// A call that begins now.
    pub(super) fn begin(&self) -> Call {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Call {
            seen: self.clone(),
            is_done: false,
        }
    }
}

/// A call. If it goes before it is done, its client went away.
pub(super) struct Call {
    seen: Seen,
    is_done: bool,
}

impl Call {
    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let counts = &self.seen.0;
        if !self.is_done {
            counts.abandoned.fetch_add(1, Ordering::Relaxed);
        }
        counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The answer of a call, which is done with its last message or an error.
pub(super) struct Answering<T> {
    pub(super) call: Option<Call>,
    pub(super) messages: BoxStream<'static, Result<T, Status>>,
}

impl<T> Stream for Answering<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.messages.as_mut().poll_next(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled
            && let Some(call) = self.call.take()
        {
            call.done();
        }
        polled
    }
}
