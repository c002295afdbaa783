//! gRPC calls: so many at a time on few connections, or at fixed times.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use h2::client::{self, Connection, SendRequest};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::call::{Call, Wrong};
use super::{Tally, Window, host, ticks, window};
use crate::hello::{CONNECTION_WINDOW_BYTES, SERVERS};
use crate::sample::Sample;

/// Whom to call, how, and until when.
#[derive(Clone, Debug)]
pub struct Calls {
    /// Who is called.
    pub to: SocketAddr,
    /// How many connections share the calls.
    pub connections: usize,
    /// How many calls are made at the same time, of all connections together, each as soon as another has its reply.
    pub concurrent: usize,
    /// Calls a second at fixed times instead, whatever becomes of them. What a proxy holds up counts from when it was due.
    pub rate: Option<f64>,
    /// When it ends.
    pub until: Until,
}

/// When calls end.
#[derive(Clone, Debug)]
pub enum Until {
    /// With a window, outside of which nothing counts.
    Over(Window),
    /// After so many calls, all of which count.
    Made(u64),
}

/// After a failure, so that one that persists does not keep the machine busy.
const PAUSE: Duration = Duration::from_millis(10);

/// How many due calls may wait for the runtime's attention.
const DUE: usize = 1 << 16;

impl Calls {
    /// Makes them.
    ///
    /// # Errors
    /// If there is nobody to call, or nothing comes back. Single failures are counted instead.
    pub async fn run(self) -> Result<Sample> {
        let tally = Arc::new(Tally::default());
        let calling = Arc::new(Calling {
            to: self.to,
            call: Call::new(&host(0))?,
            left: AtomicU64::new(match self.until {
                Until::Over(_) => u64::MAX,
                Until::Made(calls) => calls,
            }),
            by_server: Default::default(),
            tally: Arc::clone(&tally),
        });
        let load = match self.rate {
            None => self.one_after_the_other(&calling),
            Some(rate) => self.at_fixed_times(rate, &calling).await?,
        };
        let mut sample = match &self.until {
            Until::Over(window) => window.measure(load, &tally, 1).await?,
            Until::Made(_) => window::count(load, &tally).await?,
        };
        let replies = calling.by_server.iter().map(|count| count.load(RELAXED));
        let names = SERVERS.map(str::to_owned);
        sample.by_server = names.into_iter().zip(replies).collect();
        Ok(sample)
    }

    fn one_after_the_other(&self, calling: &Arc<Calling>) -> JoinSet<()> {
        let mut load = JoinSet::new();
        for number in 0..self.connections {
            let share = share(self.concurrent, self.connections, number);
            load.spawn(Arc::clone(calling).stay_connected(share));
        }
        load
    }

    async fn at_fixed_times(&self, rate: f64, calling: &Arc<Calling>) -> Result<JoinSet<()>> {
        let mut clients = Vec::new();
        let mut driving = JoinSet::new();
        for _ in 0..self.connections {
            let connected = connect(self.to).await;
            let (client, connection) = connected.map_err(anyhow::Error::msg)?;
            driving.spawn(connection);
            clients.push(client);
        }
        let (sender, mut dues) = mpsc::channel(DUE);
        let period = Duration::from_secs_f64(1.0 / rate);
        let clock = Arc::clone(calling);
        let ticking = spawn_blocking(move || {
            ticks::tick(period, |due| {
                clock.take() && sender.blocking_send(due).is_ok()
            });
        });
        let calling = Arc::clone(calling);
        let mut load = JoinSet::new();
        load.spawn(async move {
            let mut calls = JoinSet::new();
            let mut next = clients.iter().cycle();
            while let (Some(due), Some(client)) = (dues.recv().await, next.next()) {
                let (calling, mut client) = (Arc::clone(&calling), client.clone());
                calls.spawn(async move {
                    let _ = calling.call(&mut client, due).await;
                });
                while calls.try_join_next().is_some() {}
            }
            while calls.join_next().await.is_some() {}
            drop((ticking, driving));
        });
        Ok(load)
    }
}

/// How many of a number of calls the connection with a number has.
fn share(concurrent: usize, connections: usize, number: usize) -> usize {
    concurrent / connections + usize::from(number < concurrent % connections)
}

const RELAXED: Ordering = Ordering::Relaxed;

