//! What a client's connection is doing, so that one that sends its head drop by drop does not stay for ever.
//!
//! hyper's own timeout makes a timer for every request and also ends connections that are merely idle. Here a note is taken of
//! the first byte of a head, and looked at every few seconds.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use super::head::Head;

/// A head must be whole at the latest twice this long after its first byte.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Notes on one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Heads that were read.
    heads: AtomicU64,
    /// Whether something of the next head was read.
    has_begun: AtomicBool,
    /// How many are busy with a request, its answer and perhaps the rest of its body: what is read meanwhile is no head.
    busy: AtomicUsize,
    /// Whether the head that was read last has a `Content-Length` line.
    states_length: AtomicBool,
}

impl Activity {
    /// A head is whole. Until the returned value is dropped its request is being answered.
    pub(super) fn request(self: &Arc<Self>) -> Busy {
        self.heads.fetch_add(1, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.has_begun.store(false, Ordering::Relaxed);
        let states_length = self.states_length.swap(false, Ordering::Relaxed);
        Busy {
            activity: Arc::clone(self),
            states_length,
        }
    }

    /// Waits until a head takes too long.
    pub(super) async fn stalls(&self) {
        let mut begun = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self
                .has_begun
                .load(Ordering::Relaxed)
                .then(|| self.heads.load(Ordering::Relaxed));
            if now.is_some() && now == begun {
                return;
            }
            begun = now;
        }
    }
}

/// A request that is being answered, until the end of its response.
#[derive(Debug)]
pub(super) struct Busy {
    activity: Arc<Activity>,
    /// Whether its head had a `Content-Length` line.
    pub(super) states_length: bool,
}

impl Busy {
    /// The same once more: the request ends when both are dropped.
    pub(super) fn share(&self) -> Self {
        self.activity.busy.fetch_add(1, Ordering::Relaxed);
        Self {
            activity: Arc::clone(&self.activity),
            ..*self
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.activity.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that ends an exchange when it is dropped.
pub(super) struct Answer<B> {
    pub(super) body: B,
    pub(super) _busy: Busy,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that notes when something of a head is read, and what.
pub(super) struct Watched<T> {
    stream: T,
    activity: Arc<Activity>,
    head: Head,
    /// How many heads came before this one.
    number: u64,
}

/// How much of a head is read at once.
const HEAD_BYTES: usize = 4096;

impl<T> Watched<T> {
    pub(super) fn new(stream: T, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            head: Head::default(),
            number: 0,
        }
    }

    /// Notes the bytes of a head.
    fn note(&mut self, bytes: &[u8]) {
        let number = self.activity.heads.load(Ordering::Relaxed);
        if number != self.number {
            self.number = number;
            self.head = Head::default();
        }
        self.head.read(bytes);
        let states_length = self.head.states_length;
        (self.activity.states_length).store(states_length, Ordering::Relaxed);
        self.activity.has_begun.store(true, Ordering::Relaxed);
    }
}

impl<T: Read + Unpin> Read for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.activity.busy.load(Ordering::Relaxed) > 0 {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let mut space = [MaybeUninit::uninit(); HEAD_BYTES];
        let room = buffer.remaining().min(HEAD_BYTES);
        let mut read = ReadBuf::uninit(&mut space[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, read.unfilled()))?;
        self.note(read.filled());
        buffer.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_not_finished_stalls() {
        let activity = Activity::default();
        let idle = timeout(Duration::from_secs(600), activity.stalls()).await;
        assert!(idle.is_err(), "a connection may be idle");
        let began = Instant::now();
        activity.has_begun.store(true, Ordering::Relaxed);
        activity.stalls().await;
        assert!(began.elapsed() <= LOOK_EVERY * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_long_does_not_stall() {
        let activity = Arc::new(Activity::default());
        activity.has_begun.store(true, Ordering::Relaxed);
        let _busy = activity.request();
        timeout(Duration::from_secs(600), activity.stalls())
            .await
            .expect_err("the head is whole");
    }
}
