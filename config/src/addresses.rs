//! Who listens where: no two sockets of one process may claim the same address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

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
    pub(crate) at: Option<&'a Place>,
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
        let address = Claimed::Inet(SocketAddr::new(self.ip, self.port));
        Some(Claim::new(address, owner, self.at?))
    }
}

/// What a part of the process will listen on.
#[derive(Clone, Debug)]
pub(crate) enum Claimed {
    Inet(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// An address that a part of the process will listen on.
pub(crate) struct Claim<'a> {
    address: Claimed,
    owner: String,
    at: &'a Place,
}

impl<'a> Claim<'a> {
    pub(crate) fn new(address: Claimed, owner: &str, at: &'a Place) -> Self {
        Self {
            address,
            owner: owner.to_owned(),
            at,
        }
    }

    /// Complains about each claim on what an earlier one has.
    pub(crate) fn refuse_conflicts(claims: &[Self], complaints: &Complaints) {
        for (index, claim) in claims.iter().enumerate() {
            let mut earlier = claims[..index].iter();
            if let Some(other) = earlier.find(|other| claim.address.overlaps(&other.address)) {
                let message = format!(
                    "{} is taken: {} listens on {}",
                    claim.address, other.owner, other.address
                );
                let help = match claim.address {
                    Claimed::Inet(_) => "choose another `port`",
                    Claimed::Unix(_) => "choose another `unixPath`",
                };
                complaints.error(claim.at, message, help);
            }
        }
    }
}

impl Claimed {
    /// Port 0 is a different port for each. A wildcard has every address of its family, and `::` those of IPv4 too.
    fn overlaps(&self, other: &Self) -> bool {
        let (this, that) = match (self, other) {
            (Self::Inet(this), Self::Inet(that)) => (this, that),
            (Self::Unix(this), Self::Unix(that)) => return this == that,
            (Self::Inet(_), Self::Unix(_)) | (Self::Unix(_), Self::Inet(_)) => return false,
        };
        let has = |this: IpAddr, that: IpAddr| match this {
            IpAddr::V4(ip) => ip.is_unspecified() && that.is_ipv4(),
            IpAddr::V6(ip) => ip.is_unspecified(),
        };
        let is_same_port = this.port() == that.port() && this.port() != 0;
        let (this, that) = (this.ip(), that.ip());
        is_same_port && (this == that || has(this, that) || has(that, this))
    }
}
