//! The end of a connection whose other side may still be sending.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::timeout;

use super::{Input, Socket};

/// How long the other side may go on sending after the last word, and how much.
const LINGER: Duration = Duration::from_secs(2);
const MOST: usize = 1024 * 1024;

/// Closes so that the last words arrive: a socket that is closed while bytes are unread sends a reset, which may overtake what was
/// written. Whoever goes on for longer than that has its reset. Source: RFC 9112 §9.6.
///
/// `with` gives the socket for the length of a poll, and `input` is what was read of it already.
pub(crate) async fn linger(
    mut with: impl FnMut(&mut dyn FnMut(&mut Socket) -> Poll<()>) -> Poll<()>,
    mut input: Input,
) {
    let (mut left, mut is_shut) = (MOST, false);
    let ending = poll_fn(|cx: &mut Context<'_>| {
        with(&mut |socket| {
            let (mut reader, mut writer) = socket.split();
            if !is_shut && writer.poll_shutdown(cx).is_pending() {
                return Poll::Pending;
            }
            is_shut = true;
            input.poll_discard(cx, &mut reader, &mut left)
        })
    });
    let _ = timeout(LINGER, ending).await;
}
