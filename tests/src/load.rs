//! Applications that send requests all the time.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::proxied::Proxied;

/// Steady traffic through one router, on kept-alive connections. It ends with the value.
#[derive(Debug)]
pub struct Load {
    answers: Arc<Mutex<Vec<Answer>>>,
    connections: Vec<JoinHandle<()>>,
}

/// What became of one request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// When it was sent.
    pub started: Instant,
    /// When the last byte of its answer was read, or when it failed.
    pub ended: Instant,
    /// Who answered.
    pub outcome: Outcome,
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The version of a backend.
    Version(String),
    /// Nobody, or the router itself, and why.
    Failed(String),
}

impl Load {
    /// Begins to send so many requests a second for a host, shared by so many connections.
    pub fn start(
        runtime: &Handle,
        router: SocketAddr,
        host: &str,
        per_second: u32,
        connections: u32,
    ) -> Self {
        let answers = Arc::<Mutex<Vec<Answer>>>::default();
        let period = Duration::from_secs(1) * connections / per_second;
        let connection = |index: u32| {
            let begin = Instant::now() + period * index / connections;
            let sending = send(
                router,
                host.to_owned(),
                (begin, period),
                Arc::clone(&answers),
            );
            runtime.spawn(sending)
        };
        Self {
            connections: (0..connections).map(connection).collect(),
            answers,
        }
    }

    /// All answers since the last call.
    pub fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut *self.lock())
    }

    /// How many answers there are that nobody has taken.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for connection in &self.connections {
            connection.abort();
        }
    }
}

impl Answer {
    /// Whether this version answered.
    pub fn is(&self, version: &str) -> bool {
        matches!(&self.outcome, Outcome::Version(answered) if answered == version)
    }

    /// Why it failed; none if it didn't.
    pub fn failure(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Version(_) => None,
            Outcome::Failed(reason) => Some(reason),
        }
    }
}

async fn send(
    router: SocketAddr,
    host: String,
    (begin, period): (Instant, Duration),
    answers: Arc<Mutex<Vec<Answer>>>,
) {
    let mut ticks = interval_at(begin, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut connection = None;
    loop {
        ticks.tick().await;
        let started = Instant::now();
        let outcome = ask(&mut connection, router, &host)
            .await
            .unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        if matches!(outcome, Outcome::Failed(_)) {
            connection = None;
        }
        let ended = Instant::now();
        let answer = Answer {
            started,
            ended,
            outcome,
        };
        answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(answer);
    }
}

async fn ask(
    connection: &mut Option<Proxied>,
    router: SocketAddr,
    host: &str,
) -> anyhow::Result<Outcome> {
    // A router may close a connection between two requests.
    let mut open = match connection.take().filter(Proxied::is_open) {
        Some(open) => open,
        None => Proxied::connect(router).await?,
    };
    let reply = open.get(host, &[]).await?;
    *connection = Some(open);
    Ok(match reply.version() {
        Some(version) if reply.status.is_success() => Outcome::Version(version.to_owned()),
        _ => Outcome::Failed(format!("{}: {}", reply.status, reply.body.trim())),
    })
}
