//! Who listens where: no two sockets of one process may claim the same address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::complaints::Complaints;
use crate::field::Field;
use crate::node::Place;
use crate::object::Object;

/// The `ip` and `port` of an object.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a> {
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    /// Where to complain about it; none if it is wrong in itself already.
    at: Option<&'a Place>,
}

impl<'a> Address<'a> {
    /// Loopback and the default `port`, at `at`.
    pub(crate) fn default_at(port: u16, at: &'a Place) -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
            at: Some(at),
        }
    }

    /// Reads `ip`, by default loopback, and `port`.
    pub(crate) fn read(object: &mut Object<'a>, port: u16) -> Self {
        let default = Self::default_at(port, object.place_of("port"));
        let ip = object.get("ip", Field::ip);
        let port = object.get("port", Field::port);
        let is_read = ip.is_some() == object.has("ip") && port.is_some() == object.has("port");
        Self {
            ip: ip.unwrap_or(default.ip),
            port: port.unwrap_or(default.port),
            at: default.at.filter(|_| is_read),
        }
    }

    /// That `owner` will listen there.
    pub(crate) fn claimed_by(self, owner: &str) -> Option<Claim<'a>> {
        let address = SocketAddr::new(self.ip, self.port);
        self.at.map(|at| Claim {
            address,
            owner: owner.to_owned(),
            at,
        })
    }
}

/// An address that a part of the process will listen on.
pub(crate) struct Claim<'a> {
    address: SocketAddr,
    owner: String,
    at: &'a Place,
}

impl Claim<'_> {
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
