//! Clients of all kinds, all the time. What each protocol can do is a list of parts in a module of its own.

mod http1;
mod http2;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::stage::Stage;

/// One way to use a router.
pub(crate) struct Part {
    what: &'static str,
    /// How many do it at the same time.
    clients: usize,
    /// How long each waits before it does it again.
    pause: Duration,
    visit: fn(Guest) -> BoxFuture<'static, Result<()>>,
}

/// How long a visit may last.
const VISIT: Duration = Duration::from_secs(30);

/// How many failures are shown.
const SHOWN: u64 = 10;

/// Who visits the router.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) router: SocketAddr,
    /// Where it takes HTTP/2.
    pub(crate) streams: SocketAddr,
    tally: Arc<Tally>,
}

/// What came of all visits.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    visits: AtomicU64,
    failed: AtomicU64,
}

/// All guests. They leave with the value.
pub(crate) struct Traffic {
    tally: Arc<Tally>,
    guests: Vec<JoinHandle<()>>,
}

impl Guest {
    /// Counts an answer that is as it should be.
    pub(crate) fn answered(&self) {
        self.tally.answered.fetch_add(1, Ordering::Relaxed);
    }
}

impl Traffic {
    pub(crate) fn start(stage: &Stage) -> Self {
        let tally = Arc::<Tally>::default();
        let mut guests = Vec::new();
        for part in http1::PARTS.iter().chain(&http2::PARTS) {
            for _ in 0..part.clients {
                let guest = Guest {
                    router: stage.router().address(),
                    streams: stage.streams(),
                    tally: Arc::clone(&tally),
                };
                guests.push(stage.runtime().spawn(play(part, guest)));
            }
        }
        Self { tally, guests }
    }

    /// How many visits failed: not answered, or not as they should be.
    pub(crate) fn failed(&self) -> u64 {
        self.tally.failed.load(Ordering::Relaxed)
    }

    /// What came of it so far, in words.
    pub(crate) fn told(&self) -> String {
        let Tally {
            answered,
            visits,
            failed,
            ..
        } = &*self.tally;
        let (answered, visits, failed) = (
            answered.load(Ordering::Relaxed),
            visits.load(Ordering::Relaxed),
            failed.load(Ordering::Relaxed),
        );
        format!("{visits} visits, {answered} answers, {failed} failed")
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.guests.iter().for_each(JoinHandle::abort);
    }
}

async fn play(part: &'static Part, guest: Guest) {
    let tally = Arc::clone(&guest.tally);
    loop {
        let visit = timeout(VISIT, (part.visit)(guest.clone())).await;
        let visited = visit.context("it takes too long").flatten();
        tally.visits.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = visited
            && tally.failed.fetch_add(1, Ordering::Relaxed) < SHOWN
        {
            eprintln!("soak: {}: {error:#}", part.what);
        }
        sleep(part.pause).await;
    }
}
