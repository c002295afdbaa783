//! The connections to an endpoint: few, each with many streams. Each worker has its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::channel::{Channel, Slot};
use crate::client::{Client, ConnectError, Endpoint, NoRoom, Rules};

/// The channels of an endpoint.
pub(crate) struct Channels {
    by_worker: Box<[Mutex<Own>]>,
    idle_time: Duration,
    life_time: Option<Duration>,
}

/// Those of one worker.
#[derive(Default)]
struct Own {
    open: Vec<Entry>,
    /// One more, on its way.
    opening: Option<watch::Receiver<Opening>>,
}

/// A channel, and since when it has not been used, as far as somebody has looked.
struct Entry {
    channel: Arc<Channel>,
    uses: u64,
    idle_since: Instant,
}

/// How the opening of a channel went, once it is known.
type Opening = Option<Result<(), ConnectError>>;

impl Channels {
    pub(crate) fn new(rules: &Rules, workers: usize) -> Self {
        let (pool, session) = (&rules.settings.pool, &rules.settings.session);
        Self {
            by_worker: (0..workers).map(|_| Mutex::default()).collect(),
            idle_time: session.idle.unwrap_or(pool.idle_time),
            life_time: session.life,
        }
    }

    /// Leave for a stream on one that is open, if there is room. The first that has some is taken, so that what is too many falls idle.
    fn reserve(own: &mut Own) -> Option<Slot> {
        loop {
            let found = own.open.iter().enumerate();
            let (at, slot) = found
                .filter_map(|(at, entry)| Some((at, entry.channel.reserve()?)))
                .next()?;
            if !own.open[at].channel.is_ending() {
                return Some(slot);
            }
            // Its streams go on; it closes behind the last of them.
            own.open.remove(at);
        }
    }

    /// Drops what waited too long, lived too long, or was closed by the other side.
    pub(crate) fn sweep(&self, now: Instant) {
        for worker in &self.by_worker {
            lock(worker).open.retain_mut(|entry| {
                let uses = entry.channel.uses();
                if entry.uses != uses || entry.channel.streams() > 0 {
                    (entry.uses, entry.idle_since) = (uses, now);
                }
                let age = now.saturating_duration_since(entry.channel.opened());
                now.saturating_duration_since(entry.idle_since) < self.idle_time
                    && self.life_time.is_none_or(|life| age < life)
                    && !entry.channel.is_ending()
            });
        }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.by_worker.iter().map(|own| lock(own).open.len()).sum()
    }
}

fn lock(own: &Mutex<Own>) -> MutexGuard<'_, Own> {
    // Only the sweeper ever stands in the worker's way.
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leave for a stream to the endpoint, if a channel is open that has room.
pub(super) fn reserve(endpoint: &Endpoint, worker: usize) -> Option<Slot> {
    Channels::reserve(&mut lock(&endpoint.channels.by_worker[worker]))
}

/// Leave for a stream to the endpoint, on a channel that is opened for it and for all who wait for one.
///
/// # Errors
/// What all of them are told who waited for it.
pub(super) async fn open(
    client: &Arc<Client>,
    endpoint: &Arc<Endpoint>,
    worker: usize,
    deadline: Instant,
) -> Result<Slot, ConnectError> {
    loop {
        let mut opening = {
            let mut own = lock(&endpoint.channels.by_worker[worker]);
            if let Some(slot) = Channels::reserve(&mut own) {
                return Ok(slot);
            }
            let begin = || begin(client, endpoint, worker);
            own.opening.get_or_insert_with(begin).clone()
        };
        let opened = timeout_at(deadline, opening.wait_for(Option::is_some)).await;
        match opened.map(|told| told.map(|told| told.as_ref().map(told_again))) {
            Ok(Ok(Some(Err(error)))) => return Err(error),
            Ok(Ok(_)) => {}
            // Whoever was to tell has panicked.
            Ok(Err(_)) => lock(&endpoint.channels.by_worker[worker]).opening = None,
            Err(_) => return Err(ConnectError::NoRoom(NoRoom::TimedOut)),
        }
    }
}

fn told_again(opened: &Result<(), ConnectError>) -> Result<(), ConnectError> {
    opened.as_ref().copied().map_err(ConnectError::again)
}

/// Opens a channel by a task of its own: whoever asked first may go, and others still wait for it.
fn begin(
    client: &Arc<Client>,
    endpoint: &Arc<Endpoint>,
    worker: usize,
) -> watch::Receiver<Opening> {
    let (tell, told) = watch::channel(None);
    let (client, endpoint) = (Arc::clone(client), Arc::clone(endpoint));
    live::task("connect", async move {
        let opening = Box::pin(open_one(&client, &endpoint));
        let opened = crate::forward::connect(&client, &endpoint, opening).await;
        let mut own = lock(&endpoint.channels.by_worker[worker]);
        own.opening = None;
        let opened = opened.map(|channel| {
            own.open.push(Entry {
                channel: Arc::new(channel),
                uses: 0,
                idle_since: Instant::now(),
            });
        });
        drop(own);
        tell.send_replace(Some(opened));
    });
    told
}

async fn open_one(client: &Client, endpoint: &Endpoint) -> Result<Channel, ConnectError> {
    let rules = &client.rules;
    let socket = crate::client::open_socket(endpoint.address, rules).await?;
    if !socket.may_speak_http2() {
        let error = "the endpoint did not agree on HTTP/2 (ALPN h2)";
        return Err(ConnectError::Insecure(std::io::Error::other(error)));
    }
    let counted = crate::stats::Counted::new(client.stats.connections.clone());
    Channel::open(socket, &rules.settings.http2, MAX_HEADER_LIST, counted).await
}

/// Heads of answers may be as long as this, in bytes as RFC 9113 §6.5.2 counts them: endpoints are trusted with more than clients are.
const MAX_HEADER_LIST: u32 = 64 * 1024;
