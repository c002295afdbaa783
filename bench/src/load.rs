//! The load: connections that ask in the way of a [`Plan`], or call in the way of [`Calls`], and the window in which what they
//! see counts.

mod call;
mod calls;
mod closed;
mod open;
mod tally;
mod ticks;
mod window;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use self::calls::{Calls, Until};
use self::tally::Tally;
pub use self::window::Window;
use crate::asked::Asked;
use crate::reply::{self, Wrong};
use crate::sample::Sample;
use crate::usage::Watched;

/// What is asked of whom over HTTP/1.1, how, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who is asked.
    pub to: SocketAddr,
    /// What is asked.
    pub asked: Asked,
    /// How many hosts are asked for, in turn: `name-0`, `name-1` and so on.
    pub names: usize,
    /// How many connections ask at the same time.
    pub connections: usize,
    /// When they ask.
    pub pace: Pace,
    /// Connections beside them that have asked once and do nothing more.
    pub idle_connections: usize,
    /// What of it counts. Each name is asked for at least twice before, however long that takes.
    pub window: Window,
}

/// When a connection asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As soon as it has its answer.
    KeepAlive,
    /// As soon as it has its answer, on a new connection.
    NewConnections,
    /// At fixed times, whatever becomes of the answers. What is asked late, because no connection was free, counts from when
    /// it was to be asked: a slow proxy is not spared the requests that it held up.
    Constant {
        /// Requests a second, of all connections together.
        per_second: f64,
    },
}

/// How long answers may take that are still to come when the window ends.
const REST_WITHIN: Duration = Duration::from_secs(20);

/// Idle connections that are opened first: what a proxy needs for the very first ones is not what it needs for one more.
const FIRST_IDLE: usize = 100;

impl Plan {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is nobody to ask, or nothing comes back. Single failures are counted instead.
    pub async fn run(self) -> Result<Sample> {
        let (idle, idle_connection_bytes) = self.open_idle().await?;
        let requests = Arc::new(Requests::new(&self));
        let tally = Arc::new(Tally::default());
        let load = match self.pace {
            Pace::KeepAlive | Pace::NewConnections => closed::start(&self, &requests, &tally),
            Pace::Constant { per_second } => {
                open::start(&self, per_second, &requests, &tally).await?
            }
        };
        let least = 2 * self.names as u64;
        let mut sample = self.window.measure(load, &tally, least).await?;
        sample.idle_connection_bytes = idle_connection_bytes;
        drop(idle);
        Ok(sample)
    }

    /// Opens the idle connections. The figure is the memory that one of them takes.
    async fn open_idle(&self) -> Result<(Vec<TcpStream>, Option<f64>)> {
        let mut idle = Vec::new();
        if self.idle_connections == 0 {
            return Ok((idle, None));
        }
        self.open_more(&mut idle, FIRST_IDLE).await?;
        let resident = || {
            self.window
                .watched
                .as_ref()
                .map(Watched::resident)
                .transpose()
        };
        let before = resident()?;
        self.open_more(&mut idle, self.idle_connections).await?;
        let grown = before.zip(resident()?).map(|(before, after)| {
            after.saturating_sub(before) as f64 / self.idle_connections as f64
        });
        Ok((idle, grown))
    }

    async fn open_more(&self, idle: &mut Vec<TcpStream>, count: usize) -> Result<()> {
        let request = self.asked.request(&host(0), false);
        let mut buffer = vec![0; reply::BUFFER_BYTES];
        for _ in 0..count {
            let mut stream = connect(self.to).await?;
            stream.write_all(&request).await?;
            let asked = reply::read(&mut stream, &mut buffer, self.asked.answer_length());
            let asked = timeout(REST_WITHIN, asked).await.context("no answer")?;
            asked.map_err(|wrong| anyhow::anyhow!("an idle connection: {wrong}"))?;
            idle.push(stream);
        }
        Ok(())
    }
}

async fn connect(to: SocketAddr) -> Result<TcpStream, Wrong> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn host(number: usize) -> String {
    format!("name-{number}")
}

/// The bytes of all requests, made before any is sent.
struct Requests {
    by_name: Vec<Vec<u8>>,
    /// How many connections share them.
    connections: usize,
    answer_length: usize,
}

impl Requests {
    fn new(plan: &Plan) -> Self {
        let is_last = plan.pace == Pace::NewConnections;
        let request = |name| plan.asked.request(&host(name), is_last);
        Self {
            by_name: (0..plan.names).map(request).collect(),
            connections: plan.connections,
            answer_length: plan.asked.answer_length(),
        }
    }

    /// What a connection sends, one after the other: all connections together ask for all names.
    fn of(&self, connection: usize) -> impl Iterator<Item = &[u8]> {
        let turns = (connection..).step_by(self.connections);
        turns.map(|turn| self.at(turn))
    }

    fn at(&self, turn: usize) -> &[u8] {
        &self.by_name[turn % self.by_name.len()]
    }
}
