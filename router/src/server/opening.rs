//! Which version of HTTP a client begins with, where it may choose.

use std::future::poll_fn;
use std::task::Poll;

use super::activity::{Activity, Phase};
use crate::http2::PREFACE;
use crate::wire::{Input, Socket};

/// What a client begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Http1,
    Http2,
}

/// Waits for the first bytes; none if they do not come, or not in time. They stay in the input. `first` is what the client is waited
/// for at first: a client of HTTP/2 begins at once.
pub(super) async fn opening(
    socket: &mut Socket,
    input: &mut Input,
    activity: &Activity,
    first: Phase,
) -> Option<Opening> {
    poll_fn(|cx| {
        loop {
            if let Some(opening) = known(input.filled()) {
                return Poll::Ready(Some(opening));
            }
            let phase = if input.is_empty() { first } else { Phase::Head };
            activity.note(phase, 0);
            if activity.has_stalled() {
                return Poll::Ready(None);
            }
            let (mut reader, _) = socket.split();
            match input.poll_fill(cx, &mut reader) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(None),
                Poll::Pending if input.is_empty() && activity.is_hurried() => {
                    return Poll::Ready(None);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

/// What these bytes begin, as soon as that is sure. No request of HTTP/1.1 begins with the preface. Source: RFC 9113 §3.4.
fn known(bytes: &[u8]) -> Option<Opening> {
    let length = bytes.len().min(PREFACE.len());
    match bytes[..length] == PREFACE[..length] {
        false => Some(Opening::Http1),
        true => (length == PREFACE.len()).then_some(Opening::Http2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_is_known_as_soon_as_it_can_be() {
        assert_eq!(known(b""), None);
        assert_eq!(known(b"PRI * HTT"), None);
        assert_eq!(known(b"PUT / HTTP/1.1\r\n"), Some(Opening::Http1));
        assert_eq!(known(b"PRI * HTTP/1.1\r\n"), Some(Opening::Http1));
        assert_eq!(known(b"\r\n"), Some(Opening::Http1));
        assert_eq!(known(PREFACE), Some(Opening::Http2));
        assert_eq!(known(&[PREFACE, &[0, 0, 0]].concat()), Some(Opening::Http2));
    }
}
