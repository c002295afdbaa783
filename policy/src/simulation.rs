//! A fleet in simulated time: what balancers make of it, without a socket and without waiting.
//!
//! Requests come at random, at a rate that stands still. A node works at a few of them at once; the others wait there in line.
//! How long the work takes is random, too. Latencies are from a request's pick to its end.

mod theory;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::balancer::{Balancer, Balancing, Kind};
use crate::instant::nanos;
use crate::node::{Node, Standing, Status};

/// Nodes, and what they are asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fleet {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many requests a node works at, at once.
    pub slots: usize,
    /// How long a request takes on average once it is worked at; distributed exponentially.
    pub service: Duration,
    /// How many times as long the first node takes.
    pub first_takes: f64,
    /// Requests in a second.
    pub rate: f64,
}

impl Fleet {
    /// The same requests for the fleet without its first node.
    pub fn without_first(self) -> Self {
        Self {
            nodes: self.nodes - 1,
            first_takes: 1.0,
            ..self
        }
    }

    /// The latency that no balancer can undercut: all nodes take from one line, and nobody waits while a slot is free anywhere.
    /// `quantile` is 0..1. The first node counts like the others.
    pub fn of_one_line(&self, quantile: f64) -> Duration {
        theory::latency(self.nodes * self.slots, self.service, self.rate, quantile)
    }

    /// The latency if each node had its share of the requests and they were spread by chance alone.
    pub fn of_chance(&self, quantile: f64) -> Duration {
        theory::latency(
            self.slots,
            self.service,
            self.rate / self.nodes as f64,
            quantile,
        )
    }

    /// Sends so many requests and waits for the last. Of the first tenth nothing is told: the fleet begins idle.
    pub fn run(&self, kind: Kind, requests: usize, draw: &mut impl FnMut() -> f64) -> Seen {
        let mut run = Run::new(self, kind, draw);
        let warm_up = requests / 10;
        for number in 0..requests {
            run.arrive(number >= warm_up, draw);
        }
        while run.next_end(u64::MAX, draw) {}
        run.seen.latencies.sort_unstable();
        run.seen
    }
}

/// What was seen of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many requests each node took.
    pub taken: Vec<usize>,
    /// In order.
    latencies: Vec<u64>,
}

impl Seen {
    /// The share of the requests that a node took.
    pub fn share(&self, node: usize) -> f64 {
        let all: usize = self.taken.iter().sum();
        self.taken[node] as f64 / all.max(1) as f64
    }

    /// The latency that this part of the requests did not exceed, 0..1.
    pub fn latency(&self, quantile: f64) -> Duration {
        let at = (self.latencies.len() as f64 * quantile) as usize;
        let last = self.latencies.len().saturating_sub(1);
        let nanos = self.latencies.get(at.min(last)).copied();
        Duration::from_nanos(nanos.unwrap_or(0))
    }
}

/// A simulated node.
struct Server {
    number: usize,
    pending: AtomicUsize,
    standing: Standing,
}

impl Node for Server {
    fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    fn status(&self, _: Duration) -> Status {
        Status::Open
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }
}

/// A request that was picked for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    began: u64,
    counts: bool,
}

/// The state of a simulation. Times are in nanoseconds.
struct Run<'a> {
    fleet: &'a Fleet,
    balancer: Balancer<Server>,
    servers: Vec<Arc<Server>>,
    /// Those who wait at each node.
    lines: Vec<VecDeque<Request>>,
    /// How many slots of each node are in use.
    busy: Vec<usize>,
    /// When work ends, where, and which: the next is the greatest.
    ends: BinaryHeap<Reverse<(u64, usize, Request)>>,
    now: u64,
    seen: Seen,
}

impl<'a> Run<'a> {
    fn new(fleet: &'a Fleet, kind: Kind, draw: &mut impl FnMut() -> f64) -> Self {
        let balancing = Balancing {
            kind,
            ..Balancing::default()
        };
        let server = |number| {
            Arc::new(Server {
                number,
                pending: AtomicUsize::new(0),
                standing: balancing.standing(Duration::ZERO, draw),
            })
        };
        let servers: Vec<_> = (0..fleet.nodes).map(server).collect();
        let nodes = servers.iter().map(|server| (1.0, Arc::clone(server)));
        Self {
            fleet,
            balancer: Balancer::new(balancing, nodes),
            lines: vec![VecDeque::new(); fleet.nodes],
            busy: vec![0; fleet.nodes],
            ends: BinaryHeap::new(),
            now: 0,
            seen: Seen {
                taken: vec![0; fleet.nodes],
                latencies: Vec::new(),
            },
            servers,
        }
    }

    /// The next request comes. Until then others end.
    fn arrive(&mut self, counts: bool, draw: &mut impl FnMut() -> f64) {
        let pause = exponential(1.0 / self.fleet.rate, draw);
        let comes = self.now + (pause * 1e9) as u64;
        while self.next_end(comes, draw) {}
        self.now = comes;
        let picked = self.balancer.pick(self.time(), draw, |_| false);
        let Some(node) = picked.map(|pick| pick.node.number) else {
            return;
        };
        self.servers[node].pending.fetch_add(1, Ordering::Relaxed);
        self.seen.taken[node] += usize::from(counts);
        let request = Request {
            began: self.now,
            counts,
        };
        if self.busy[node] < self.fleet.slots {
            self.busy[node] += 1;
            self.work(node, request, draw);
        } else {
            self.lines[node].push_back(request);
        }
    }

    /// Ends the request that ends next, unless that is later. Tells whether there was one.
    fn next_end(&mut self, until: u64, draw: &mut impl FnMut() -> f64) -> bool {
        if !matches!(self.ends.peek(), Some(Reverse((end, ..))) if *end <= until) {
            return false;
        }
        let Some(Reverse((end, node, request))) = self.ends.pop() else {
            return false;
        };
        self.now = end;
        let took = end - request.began;
        if request.counts {
            self.seen.latencies.push(took);
        }
        let server = &self.servers[node];
        server.pending.fetch_sub(1, Ordering::Relaxed);
        server
            .standing
            .observe(self.time(), Duration::from_nanos(took));
        match self.lines[node].pop_front() {
            Some(next) => self.work(node, next, draw),
            None => self.busy[node] -= 1,
        }
        true
    }

    fn work(&mut self, node: usize, request: Request, draw: &mut impl FnMut() -> f64) {
        let factor = if node == 0 {
            self.fleet.first_takes
        } else {
            1.0
        };
        let mean = nanos(self.fleet.service) as f64 * factor;
        let end = self.now + exponential(mean, draw) as u64;
        self.ends.push(Reverse((end, node, request)));
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.now)
    }
}

fn exponential(mean: f64, draw: &mut impl FnMut() -> f64) -> f64 {
    -mean * (1.0 - draw()).ln()
}

#[cfg(test)]
mod tests;
