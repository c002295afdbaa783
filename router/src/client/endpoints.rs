//! The endpoints of a client, following its addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use live::{Live, Publisher, State};
use namer::Addresses;
use policy::{Balancer, on_probation};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Endpoint;
use super::rules::Rules;
use crate::exchange::Clock;
use crate::headers::Shown;
use crate::stats::ClientStats;

/// A set of endpoints, swapped as a whole.
#[derive(Debug)]
pub(crate) struct Endpoints {
    /// What it was made from.
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) balancer: Balancer<Endpoint>,
    /// What `Host` is rewritten to.
    pub(crate) authority: Option<Shown>,
}

impl Endpoints {
    /// How many requests are in flight to all of them. Asks each one.
    pub(crate) fn load(&self) -> usize {
        let members = self.balancer.members();
        members.map(|endpoint| endpoint.load()).sum()
    }
}

/// What endpoints are made with.
#[derive(Clone, Debug)]
pub(super) struct Making {
    pub(super) rules: Arc<Rules>,
    pub(super) workers: usize,
    pub(super) clock: Clock,
    pub(super) stats: Arc<ClientStats>,
}

/// Sets of the same addresses are equal: an endpoint is kept as long as its address is there, or longer, on probation.
impl PartialEq for Endpoints {
    fn eq(&self, other: &Self) -> bool {
        self.addresses == other.addresses && self.balancer.len() == other.balancer.len()
    }
}

/// Keeps the set up to date. While nothing new is known the last set stays; a name that is gone empties it.
pub(super) async fn follow(
    mut sources: watch::Receiver<Live<Addresses>>,
    making: Making,
    mut out: Publisher<Endpoints>,
) {
    let mut known = Known::new();
    let mut addresses = sources.borrow_and_update().clone();
    loop {
        tokio::select! {
            state = addresses.changed() => publish(&state, &making, &mut known, &mut out),
            Ok(()) = sources.changed() => addresses = sources.borrow_and_update().clone(),
            () = sleep(PROBATION_LOOK), if making.has_probation() => {
                publish(&addresses.now(), &making, &mut known, &mut out);
            }
        }
    }
}

/// How often those on probation are looked at.
const PROBATION_LOOK: Duration = Duration::from_secs(1);

type Known = HashMap<SocketAddr, Arc<Endpoint>>;

fn publish(
    state: &State<Addresses>,
    making: &Making,
    known: &mut Known,
    out: &mut Publisher<Endpoints>,
) {
    let before = out.now().value().cloned();
    let mut set = |addresses| making.next_set(Arc::clone(addresses), known, before.as_deref());
    match state {
        State::Pending => {}
        State::Ready(addresses) => out.set(set(addresses)),
        State::Stale(addresses, failure) => out.set_stale(set(addresses), failure),
        State::Failed(failure) => out.fail(Arc::clone(&failure.reason)),
    }
}

impl Making {
    fn has_probation(&self) -> bool {
        self.rules.settings.load_balancer.enable_probation
    }

    /// The set for these addresses. Endpoints that were there before keep their state and connections, and so does what chooses
    /// among them.
    fn next_set(
        &self,
        addresses: Arc<Addresses>,
        known: &mut Known,
        before: Option<&Endpoints>,
    ) -> Endpoints {
        let mut left = std::mem::take(known);
        let mut weighted = Vec::with_capacity(addresses.endpoints().len());
        for endpoint in addresses.endpoints() {
            let address = endpoint.address;
            let kept = known.entry(address).or_insert_with(|| {
                left.remove(&address).unwrap_or_else(|| {
                    self.stats.endpoints_added.inc();
                    Arc::new(Endpoint::new(address, self))
                })
            });
            weighted.push((endpoint.weight, Arc::clone(kept)));
        }
        if let Some(before) = before
            && self.has_probation()
        {
            let now = self.clock.time_at(Instant::now());
            let old = before.balancer.weighted();
            let old = old.map(|(weight, endpoint)| (weight, Arc::clone(endpoint)));
            for (weight, endpoint) in on_probation(now, old, &weighted) {
                left.remove(&endpoint.address);
                known.insert(endpoint.address, Arc::clone(&endpoint));
                weighted.push((weight, endpoint));
            }
        }
        self.stats.endpoints_removed.add(left.len() as u64);
        self.stats.endpoints.set(known.len() as f64);
        let authority = match &*addresses {
            Addresses::Bound(set) => set.authority.as_deref().map(Shown::new),
            Addresses::Neg => None,
        };
        Endpoints {
            balancer: match before {
                Some(before) => before.balancer.next(weighted),
                None => Balancer::new(self.rules.balancing, weighted),
            },
            authority,
            addresses,
        }
    }
}

