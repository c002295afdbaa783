//! Requests at fixed times, whatever becomes of those before: what people do, who know nothing of each other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, interval};

use crate::bare::Bare;

/// A load that does not wait for answers. It ends with the value.
#[derive(Debug)]
pub struct Rush {
    seen: Arc<Seen>,
    sending: JoinHandle<()>,
}

/// What became of one request.
#[derive(Clone, Debug)]
pub struct Served {
    /// When it was to be sent.
    pub due: Instant,
    /// How long after that its answer was whole, or it failed.
    pub took: Duration,
    /// Its status, or why it has none.
    pub status: Result<u16, String>,
    /// What else it said if it was no success.
    pub said: String,
}

#[derive(Debug, Default)]
struct Seen {
    /// Connections that wait for nothing. The last one is used first.
    free: Mutex<Vec<Bare>>,
    served: Mutex<Vec<Served>>,
}

impl Rush {
    /// Begins to send this request so many times a second, each on a connection that is free, or on a new one.
    pub fn start(runtime: &Handle, router: SocketAddr, request: &str, per_second: u32) -> Self {
        let seen = Arc::<Seen>::default();
        let request: Arc<[u8]> = request.as_bytes().into();
        let sending = send(router, request, per_second, Arc::clone(&seen));
        Self {
            sending: runtime.spawn(sending),
            seen,
        }
    }

    /// What became of all requests that ended since the last call.
    pub fn take(&self) -> Vec<Served> {
        std::mem::take(&mut *lock(&self.seen.served))
    }
}

impl Drop for Rush {
    fn drop(&mut self) {
        // The requests in flight go with it.
        self.sending.abort();
    }
}

async fn send(router: SocketAddr, request: Arc<[u8]>, per_second: u32, seen: Arc<Seen>) {
    let mut ticks = interval(Duration::from_millis(1));
    let mut sent = JoinSet::new();
    let begin = Instant::now();
    for number in 0_u32.. {
        let due = begin + Duration::from_secs(1) * number / per_second;
        while due > Instant::now() {
            ticks.tick().await;
        }
        sent.spawn(serve(router, Arc::clone(&request), due, Arc::clone(&seen)));
        while sent.try_join_next().is_some() {}
    }
}

async fn serve(router: SocketAddr, request: Arc<[u8]>, due: Instant, seen: Arc<Seen>) {
    let free = lock(&seen.free).pop();
    let asked = async {
        let mut bare = match free {
            Some(bare) => bare,
            None => Bare::connect(router).await?,
        };
        let heard = bare.ask(&request).await?;
        anyhow::Ok((bare, heard))
    };
    let mut said = String::new();
    let status = match asked.await {
        Ok((bare, heard)) => {
            if heard.is_kept {
                lock(&seen.free).push(bare);
            }
            if heard.status >= 400 {
                said = String::from_utf8_lossy(&heard.body).into_owned();
            }
            Ok(heard.status)
        }
        Err(error) => Err(format!("{error:#}")),
    };
    lock(&seen.served).push(Served {
        due,
        took: due.elapsed(),
        status,
        said,
    });
}

/// The time that 99 of 100 took at most.
///
/// # Panics
/// If there are none.
pub fn p99(served: &[Served]) -> Duration {
    let mut times: Vec<_> = served.iter().map(|served| served.took).collect();
    let at = times.len() * 99 / 100;
    assert!(at < times.len(), "nothing was served");
    *times.select_nth_unstable(at).1
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
