//! Workers: a thread and a runtime for each core, with nothing shared between them on a request's path.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use futures_util::FutureExt as _;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use transport::{Drain, Hold, Listener, Peer, Shutdown, Stream, Unregistered, UnregisteredStream};

use super::seats::Seats;
use super::watch::{Watch, pass_on};
use super::{Server, connection};

/// What a worker is given to do.
enum Job {
    Accept(Listening),
    Serve(Accepted),
}

/// A listening socket on its way to the worker that accepts from it.
pub(super) struct Listening {
    pub(super) listener: Unregistered,
    pub(super) server: Arc<Server>,
    /// Who gets the connections.
    pub(super) workers: Arc<Workers>,
    pub(super) drain: Drain,
}

/// A connection on its way to its worker.
struct Accepted {
    stream: UnregisteredStream,
    client: Client,
    counted: Counted,
}

/// A connection that is served by its worker.
#[derive(Debug)]
struct Served {
    stream: Stream,
    worker: usize,
    client: Client,
    /// Until it is not served any more.
    _counted: Counted,
}

/// Whose connection it is, and what it counts for.
#[derive(Debug)]
struct Client {
    peer: Peer,
    server: Arc<Server>,
    /// Those of the server, by worker.
    watches: Arc<[Watch]>,
    /// A drain waits for it from the moment that it was accepted.
    _hold: Hold,
    _room: Room,
}

/// What a connection takes of what there is for all, and for its server.
type Room = [Option<OwnedSemaphorePermit>; 2];

/// All workers. They end when this is dropped and the shutdown is over.
#[derive(Debug)]
pub(crate) struct Workers {
    workers: Vec<Worker>,
    /// Where the next search for the least loaded begins, so that equals take turns.
    next: AtomicUsize,
    /// How many more connections there may be.
    room: Arc<Semaphore>,
}

#[derive(Clone, Debug)]
struct Worker {
    index: usize,
    jobs: mpsc::Sender<Job>,
    connections: Arc<AtomicUsize>,
    /// Who serves them.
    seats: Seats<Served>,
    runtime: Handle,
}

/// How many accepted connections may wait for a worker; beyond, they wait in the kernel.
const QUEUE: usize = 256;

impl Workers {
    /// Starts `count` workers, which serve until the shutdown is over, and have at most so many connections from clients.
    ///
    /// # Errors
    /// When the system gives no more threads or descriptors.
    pub(crate) fn start(
        count: usize,
        connections: usize,
        shutdown: &Shutdown,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (mut workers, mut threads) = (Vec::new(), Vec::new());
        for index in 0..count {
            let (sender, jobs) = mpsc::channel(QUEUE);
            let connections = Arc::new(AtomicUsize::new(0));
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let worker = Worker {
                index,
                jobs: sender,
                connections,
                seats: Seats::default(),
                runtime: runtime.handle().clone(),
            };
            let work = run(worker.clone(), jobs, shutdown.clone());
            let thread = thread::Builder::new().name(format!("worker {index}"));
            threads.push(thread.spawn(move || runtime.block_on(work))?);
            workers.push(worker);
        }
        Ok((
            Self {
                workers,
                next: AtomicUsize::new(0),
                room: room(connections),
            },
            threads,
        ))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.workers.len()
    }

    /// What they run on.
    pub(crate) fn runtimes(&self) -> impl Iterator<Item = Handle> {
        self.workers.iter().map(|worker| worker.runtime.clone())
    }

    /// Has one of the workers accept, another one for each socket.
    pub(super) fn listen(&self, listening: Listening) {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        // Its queue is empty, or it has ended with the process.
        let _ = self.workers[index].jobs.try_send(Job::Accept(listening));
    }

    /// The worker with the fewest connections; equals take turns.
    fn idlest(&self) -> Option<&Worker> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        let (before, from) = self.workers.split_at(first);
        let in_turn = from.iter().chain(before);
        in_turn.min_by_key(|worker| worker.connections.load(Ordering::Relaxed))
    }
}