#[cfg(test)]
mod tests {
    use namer::{BoundId, Endpoint as Address};
    use telemetry::Metrics;

    use super::*;
    use crate::client::InFlight;
    use crate::stats::RouterStats;

    fn addresses(ports: &[u16]) -> Addresses {
        Addresses::of(
            ports
                .iter()
                .map(|port| Address::new(([127, 0, 0, 1], *port).into())),
        )
    }

    fn making() -> Making {
        let stats = RouterStats::new(&Metrics::new(), "http");
        let rules = Arc::new(Rules::from(config::ClientSettings::default()));
        Making {
            stats: Arc::new(stats.client(&BoundId::Status(200), &rules)),
            rules,
            workers: 1,
            clock: Clock::start(),
        }
    }

    fn ports(endpoints: &Live<Endpoints>) -> Vec<u16> {
        let set = endpoints.value().expect("a set");
        let mut ports: Vec<_> = set
            .balancer
            .members()
            .map(|endpoint| endpoint.address.port())
            .collect();
        ports.sort_unstable();
        ports
    }

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn the_set_follows_its_source_and_keeps_what_stays() {
        let (mut says, live) = live::channel();
        let (_source, sources) = watch::channel(live);
        let set = live::spawn("endpoints", move |out| follow(sources, making(), out));
        says.set(addresses(&[1, 2]));
        settle().await;
        assert_eq!(ports(&set), [1, 2]);
        let first = set.value().expect("a set");
        let kept = first
            .balancer
            .members()
            .find(|endpoint| endpoint.address.port() == 2)
            .expect("there");
        let _busy = InFlight::new(Arc::clone(kept), Duration::ZERO, None);
        says.set(addresses(&[2, 3]));
        settle().await;
        assert_eq!(ports(&set), [2, 3]);
        let loads = set.value().expect("a set");
        let loads: Vec<_> = loads
            .balancer
            .members()
            .map(|endpoint| (endpoint.address.port(), endpoint.load()))
            .collect();
        assert!(
            loads.contains(&(2, 1)) && loads.contains(&(3, 0)),
            "{loads:?}"
        );
    }

    #[tokio::test]
    async fn trouble_keeps_the_set_and_a_name_that_is_gone_empties_it() {
        let (mut says, live) = live::channel();
        let (_source, sources) = watch::channel(live);
        let set = live::spawn("endpoints", move |out| follow(sources, making(), out));
        says.set(addresses(&[1]));
        settle().await;
        says.fail("away");
        settle().await;
        assert_eq!(ports(&set), [1]);
        says.set(Addresses::Neg);
        settle().await;
        assert_eq!(ports(&set), [0; 0]);
    }

    #[tokio::test]
    async fn another_source_takes_over_once_it_knows_something() {
        let (mut old, live) = live::channel();
        let (source, sources) = watch::channel(live);
        let set = live::spawn("endpoints", move |out| follow(sources, making(), out));
        old.set(addresses(&[1]));
        settle().await;
        let (mut new, live) = live::channel();
        source.send_replace(live);
        settle().await;
        assert_eq!(ports(&set), [1]);
        new.set(addresses(&[2]));
        settle().await;
        assert_eq!(ports(&set), [2]);
        old.set(addresses(&[3]));
        settle().await;
        assert_eq!(ports(&set), [2]);
    }
}
