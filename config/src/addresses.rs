//! Who listens where: no two sockets of one process may claim the same address.

use std::net::{IpAddr, SocketAddr};

use crate::complaints::Complaints;
use crate::node::Place;

/// An address that a part of the process will listen on.
pub(crate) struct Claim<'a> {
    address: SocketAddr,
    owner: String,
    at: &'a Place,
}

impl<'a> Claim<'a> {
    pub(crate) fn new(ip: IpAddr, port: u16, owner: &str, at: &'a Place) -> Self {
        Self {
            address: SocketAddr::new(ip, port),
            owner: owner.to_owned(),
            at,
        }
    }

    /// Complains about each claim on what an earlier one has.
    pub(crate) fn refuse_conflicts(claims: &[Self], complaints: &Complaints) {
        for (index, claim) in claims.iter().enumerate() {
            if let Some(other) = claims[..index].iter().find(|other| claim.overlaps(other)) {
                let message = format!(
                    "{} is taken: {} listens on {}",
                    claim.address, other.owner, other.address
                );
                complaints.error(claim.at, message, "choose another `port`");
            }
        }
    }

    /// Port 0 is a different port for each. A wildcard has every address of its family, and `::` those of IPv4 too.
    fn overlaps(&self, other: &Self) -> bool {
        let has = |this: IpAddr, that: IpAddr| match this {
            IpAddr::V4(ip) => ip.is_unspecified() && that.is_ipv4(),
            IpAddr::V6(ip) => ip.is_unspecified(),
        };
        let (this, that) = (self.address.ip(), other.address.ip());
        self.address.port() == other.address.port()
            && self.address.port() != 0
            && (this == that || has(this, that) || has(that, this))
    }
}