async fn run(worker: Worker, mut jobs: mpsc::Receiver<Job>, shutdown: Shutdown) {
    let working = async {
        while let Some(job) = jobs.recv().await {
            match job {
                Job::Accept(listening) => {
                    live::task("accept", accept(worker.clone(), listening));
                }
                Job::Serve(accepted) => worker.take_in(accepted),
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = working => {}
        () = shutdown.over() => {}
    }
}

/// Accepts until the drain begins.
async fn accept(worker: Worker, listening: Listening) {
    let Listening {
        listener,
        server,
        workers,
        drain,
    } = listening;
    let listener = match Listener::moved(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot listen"),
    };
    // A drain waits until it is known who came before it.
    let _hold = drain.hold();
    let watches: Arc<[Watch]> = workers.workers.iter().map(|_| Watch::default()).collect();
    let (told, telling) = (Arc::clone(&watches), drain.clone());
    live::task("drain", async move { pass_on(&telling, &told).await });
    let own_room = server.front().edge.max_connections.map(room);
    let accepted = |(stream, peer), room| {
        let client = Client {
            peer,
            server: Arc::clone(&server),
            watches: Arc::clone(&watches),
            _hold: drain.hold(),
            _room: room,
        };
        worker.hand_out(stream, client, &workers)
    };
    let mut begun = pin!(drain.begun());
    loop {
        let next = tokio::select! {
            next = listener.accept() => next,
            () = &mut begun => break,
        };
        // While there is no room the others wait in the kernel's queue.
        tokio::select! {
            room = enter([Some(&workers.room), own_room.as_ref()]) => accepted(next, room).await,
            () = &mut begun => {
                accepted(next, Room::default()).await;
                break;
            }
        }
    }
    // Who waits in the queue may have asked already. A queue that another process serves is left to it.
    tokio::task::yield_now().await;
    while let Some(next) = drain
        .is_hurried()
        .then(|| listener.accept().now_or_never())
        .flatten()
    {
        accepted(next, Room::default()).await;
    }
}

/// Room for so many connections.
fn room(connections: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)))
}

/// Waits until there is room in each of these.
async fn enter(rooms: [Option<&Arc<Semaphore>>; 2]) -> Room {
    let mut entered = Room::default();
    for (entered, room) in entered.iter_mut().zip(rooms) {
        if let Some(room) = room {
            // Fails only where room is closed, which nobody does.
            *entered = Arc::clone(room).acquire_owned().await.ok();
        }
    }
    entered
}

impl Worker {
    /// Gives a connection to the worker with the fewest.
    async fn hand_out(&self, stream: Stream, client: Client, workers: &Workers) {
        let Some(idlest) = workers.idlest() else {
            return;
        };
        let counted = Counted::new(&idlest.connections);
        if idlest.index == self.index {
            return self.serve(stream, client, counted);
        }
        match stream.unregister() {
            Ok(stream) => {
                let accepted = Accepted {
                    stream,
                    client,
                    counted,
                };
                // A worker that is gone has ended with the process.
                let _ = idlest.jobs.send(Job::Serve(accepted)).await;
            }
            Err(error) => {
                tracing::warn!(%error, peer = %client.peer, "cannot hand a connection to its worker")
            }
        }
    }

    /// Serves a connection that another worker accepted.
    fn take_in(&self, accepted: Accepted) {
        let Accepted {
            stream,
            client,
            counted,
        } = accepted;
        match Stream::moved(stream) {
            Ok(stream) => self.serve(stream, client, counted),
            Err(error) => {
                tracing::warn!(%error, peer = %client.peer, "cannot serve a connection")
            }
        }
    }

    fn serve(&self, stream: Stream, client: Client, counted: Counted) {
        let index = self.index;
        if client.watches[index].begins() {
            let watches = Arc::clone(&client.watches);
            live::task("watch", async move { watches[index].look().await });
        }
        let served = Served {
            stream,
            worker: index,
            client,
            _counted: counted,
        };
        if let Err(first) = self.seats.give(served) {
            live::task("connection", self.seats.clone().serve(first, serve));
        }
    }
}

async fn serve(served: Served) {
    let Served {
        stream,
        worker,
        client,
        _counted,
    } = served;
    let (server, watch) = (&client.server, &client.watches[worker]);
    connection::serve(stream.into(), client.peer, worker, server, watch).await;
}

/// Counts a worker's connection from the moment that it was chosen for it.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(connections: &Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connections))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_go_where_there_are_fewest_and_equals_take_turns() {
        let worker = |connections| Worker {
            index: 0,
            jobs: mpsc::channel(1).0,
            connections: Arc::new(AtomicUsize::new(connections)),
            seats: Seats::default(),
            runtime: Handle::current(),
        };
        let workers = Workers {
            workers: [5, 0, 0].map(worker).into(),
            next: AtomicUsize::new(0),
            room: room(10),
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
