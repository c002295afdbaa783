//! Where a host and a port can be reached: IP literals, the hosts file, DNS.
//!
//! This decides what a host means and when to ask again. Which names an asked name stands for, and what servers answer,
//! is [`dns`]'s.

mod dns;
mod hosts_file;
mod literal;
mod merge;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use live::{Live, Publisher, Reads, Shared};
use tokio::time::Instant;

use crate::builtin::HostPort;
use crate::{Addresses, Endpoint};
use dns::{Dns, Lookup};
pub(crate) use merge::{Merge, Merged};

/// When hosts are looked up again.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Bounds of how long an answer with addresses is kept, whatever its TTL.
    found: (Duration, Duration),
    /// The same for an answer that there are none. Short at the top, because it keeps a new service from being seen.
    missing: (Duration, Duration),
    /// How long names of the hosts file are kept, and answers that tell no time.
    otherwise: Duration,
    /// The first and the longest wait after a failure, before jitter.
    retry: (Duration, Duration),
}

const PACE: Pace = Pace {
    found: (Duration::from_secs(1), Duration::from_secs(300)),
    missing: (Duration::from_secs(1), Duration::from_secs(30)),
    otherwise: Duration::from_secs(5),
    retry: (Duration::from_millis(200), Duration::from_secs(5)),
};

/// Finds the addresses of hosts and keeps them up to date while somebody reads them. A clone shares everything.
#[derive(Clone)]
pub struct Inet(Arc<Inner>);

struct Inner {
    dns: Dns,
    hosts_file: Option<PathBuf>,
    pace: Pace,
    read: Shared<Key, Addresses>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// One host in lower case, or several with their ports between commas.
    host: Box<str>,
    /// The port of the one host.
    port: u16,
    is_kept_for_ever: bool,
}

impl Inet {
    /// Asks as the system is set up: its hosts file, its name servers and its search list. Nothing is read before the
    /// first host that needs it.
    pub fn system() -> Self {
        Self::new(Dns::system(PACE), Some("/etc/hosts".into()), PACE)
    }

    /// Asks these name servers, over UDP and TCP, and nothing else: no hosts file, no search list.
    pub fn with_servers(servers: Vec<SocketAddr>) -> Self {
        Self::new(Dns::with_servers(servers, Vec::new(), PACE), None, PACE)
    }

    fn new(dns: Dns, hosts_file: Option<PathBuf>, pace: Pace) -> Self {
        Self(Arc::new(Inner {
            dns,
            hosts_file,
            pace,
            read: Shared::default(),
        }))
    }

    /// The addresses of a host at a port.
    ///
    /// An IP literal (`127.1` and other spellings of the JDK's included) is itself; no host at all and `localhost` are
    /// the loopback. Everything else is looked up, first in the hosts file, and again when the answer has expired. A
    /// host that does not exist is [`Addresses::Neg`]; any other trouble keeps the last good set. With
    /// `cached_for_ever` the first addresses found stay for as long as they are read.
    pub fn addresses(&self, host: &str, port: u16, cached_for_ever: bool) -> Live<Addresses> {
        if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
            return constant(Ipv4Addr::LOCALHOST.into(), port);
        }
        if let Some(ip) = literal::parse(host) {
            return constant(ip, port);
        }
        let key = Key {
            host: host.to_ascii_lowercase().into(),
            port,
            is_kept_for_ever: cached_for_ever,
        };
        self.0.read.get_or_make(&key, || {
            let (inner, key) = (Arc::clone(&self.0), key.clone());
            live::spawn("inet host", move |out| follow(inner, key, out))
        })
    }

    /// The addresses of several hosts as one set; it has what is known of any of them.
    pub fn all(&self, hosts: &[HostPort], cached_for_ever: bool) -> Live<Addresses> {
        if let [HostPort { host, port }] = hosts {
            return self.addresses(host, *port, cached_for_ever);
        }
        let shown: Vec<_> = hosts
            .iter()
            .map(|HostPort { host, port }| format!("{host}:{port}"))
            .collect();
        let key = Key {
            host: shown.join(",").to_ascii_lowercase().into(),
            port: 0,
            is_kept_for_ever: cached_for_ever,
        };
        // Made before the key is looked at, because they are asked for under the same lock.
        let parts: Vec<_> = hosts
            .iter()
            .map(|HostPort { host, port }| self.addresses(host, *port, cached_for_ever))
            .collect();
        self.0.read.get_or_make(&key, || {
            live::spawn("inet hosts", move |out| join(parts, out))
        })
    }
}

impl fmt::Debug for Inet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Inet").field(&self.0.dns).finish()
    }
}

fn constant(ip: IpAddr, port: u16) -> Live<Addresses> {
    Live::constant(Addresses::of([Endpoint::new(SocketAddr::new(ip, port))]))
}

/// Keeps the addresses of several hosts as one set.
async fn join(parts: Vec<Live<Addresses>>, mut out: Publisher<Addresses>) {
    loop {
        let mut reads = Reads::default();
        let mut merged = Merged::default();
        for part in &parts {
            merged.add(&reads.read(part), 1.0);
        }
        match merged.outcome() {
            Merge::Pending => {}
            Merge::Failed(reason) => out.fail(reason),
            Merge::Neg => out.set(Addresses::Neg),
            Merge::Bound(endpoints) => out.set(Addresses::of(endpoints)),
        }
        reads.changed().await;
    }
}

/// Keeps the addresses of one host: looks it up, publishes, and waits until the answer has expired.
async fn follow(inner: Arc<Inner>, key: Key, mut out: Publisher<Addresses>) {
    let mut known = Vec::new();
    let mut failures = 0;
    loop {
        let wait = match inner.look_up(&key.host, &known).await {
            Lookup::Found { ips, until } => {
                failures = 0;
                let endpoints = ips
                    .iter()
                    .map(|ip| Endpoint::new(SocketAddr::new(*ip, key.port)));
                out.set(Addresses::of(endpoints));
                if key.is_kept_for_ever {
                    return;
                }
                known = ips;
                until.saturating_duration_since(Instant::now())
            }
            Lookup::Missing { until } => {
                failures = 0;
                known.clear();
                out.set(Addresses::Neg);
                until.saturating_duration_since(Instant::now())
            }
            Lookup::Failed(reason) => {
                if failures == 0 {
                    tracing::warn!(host = %key.host, %reason, "cannot look up host, keeping what is known");
                }
                failures += 1;
                out.fail(reason);
                backoff(inner.pace.retry, failures)
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Doubles with each failure up to the longest wait; between half and all of it, so that many don't ask at once.
fn backoff((first, longest): (Duration, Duration), failures: u32) -> Duration {
    let whole = first
        .saturating_mul(1 << (failures - 1).min(16))
        .min(longest);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

impl Inner {
    /// Looks a host up once. What of `known` cannot be asked for right now is taken as still true.
    async fn look_up(&self, host: &str, known: &[IpAddr]) -> Lookup {
        if let Some(file) = &self.hosts_file {
            let text = tokio::fs::read(file).await.unwrap_or_default();
            let ips = hosts_file::addresses(&String::from_utf8_lossy(&text), host);
            if !ips.is_empty() {
                let until = Instant::now() + self.pace.otherwise;
                return Lookup::Found { ips, until };
            }
        }
        Box::pin(self.dns.look_up(host, known)).await
    }
}

#[cfg(test)]
mod tests;
