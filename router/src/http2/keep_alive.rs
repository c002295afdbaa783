//! Whether the other side of a connection is still there, when nothing is heard of it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep_until};

/// Pings now and then, and says when an answer did not come in time.
#[derive(Debug)]
pub(super) struct KeepAlive {
    pings: PingPong,
    interval: Duration,
    timeout: Duration,
    is_waiting: bool,
    timer: Pin<Box<Sleep>>,
}

impl KeepAlive {
    /// Of a connection, if it is to be looked after.
    pub(super) fn new(pings: Option<PingPong>, config: config::KeepAlive) -> Option<Self> {
        let interval = config.interval?;
        Some(Self {
            pings: pings?,
            interval,
            timeout: config.timeout,
            is_waiting: false,
            timer: Box::pin(sleep_until(Instant::now() + interval)),
        })
    }

    /// Ready when the other side has not answered in time. It is asked only while somebody `cares`.
    pub(super) fn poll_lost(&mut self, cx: &mut Context<'_>, cares: impl Fn() -> bool) -> Poll<()> {
        loop {
            if self.is_waiting && self.pings.poll_pong(cx).is_ready() {
                // An error is the end of the connection, which others find out.
                self.wait(false);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.is_waiting {
                return Poll::Ready(());
            }
            let is_sent = cares() && self.pings.send_ping(Ping::opaque()).is_ok();
            self.wait(is_sent);
        }
    }

    fn wait(&mut self, is_waiting: bool) {
        self.is_waiting = is_waiting;
        let pause = match is_waiting {
            true => self.timeout,
            false => self.interval,
        };
        self.timer.as_mut().reset(Instant::now() + pause);
    }
}
