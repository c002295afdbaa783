//! Which bodies are read whole before anybody is told of them, and how those of requests are.

use std::future::poll_fn;
use std::task::{Poll, ready};

use http1::Length;

use super::Downstream;
use crate::error::{Full, RouteError};
use crate::forward::Unanswered;
use crate::server::Phase;
use crate::wire::{Bounds, Hold, NotHeld};

/// The bodies that are held, both ways. All others pass piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    /// Those that say to be no longer than this; it is within the bounds.
    Short(u64, Bounds),
    /// All. What is longer than the bounds is refused.
    All(Bounds),
}

impl Holding {
    /// The bounds for a body of this length, if it is held.
    pub(crate) fn of(self, length: Length) -> Option<Bounds> {
        match (self, length) {
            (_, Length::None | Length::Exact(0)) => None,
            (Self::All(bounds), _) => Some(bounds),
            (Self::Short(most, bounds), Length::Exact(length)) => {
                (length <= most).then_some(bounds)
            }
            (Self::Short(..), Length::Chunked | Length::UntilClose) => None,
        }
    }
}

/// Reads the rest of the request, which is the downstream's upload then.
pub(super) async fn hold(
    downstream: &mut Downstream<'_>,
    bounds: Bounds,
) -> Result<(), Unanswered> {
    let mut hold = Hold::new(&downstream.unread, bounds).map_err(not_held)?;
    // Else the client would wait for a word of the endpoint, and that for the body.
    let mut word: &[u8] = match downstream.expects && downstream.input.is_empty() {
        true => b"HTTP/1.1 100 Continue\r\n\r\n",
        false => b"",
    };
    let held = poll_fn(|cx| {
        if downstream.activity.has_stalled() {
            return Poll::Ready(Err(RouteError::TooSlow.into()));
        }
        let (mut source, mut sink) = downstream.socket.split();
        let input = &mut *downstream.input;
        while !word.is_empty() {
            match ready!(sink.poll_write(cx, [word, &[], &[]])) {
                Ok(count) => word = &word[count..],
                Err(_) => return Poll::Ready(Err(Unanswered::Gone)),
            }
        }
        let polled = hold.poll(cx, &mut downstream.unread, input, &mut source);
        downstream.activity.note(Phase::Body, hold.moved());
        polled.map_err(not_held)
    });
    held.await?;
    let (body, length) = hold.finish(&downstream.unread);
    if let Length::Exact(length) = length {
        downstream.request.set_content_length(length);
    }
    downstream.upload = Some(body);
    downstream.expects = false;
    Ok(())
}

fn not_held(why: NotHeld) -> Unanswered {
    match why {
        NotHeld::TooLong(most) => RouteError::BodyTooLong(most).into(),
        NotHeld::Full => RouteError::Overloaded(Full::Bytes).into(),
        NotHeld::Source(_) => Unanswered::Gone,
        NotHeld::Body(bad) => RouteError::BadBody(bad).into(),
    }
}
