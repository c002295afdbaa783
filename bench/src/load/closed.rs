//! Connections that ask again as soon as they have their answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{Pace, Plan, Requests, Tally, connect};
use crate::reply::{self, Wrong};

/// After a failure, so that one that persists does not keep the machine busy.
const PAUSE: Duration = Duration::from_millis(10);

/// Starts all connections of a plan.
pub(super) fn start(plan: &Plan, requests: &Arc<Requests>, tally: &Arc<Tally>) -> JoinSet<()> {
    let mut load = JoinSet::new();
    for number in 0..plan.connections {
        let asking = Asking {
            to: plan.to,
            number,
            requests: Arc::clone(requests),
            tally: Arc::clone(tally),
        };
        load.spawn(asking.run(plan.pace));
    }
    load
}

/// One of the connections.
struct Asking {
    to: SocketAddr,
    number: usize,
    requests: Arc<Requests>,
    tally: Arc<Tally>,
}

impl Asking {
    async fn run(self, pace: Pace) {
        let mut buffer = vec![0; reply::BUFFER_BYTES];
        while !self.tally.is_over() {
            let asked = if pace == Pace::NewConnections {
                self.ask_on_new_connections(&mut buffer).await
            } else {
                self.ask_on_one_connection(&mut buffer).await
            };
            if let Err(wrong) = asked {
                self.tally.failed(wrong);
                sleep(PAUSE).await;
            }
        }
    }

    /// Asks until no more is wanted.
    async fn ask_on_one_connection(&self, buffer: &mut [u8]) -> Result<(), Wrong> {
        let mut stream = connect(self.to).await?;
        for request in self.requests.of(self.number) {
            let due = Instant::now();
            stream.write_all(request).await?;
            reply::read(&mut stream, buffer, self.requests.answer_length).await?;
            if self.tally.answer(due) {
                break;
            }
        }
        Ok(())
    }

    async fn ask_on_new_connections(&self, buffer: &mut [u8]) -> Result<(), Wrong> {
        for request in self.requests.of(self.number) {
            let due = Instant::now();
            let mut stream = connect(self.to).await?;
            stream.write_all(request).await?;
            reply::read(&mut stream, buffer, self.requests.answer_length).await?;
            let is_over = self.tally.answer(due);
            // The side that closes first keeps the port for a minute, and here are not enough of them for that.
            reply::read_end(&mut stream, buffer).await?;
            if is_over {
                break;
            }
        }
        Ok(())
    }
}
