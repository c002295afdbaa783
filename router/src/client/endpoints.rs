//! The endpoints of a client, following its addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use live::{Live, Publisher, State};
use namer::Addresses;
use tokio::sync::watch;

use super::Endpoint;
use crate::balance::{Choices, Loaded as _};
use crate::headers::shown_value;
use crate::stats::ClientStats;

/// A set of endpoints, swapped as a whole.
#[derive(Debug)]
pub(crate) struct Endpoints {
    /// What it was made from.
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) choices: Choices<Endpoint>,
    /// What `Host` is rewritten to.
    pub(crate) authority: Option<Box<[u8]>>,
}

impl Endpoints {
    /// How many requests are in flight to all of them. Asks each one.
    pub(crate) fn load(&self) -> usize {
        let members = self.choices.members();
        members.map(|endpoint| endpoint.load()).sum()
    }
}

/// Sets of the same addresses are equal: an endpoint is kept as long as its address is there.
impl PartialEq for Endpoints {
    fn eq(&self, other: &Self) -> bool {
        self.addresses == other.addresses
    }
}

/// Keeps the set up to date. While nothing new is known the last set stays; a name that is gone empties it.
pub(super) async fn follow(
    mut sources: watch::Receiver<Live<Addresses>>,
    workers: usize,
    stats: Arc<ClientStats>,
    mut out: Publisher<Endpoints>,
) {
    let mut known = Known::new();
    let mut addresses = sources.borrow_and_update().clone();
    loop {
        tokio::select! {
            state = addresses.changed() => publish(&state, workers, &mut known, &stats, &mut out),
            Ok(()) = sources.changed() => addresses = sources.borrow_and_update().clone(),
        }
    }
}

type Known = HashMap<SocketAddr, Arc<Endpoint>>;

fn publish(
    state: &State<Addresses>,
    workers: usize,
    known: &mut Known,
    stats: &ClientStats,
    out: &mut Publisher<Endpoints>,
) {
    let mut set = |addresses| next_set(Arc::clone(addresses), workers, known, stats);
    match state {
        State::Pending => {}
        State::Ready(addresses) => out.set(set(addresses)),
        State::Stale(addresses, failure) => out.set_stale(set(addresses), failure),
        State::Failed(failure) => out.fail(Arc::clone(&failure.reason)),
    }
}

/// The set for these addresses. Endpoints that were there before keep their state and connections.
fn next_set(
    addresses: Arc<Addresses>,
    workers: usize,
    known: &mut Known,
    stats: &ClientStats,
) -> Endpoints {
    let mut before = std::mem::take(known);
    let mut weighted = Vec::with_capacity(addresses.endpoints().len());
    for endpoint in addresses.endpoints() {
        let address = endpoint.address;
        let kept = known.entry(address).or_insert_with(|| {
            before.remove(&address).unwrap_or_else(|| {
                stats.endpoints_added.inc();
                Arc::new(Endpoint::new(address, workers))
            })
        });
        weighted.push((endpoint.weight, Arc::clone(kept)));
    }
    stats.endpoints_removed.add(before.len() as u64);
    stats.endpoints.set(known.len() as f64);
    let authority = match &*addresses {
        Addresses::Bound(set) => set.authority.as_deref().map(shown_value),
        Addresses::Neg => None,
    };
    Endpoints {
        choices: Choices::new(weighted),
        authority,
        addresses,
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

    fn stats() -> Arc<ClientStats> {
        let stats = RouterStats::new(&Metrics::new(), "http");
        Arc::new(stats.client(&BoundId::Status(200)))
    }

    fn ports(endpoints: &Live<Endpoints>) -> Vec<u16> {
        let set = endpoints.value().expect("a set");
        let mut ports: Vec<_> = set
            .choices
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
        let set = live::spawn("endpoints", move |out| follow(sources, 1, stats(), out));
        says.set(addresses(&[1, 2]));
        settle().await;
        assert_eq!(ports(&set), [1, 2]);
        let first = set.value().expect("a set");
        let kept = first
            .choices
            .members()
            .find(|endpoint| endpoint.address.port() == 2)
            .expect("there");
        let _busy = InFlight::new(Arc::clone(kept));
        says.set(addresses(&[2, 3]));
        settle().await;
        assert_eq!(ports(&set), [2, 3]);
        let loads = set.value().expect("a set");
        let loads: Vec<_> = loads
            .choices
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
        let set = live::spawn("endpoints", move |out| follow(sources, 1, stats(), out));
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
        let set = live::spawn("endpoints", move |out| follow(sources, 1, stats(), out));
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
