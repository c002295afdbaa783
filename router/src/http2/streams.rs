//! The streams of a client's connection, which the connection's own task runs.
//!
//! A task of the runtime for each would cost more than what it does: room that is large and oddly aligned, and a place in the
//! runtime's lists. Here the room is used again, and what several streams have to say goes out in one write.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio_util::sync::ReusableBoxFuture;

/// How many rooms a worker keeps for its next streams.
const KEPT: usize = 512;

type Room = ReusableBoxFuture<'static, Option<()>>;

thread_local! {
    static FREE: RefCell<Vec<Room>> = RefCell::default();
}

/// What has begun on one connection and has not ended. Dropping it cancels all of them.
#[derive(Default)]
pub(super) struct Streams(FuturesUnordered<Running>);

impl Streams {
    /// Takes in one more, which begins with the next run.
    pub(super) fn push(&self, stream: impl Future<Output = ()> + Send + 'static) {
        let stream = live::guarded("stream", stream);
        let room = match FREE.with_borrow_mut(Vec::pop) {
            Some(mut room) => {
                room.set(stream);
                room
            }
            None => ReusableBoxFuture::new(stream),
        };
        self.0.push(Running(Some(room)));
    }

    /// Lets those go on that can.
    pub(super) fn run(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(())) = self.0.poll_next_unpin(cx) {}
    }
}

/// A stream until its end, when its room is free again.
struct Running(Option<Room>);

impl Future for Running {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(room) = &mut self.0
            && room.poll(cx).is_pending()
        {
            return Poll::Pending;
        }
        if let Some(room) = self.0.take() {
            FREE.with_borrow_mut(|free| {
                if free.len() < KEPT {
                    free.push(room);
                }
            });
        }
        Poll::Ready(())
    }
}
