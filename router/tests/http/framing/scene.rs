//! The sockets of a case that is played: one thread goes through the steps, and one for each socket tells it what arrives.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to go on listening once something is wrong, to show all of it.
const AFTERMATH: Duration = Duration::from_millis(50);

/// How many bytes of a connection are shown.
const SHOWN: usize = 700;

/// The connections of one client after another with the router, and of the router with one backend.
pub(super) struct Scene {
    router: SocketAddr,
    events: Receiver<Event>,
    sender: SyncSender<Event>,
    door: Door,
    clients: Vec<Peer>,
    pub(super) backends: Vec<Peer>,
}

enum Event {
    Accepted(TcpStream),
    Came(Side, usize, Vec<u8>),
    Ended(Side, usize, End),
}

#[derive(Clone, Copy)]
enum Side {
    Client,
    Backend,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Orderly,
    Reset,
}

impl Scene {
    /// Nobody is connected yet; the backend listens.
    pub(super) fn new(router: SocketAddr, listener: &TcpListener) -> Self {
        let (sender, events) = sync_channel(1024);
        Self {
            router,
            events,
            door: Door::open(listener, sender.clone()),
            sender,
            clients: Vec::new(),
            backends: Vec::new(),
        }
    }

    /// The client of now.
    pub(super) fn client(&mut self) -> &mut Peer {
        self.clients.last_mut().expect("a client is connected")
    }

    pub(super) fn has_unread(&self, side: fn(&Self) -> &[Peer]) -> bool {
        side(self).iter().any(|peer| !peer.unread().is_empty())
    }

    pub(super) fn clients(&self) -> &[Peer] {
        &self.clients
    }

    pub(super) fn backends(&self) -> &[Peer] {
        &self.backends
    }

    /// Makes a new client the client of now.
    pub(super) fn connect(&mut self) {
        let stream = TcpStream::connect(self.router).expect("the router listens");
        let peer = Peer::new(stream, Side::Client, self.clients.len(), &self.sender);
        self.clients.push(peer);
    }

    /// Waits until something happens.
    pub(super) fn hear(&mut self) -> Result<(), String> {
        match self.events.recv_timeout(PATIENCE) {
            Ok(event) => self.note(event),
            Err(_) => return Err("it did not come".into()),
        }
        Ok(())
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Accepted(stream) => {
                let number = self.backends.len();
                let peer = Peer::new(stream, Side::Backend, number, &self.sender);
                self.backends.push(peer);
            }
            Event::Came(side, number, bytes) => self.peer(side, number).came.extend(bytes),
            Event::Ended(side, number, end) => self.peer(side, number).end = Some(end),
        }
    }

    fn peer(&mut self, side: Side, number: usize) -> &mut Peer {
        match side {
            Side::Client => &mut self.clients[number],
            Side::Backend => &mut self.backends[number],
        }
    }

    /// All bytes that came.
    pub(super) fn describe(&mut self) -> String {
        while let Ok(event) = self.events.recv_timeout(AFTERMATH) {
            self.note(event);
        }
        let mut text = String::new();
        for (name, peers) in [("client", &self.clients), ("backend", &self.backends)] {
            for (number, peer) in peers.iter().enumerate() {
                let count = peer.came.len();
                let shown = peer.came[..count.min(SHOWN)].escape_ascii();
                let end = peer.end.map_or(String::new(), |end| format!(" {end:?}"));
                write!(text, "\n  {name} {number} got {count}: \"{shown}\"{end}")
                    .expect("a string takes all");
            }
        }
        text
    }
}

impl Drop for Scene {
    /// Ends all connections, and with them their threads.
    fn drop(&mut self) {
        for peer in self.clients.iter().chain(&self.backends) {
            drop(peer.stream.shutdown(Shutdown::Both));
        }
        self.door.close();
    }
}

/// Where the backend accepts. It is closed before another scene opens one.
struct Door {
    address: SocketAddr,
    is_closed: Arc<AtomicBool>,
    accepts: Option<JoinHandle<()>>,
}

impl Door {
    fn open(listener: &TcpListener, sender: SyncSender<Event>) -> Self {
        let listener = listener.try_clone().expect("a socket");
        let address = listener.local_addr().expect("bound");
        let is_closed = Arc::<AtomicBool>::default();
        let closed = Arc::clone(&is_closed);
        let accepts = thread::spawn(move || {
            for stream in listener.incoming() {
                let event = Event::Accepted(stream.expect("a connection"));
                if closed.load(Ordering::Acquire) || sender.send(event).is_err() {
                    break;
                }
            }
        });
        Self {
            address,
            is_closed,
            accepts: Some(accepts),
        }
    }

    fn close(&mut self) {
        self.is_closed.store(true, Ordering::Release);
        // It looks only when somebody comes.
        drop(TcpStream::connect(self.address));
        if let Some(accepts) = self.accepts.take() {
            drop(accepts.join());
        }
    }
}

/// One socket, and what came over it.
pub(super) struct Peer {
    stream: TcpStream,
    came: Vec<u8>,
    /// How much of it a step has taken.
    taken: usize,
    /// Whether a step has seen the beginning of what is not taken.
    pub(super) is_begun: bool,
    /// Whether it has said that it sends nothing more.
    has_shut: bool,
    /// Whether it has left, so that what comes no longer matters.
    is_gone: bool,
    pub(super) end: Option<End>,
}

impl Peer {
    fn new(stream: TcpStream, side: Side, number: usize, sender: &SyncSender<Event>) -> Self {
        stream.set_nodelay(true).expect("no delay");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        let mut reads = stream.try_clone().expect("a socket");
        let sender = sender.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            let mut has_ended = false;
            while !has_ended {
                let event = match reads.read(&mut buffer) {
                    Ok(0) => Event::Ended(side, number, End::Orderly),
                    Ok(read) => Event::Came(side, number, buffer[..read].to_vec()),
                    Err(_) => Event::Ended(side, number, End::Reset),
                };
                has_ended = matches!(event, Event::Ended(..));
                has_ended |= sender.send(event).is_err();
            }
        });
        Self {
            stream,
            came: Vec::new(),
            taken: 0,
            is_begun: false,
            has_shut: false,
            is_gone: false,
            end: None,
        }
    }

    pub(super) fn unread(&self) -> &[u8] {
        match self.is_gone {
            true => &[],
            false => &self.came[self.taken..],
        }
    }

    pub(super) fn take(&mut self, count: usize) {
        self.taken += count;
    }

    /// Takes what is left of what came, if nothing will follow; how many messages that were.
    pub(super) fn pass_over(&mut self) -> usize {
        let has_one = !self.unread().is_empty() && self.end.is_some();
        if has_one {
            self.taken = self.came.len();
        }
        has_one.into()
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        // A router that refuses need not read on. What it answers is what counts.
        drop(self.stream.write_all(bytes));
    }

    /// Says that it sends nothing more.
    pub(super) fn end(&mut self) {
        drop(self.stream.shutdown(Shutdown::Write));
        self.has_shut = true;
    }

    pub(super) fn has_shut(&self) -> bool {
        self.has_shut || self.is_gone
    }

    /// Neither sends nor takes anything more.
    pub(super) fn leave(&mut self) {
        drop(self.stream.shutdown(Shutdown::Both));
        self.is_gone = true;
    }
}
