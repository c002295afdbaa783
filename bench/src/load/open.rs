//! Connections that ask at fixed times.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

use super::{Plan, REST_WITHIN, Requests, Tally, connect, ticks};
use crate::reply::{self, Wrong};

/// Connects, and starts to ask so many times a second.
pub(super) async fn start(
    plan: &Plan,
    per_second: f64,
    requests: &Arc<Requests>,
    tally: &Arc<Tally>,
) -> Result<JoinSet<()>> {
    let mut streams = Vec::new();
    let mut senders = Vec::new();
    for _ in 0..plan.connections {
        let stream = connect(plan.to).await?.into_std()?;
        senders.push(stream.try_clone()?);
        streams.push(tokio::net::TcpStream::from_std(stream)?);
    }
    let schedule = Arc::new(Schedule {
        state: Mutex::new(State {
            free: (0..plan.connections).collect(),
            due: vec![Instant::now(); plan.connections],
            held_up: VecDeque::new(),
            sent: 0,
            pending: 0,
        }),
        senders,
        requests: Arc::clone(requests),
        tally: Arc::clone(tally),
    });
    let mut listening = JoinSet::new();
    for (number, stream) in streams.into_iter().enumerate() {
        listening.spawn(Arc::clone(&schedule).listen(number, stream));
    }
    let period = Duration::from_secs_f64(1.0 / per_second);
    let mut load = JoinSet::new();
    load.spawn(async move {
        let kept = spawn_blocking(move || schedule.keep(period)).await;
        drop((kept, listening));
    });
    Ok(load)
}

/// Who asks next, and what was to be asked.
struct Schedule {
    state: Mutex<State>,
    /// Another handle of each connection, to write to.
    senders: Vec<TcpStream>,
    requests: Arc<Requests>,
    tally: Arc<Tally>,
}

struct State {
    /// Connections that wait for no answer.
    free: VecDeque<usize>,
    /// When the request of each connection was to be sent.
    due: Vec<Instant>,
    /// When requests were to be sent that found no free connection.
    held_up: VecDeque<Instant>,
    sent: usize,
    /// Requests without an answer.
    pending: usize,
}

impl Schedule {
    /// Sends requests at their times, until the window is over and all are answered.
    fn keep(&self, period: Duration) {
        ticks::tick(period, |due| {
            let mut state = self.lock();
            match state.free.pop_front() {
                Some(number) => self.send(&mut state, number, due),
                None => state.held_up.push_back(due),
            }
            drop(state);
            !self.tally.is_over()
        });
        let end = Instant::now();
        while self.is_unanswered() && end.elapsed() < REST_WITHIN {
            thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..self.lock().held_up.len() {
            self.tally.failed("no connection was ever free");
        }
    }

    fn is_unanswered(&self) -> bool {
        self.lock().pending > 0
    }

    fn send(&self, state: &mut State, number: usize, due: Instant) {
        let request = self.requests.at(state.sent);
        state.sent += 1;
        state.pending += 1;
        state.due[number] = due;
        // The connection is empty, so that all bytes find room. If it is broken, its listener tells.
        let _ = (&self.senders[number]).write_all(request);
    }

    /// Reads the answers of one connection, and sends on it what was held up.
    async fn listen(self: Arc<Self>, number: usize, mut stream: tokio::net::TcpStream) {
        let mut buffer = vec![0; reply::BUFFER_BYTES];
        loop {
            let length = self.requests.answer_length;
            let read = reply::read(&mut stream, &mut buffer, length).await;
            let mut state = self.lock();
            state.pending = state.pending.saturating_sub(1);
            if let Err(wrong) = read {
                self.lose(&mut state, number, &wrong);
                return;
            }
            self.tally.answer(state.due[number]);
            match state.held_up.pop_front() {
                Some(due) => self.send(&mut state, number, due),
                None => state.free.push_back(number),
            }
        }
    }

    /// A connection that failed asks no more.
    fn lose(&self, state: &mut State, number: usize, wrong: &Wrong) {
        state.free.retain(|free| *free != number);
        self.tally.failed(wrong);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
