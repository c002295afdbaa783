//! Workers: a thread and a runtime for each core, with nothing shared between them on a request's path.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use transport::{Drain, Hold, Shutdown};

use super::{Server, connection};

/// A connection on its way to its worker.
pub(super) struct Accepted {
    pub(super) stream: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) server: Arc<Server>,
    /// A drain waits for it from the moment that it was accepted.
    pub(super) hold: Hold,
}

/// All workers. They end when this is dropped and the shutdown is over.
#[derive(Debug)]
pub(crate) struct Workers {
    workers: Vec<Worker>,
    /// Where the next search for the least loaded begins, so that equals take turns.
    next: AtomicUsize,
}

#[derive(Debug)]
struct Worker {
    queue: mpsc::Sender<Accepted>,
    connections: Arc<AtomicUsize>,
}

/// How many accepted connections may wait for a worker; beyond, they wait in the kernel.
const QUEUE: usize = 256;

impl Workers {
    /// Starts `count` workers, which serve until the shutdown is over.
    ///
    /// # Errors
    /// When the system gives no more threads or descriptors.
    pub(crate) fn start(
        count: usize,
        shutdown: &Shutdown,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (mut workers, mut threads) = (Vec::new(), Vec::new());
        for index in 0..count {
            let (queue, accepted) = mpsc::channel(QUEUE);
            let connections = Arc::new(AtomicUsize::new(0));
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let work = run(index, accepted, Arc::clone(&connections), shutdown.clone());
            let thread = thread::Builder::new().name(format!("worker {index}"));
            threads.push(thread.spawn(move || runtime.block_on(work))?);
            workers.push(Worker { queue, connections });
        }
        Ok((
            Self {
                workers,
                next: AtomicUsize::new(0),
            },
            threads,
        ))
    }

    /// Gives a connection to the worker that has the fewest.
    pub(super) async fn hand_over(&self, accepted: Accepted) {
        if let Some(worker) = self.idlest() {
            worker.connections.fetch_add(1, Ordering::Relaxed);
            // A worker that is gone has ended with the process.
            let _ = worker.queue.send(accepted).await;
        }
    }

    fn idlest(&self) -> Option<&Worker> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        let (before, from) = self.workers.split_at(first);
        let in_turn = from.iter().chain(before);
        in_turn.min_by_key(|worker| worker.connections.load(Ordering::Relaxed))
    }
}

async fn run(
    index: usize,
    mut accepted: mpsc::Receiver<Accepted>,
    connections: Arc<AtomicUsize>,
    shutdown: Shutdown,
) {
    let drain = shutdown.drain();
    let serving = async {
        while let Some(connection) = accepted.recv().await {
            serve(index, connection, &connections, &drain);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = serving => {}
        () = shutdown.over() => {}
    }
}

fn serve(worker: usize, accepted: Accepted, connections: &Arc<AtomicUsize>, drain: &Drain) {
    let counted = Counted(Arc::clone(connections));
    let draining = drain.clone();
    let Accepted {
        stream,
        peer,
        server,
        hold,
    } = accepted;
    live::task("connection", async move {
        let _held = (counted, hold);
        match TcpStream::from_std(stream) {
            Ok(stream) => connection::serve(stream, peer, worker, server, draining).await,
            Err(error) => tracing::warn!(%error, %peer, "cannot serve a connection"),
        }
    });
}

/// Counts a worker's connection for as long as it is served; it was counted when it was handed over.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_where_there_are_fewest_and_equals_take_turns() {
        let worker = |connections| Worker {
            queue: mpsc::channel(1).0,
            connections: Arc::new(AtomicUsize::new(connections)),
        };
        let workers = Workers {
            workers: [5, 0, 0].map(worker).into(),
            next: AtomicUsize::new(0),
        };
        for _ in 0..8 {
            let idlest = workers.idlest().expect("there are some");
            idlest.connections.fetch_add(1, Ordering::Relaxed);
        }
        let counts = workers.workers.iter();
        let counts: Vec<_> = counts
            .map(|worker| worker.connections.load(Ordering::Relaxed))
            .collect();
        assert_eq!(counts, [5, 4, 4]);
    }
}
