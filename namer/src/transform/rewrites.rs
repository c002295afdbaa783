//! Transformers of addresses.

use std::net::IpAddr;
use std::sync::Arc;

use dtab::{DelegateTree, Dentry, Path};
use live::{Live, Publisher, Reads, Shared};

use crate::{AddressSet, Addresses, Bound, BoundId, Endpoint, Inet};

/// Transformers of addresses, one behind the other. What they make of a bound name is made once, for all who read it.
#[derive(Debug, Default)]
pub(super) struct Rewrites {
    /// Each with the prefix that it puts before ids.
    steps: Arc<Vec<(Path, Rewrite)>>,
    /// By the id that a name has behind the last step.
    made: Shared<Path, Addresses>,
}

/// One transformer of addresses.
#[derive(Clone, Debug)]
pub(crate) enum Rewrite {
    /// `io.l5d.localhost`: keeps the endpoints on this host, which has these addresses.
    Here(Arc<[IpAddr]>),
    /// `io.l5d.specificHost`: keeps the endpoints on another one.
    On {
        /// An address or a DNS name, which is followed.
        host: String,
        /// Who knows what the name means.
        inet: Inet,
    },
    /// `io.l5d.port`: other ports.
    Port(u16),
}

impl Rewrites {
    /// Adds a step behind the others.
    pub(super) fn push(&mut self, prefix: Path, rewrite: Rewrite) {
        Arc::make_mut(&mut self.steps).push((prefix, rewrite));
    }

    /// The name behind the last step. One that is no path has no addresses, and stays what it is.
    pub(super) fn apply(&self, bound: &Bound) -> Bound {
        let BoundId::Path(id) = &bound.id else {
            return bound.clone();
        };
        let steps = self.steps.iter();
        let id = steps.fold(id.clone(), |id, (prefix, _)| prefix.join(&id));
        let addresses = self
            .made
            .get_or_make(&id, || rewritten(&bound.addresses, Arc::clone(&self.steps)));
        Bound::new(id, bound.residual.clone(), addresses)
    }

    /// A leaf of a delegation, and what each step makes of it. Nothing of it is shared: a delegation knows addresses
    /// that are not kept up to date.
    pub(super) fn show(
        &self,
        path: Path,
        dentry: Option<Arc<Dentry>>,
        bound: Bound,
    ) -> DelegateTree<Bound> {
        self.show_from(0, path, dentry, bound)
    }

    fn show_from(
        &self,
        step: usize,
        path: Path,
        dentry: Option<Arc<Dentry>>,
        bound: Bound,
    ) -> DelegateTree<Bound> {
        let (Some(this), BoundId::Path(id)) = (self.steps.get(step), &bound.id) else {
            return DelegateTree::Leaf {
                path,
                dentry,
                bound,
            };
        };
        let (prefix, rewrite) = this;
        let id = prefix.join(id);
        let addresses = rewritten(&bound.addresses, Arc::new(vec![this.clone()]));
        let changed = Bound::new(id.clone(), bound.residual.clone(), addresses);
        DelegateTree::Transformation {
            path,
            name: rewrite.class().to_owned(),
            bound,
            tree: Box::new(self.show_from(step + 1, id, dentry, changed)),
        }
    }
}

/// Keeps what all steps make of these addresses. What they are now is there at once.
fn rewritten(source: &Live<Addresses>, steps: Arc<Vec<(Path, Rewrite)>>) -> Live<Addresses> {
    let source = source.clone();
    live::spawn("transformed addresses", move |mut out| {
        let mut reads = Reads::default();
        publish(&source, &steps, &mut reads, &mut out);
        async move {
            loop {
                reads.changed().await;
                let mut next = Reads::default();
                publish(&source, &steps, &mut next, &mut out);
                // The earlier look's sources are let go only now: what both looks read goes on undisturbed.
                reads = next;
            }
        }
    })
}

fn publish(
    source: &Live<Addresses>,
    steps: &[(Path, Rewrite)],
    reads: &mut Reads,
    out: &mut Publisher<Addresses>,
) {
    let state = reads.read(source);
    let mut trouble = state.failure().cloned();
    let mut addresses = state.value().map(|addresses| (**addresses).clone());
    for (_, rewrite) in steps {
        let Some(known) = addresses else { break };
        addresses = match rewrite {
            Rewrite::Port(port) => Some(at_port(known, *port)),
            Rewrite::Here(ips) => Some(only_on(known, ips)),
            Rewrite::On { host, inet } => {
                let host = reads.read(&inet.addresses(host, 0, false));
                trouble = trouble.or_else(|| host.failure().cloned());
                host.value().map(|host| only_on(known, &ips(host)))
            }
        };
    }
    match (addresses, trouble) {
        (Some(addresses), None) => out.set(addresses),
        (Some(addresses), Some(failure)) => out.set_stale(addresses, &failure),
        (None, Some(failure)) => out.fail(failure.reason),
        (None, None) => {}
    }
}

fn ips(addresses: &Addresses) -> Vec<IpAddr> {
    let endpoints = addresses.endpoints().iter();
    endpoints.map(|endpoint| endpoint.address.ip()).collect()
}

/// The endpoints that have one of these addresses. With none of them left the name counts as one that does not exist.
///
/// linkerd's comparison never holds for IPv6.
pub(super) fn only_on(addresses: Addresses, ips: &[IpAddr]) -> Addresses {
    let Addresses::Bound(mut set) = addresses else {
        return addresses;
    };
    let is_kept = |endpoint: &Endpoint| {
        let ip = endpoint.address.ip().to_canonical();
        ips.iter().any(|kept| kept.to_canonical() == ip)
    };
    set.endpoints.retain(is_kept);
    if set.endpoints.is_empty() {
        Addresses::Neg
    } else {
        Addresses::Bound(set)
    }
}

/// The endpoints at another port. Everything that is said of them stays.
pub(super) fn at_port(addresses: Addresses, port: u16) -> Addresses {
    let Addresses::Bound(set) = addresses else {
        return addresses;
    };
    let endpoints = set.endpoints.into_iter().map(|mut endpoint| {
        endpoint.address.set_port(port);
        endpoint
    });
    // Two ports of one address are the same endpoint now.
    let AddressSet { endpoints, .. } = AddressSet::new(endpoints);
    Addresses::Bound(AddressSet { endpoints, ..set })
}

impl Rewrite {
    /// What linkerd's delegations call it: the class that does it there.
    fn class(&self) -> &'static str {
        match self {
            Self::Here(_) | Self::On { .. } => "SubnetLocalTransformer",
            Self::Port(_) => "DelegatingNameTreeTransformer$",
        }
    }
}
