//! Unary calls, many at once.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use h2::Reason;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tonic::Status;

use super::client::{Client, who};
use super::testing::{Payload, SimpleRequest};

/// What became of calls.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many each server answered.
    pub answered: BTreeMap<String, u64>,
    /// Why the others failed.
    pub failed: Vec<String>,
}

impl Tally {
    /// How many were answered.
    pub fn sum(&self) -> u64 {
        self.answered.values().sum()
    }

    /// The share of a server in all that were answered.
    ///
    /// # Panics
    /// If none was.
    pub fn share(&self, server: &str) -> f64 {
        let sum = self.sum();
        assert!(sum > 0, "no call was answered: {:?}", self.failed.first());
        let answered = self.answered.get(server).copied().unwrap_or_default();
        answered as f64 / sum as f64
    }

    /// Asserts that none failed.
    ///
    /// # Panics
    /// If one did.
    #[track_caller]
    pub fn assert_well(&self) {
        let (count, sum) = (self.failed.len(), self.sum());
        let first = &self.failed[..count.min(3)];
        assert!(
            count == 0,
            "{count} calls failed, {sum} were answered: {first:?}"
        );
    }
}

/// Callers that make one call after the other. They end with the value.
#[derive(Debug)]
pub struct Calls {
    tally: Arc<Mutex<Tally>>,
    callers: Vec<JoinHandle<()>>,
}

impl Calls {
    /// So many callers, shared by the clients, each of which goes on for as long as this value lives.
    pub fn start(runtime: &Handle, clients: &[Client], callers: usize) -> Self {
        Self::spawn(runtime, clients, callers, u64::MAX)
    }

    /// Makes so many calls with so many callers, shared by the clients, and waits for their end.
    pub fn make(runtime: &Handle, clients: &[Client], callers: usize, calls: u64) -> Tally {
        let mut made = Self::spawn(runtime, clients, callers, calls);
        for caller in made.callers.drain(..) {
            // Ends with an error only if the caller panicked; its call is missing in the tally then.
            let _ = runtime.block_on(caller);
        }
        made.take()
    }

    /// What became of the calls that ended since the last call of this.
    pub fn take(&self) -> Tally {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *tally)
    }

    fn spawn(runtime: &Handle, clients: &[Client], callers: usize, calls: u64) -> Self {
        let tally = Arc::<Mutex<Tally>>::default();
        let left = Arc::new(AtomicU64::new(calls));
        let clients = clients.iter().cycle().take(callers);
        let caller = |client: &Client| {
            runtime.spawn(call(client.clone(), Arc::clone(&left), Arc::clone(&tally)))
        };
        Self {
            callers: clients.map(caller).collect(),
            tally,
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.callers.iter().for_each(JoinHandle::abort);
    }
}

async fn call(mut client: Client, left: Arc<AtomicU64>, tally: Arc<Mutex<Tally>>) {
    let is_left = || {
        let less = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        });
        less.is_ok()
    };
    while is_left() {
        let hello = SimpleRequest {
            payload: Some(Payload {
                body: "hello".into(),
            }),
            ..SimpleRequest::default()
        };
        let answer = loop {
            match client.unary_call(hello.clone()).await {
                Err(status) if is_unseen(&status) => {}
                answer => break answer,
            }
        };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(answer) => {
                let name = who(answer.metadata()).to_owned();
                *tally.answered.entry(name).or_default() += 1;
            }
            Err(status) => tally.failed.push(format!("{status:?}")),
        }
    }
}

/// Whether no server can have seen a call, for it came too late to its connection. gRPC's own clients make such a call again by
/// themselves. Tonic leaves it to those who call.
fn is_unseen(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        let is_unsent = error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled);
        let is_refused = error.downcast_ref::<h2::Error>().is_some_and(|error| {
            let is_goodbye = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
            error.is_remote() && (is_goodbye || error.reason() == Some(Reason::REFUSED_STREAM))
        });
        if is_unsent || is_refused {
            return true;
        }
        source = error.source();
    }
    false
}
