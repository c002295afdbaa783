//! The rest of a body whose request was answered without it.
//!
//! hyper closes a connection whose body nobody reads. If the client is still sending, its system is then told of a reset, and may
//! throw away the answer that it had got. So the rest is read and forgotten, within bounds.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use http_body::Body;
use tokio::time::timeout;

use super::activity::Busy;
use crate::client::RequestBody;

/// How much is read of such a body; of a longer one the connection closes.
const MOST_BYTES: usize = 1024 * 1024;

/// How long its client may take.
const LONGEST: Duration = Duration::from_secs(5);

/// Reads what is left of a body, and keeps the connection busy meanwhile.
pub(super) fn read_off(body: RequestBody, busy: Busy) {
    live::task("unread body", async move {
        let _busy = busy;
        // At a limit the rest is dropped, and the connection with it.
        let _ = timeout(LONGEST, read(body)).await;
    });
}

async fn read(body: RequestBody) {
    let mut body = pin!(body);
    let mut read = 0;
    while read < MOST_BYTES
        && let Some(Ok(frame)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await
    {
        read += frame.data_ref().map_or(0, |data| data.len());
    }
}