/// Calls that are being made.
struct Calling {
    to: SocketAddr,
    call: Call,
    /// How many may still be made.
    left: AtomicU64,
    by_server: [AtomicU64; SERVERS.len()],
    tally: Arc<Tally>,
}

impl Calling {
    /// Calls on one connection, or on the next one where one fails, until no more is wanted.
    async fn stay_connected(self: Arc<Self>, concurrent: usize) {
        while !self.is_over() {
            match connect(self.to).await {
                Ok((client, connection)) => {
                    let mut driving = JoinSet::new();
                    driving.spawn(connection);
                    self.call_on(client, concurrent).await;
                }
                Err(wrong) if self.take() => {
                    self.tally.failed(wrong);
                    sleep(PAUSE).await;
                }
                Err(_) => return,
            }
        }
    }

    async fn call_on(self: &Arc<Self>, client: SendRequest<Bytes>, concurrent: usize) {
        let mut callers = JoinSet::new();
        for _ in 0..concurrent {
            callers.spawn(Arc::clone(self).call_in_turn(client.clone()));
        }
        while callers.join_next().await.is_some() {}
    }

    /// Calls again and again, until no more is wanted or the connection fails.
    async fn call_in_turn(self: Arc<Self>, mut client: SendRequest<Bytes>) {
        while self.take() {
            match self.call(&mut client, Instant::now()).await {
                Ok(()) => {}
                Err(Wrong::Http2(_)) => {
                    sleep(PAUSE).await;
                    let Ok(ready) = client.ready().await else {
                        return;
                    };
                    client = ready;
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Makes a call that was due, and counts what came of it.
    async fn call(&self, client: &mut SendRequest<Bytes>, due: Instant) -> Result<(), Wrong> {
        match self.call.make(client).await {
            Ok(server) => {
                self.tally.answer(due);
                self.by_server[server].fetch_add(1, RELAXED);
                Ok(())
            }
            Err(wrong) => {
                self.tally.failed(&wrong);
                Err(wrong)
            }
        }
    }

    /// Whether another call is wanted, which is then to be made.
    fn take(&self) -> bool {
        !self.tally.is_over()
            && self
                .left
                .fetch_update(RELAXED, RELAXED, |left| left.checked_sub(1))
                .is_ok()
    }

    fn is_over(&self) -> bool {
        self.tally.is_over() || self.left.load(RELAXED) == 0
    }
}

async fn connect(
    to: SocketAddr,
) -> Result<(SendRequest<Bytes>, Connection<TcpStream, Bytes>), Wrong> {
    let stream = super::connect(to)
        .await
        .map_err(|wrong| Wrong::Http2(wrong.to_string()))?;
    let connected = client::Builder::new()
        .enable_push(false)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .handshake(stream)
        .await?;
    Ok(connected)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpSocket;

    use super::*;
    use crate::backend::Backend;
    use crate::protocol::Protocol;

    async fn called(rate: Option<f64>) -> Sample {
        let backend = Backend::bind().await.expect("two ports");
        let to = backend.addresses().expect("addresses")[1];
        let mut serving = JoinSet::new();
        serving.spawn(backend.serve(Protocol::Grpc));
        let calls = Calls {
            to,
            connections: 3,
            concurrent: 10,
            rate,
            until: Until::Made(500),
        };
        calls.run().await.expect("replies")
    }

    #[tokio::test]
    async fn as_many_calls_are_made_as_are_wanted() {
        for rate in [None, Some(10_000.0)] {
            let sample = called(rate).await;
            let expected = [("one".to_owned(), 0), ("two".to_owned(), 500)];
            assert_eq!(sample.by_server, expected.into(), "{rate:?}");
            assert_eq!((sample.requests, sample.failed), (500, 0), "{rate:?}");
        }
    }

    #[tokio::test]
    async fn calls_of_nobody_fail() {
        // A port that is taken, and that nobody listens on.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let to = socket.local_addr().expect("an address");
        let calls = Calls {
            to,
            connections: 2,
            concurrent: 2,
            rate: None,
            until: Until::Made(3),
        };
        let sample = calls.run().await.expect("failures only");
        assert_eq!((sample.requests, sample.failed), (0, 3));
        assert!(sample.first_failure.is_some());
    }

    #[test]
    fn connections_share_the_calls_evenly() {
        let shares: Vec<_> = (0..6).map(|number| share(200, 6, number)).collect();
        assert_eq!(shares, [34, 34, 33, 33, 33, 33]);
    }
}
