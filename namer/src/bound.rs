//! A name that needs no further delegation.

use std::fmt;

use dtab::{Leaf, NameTree, Path};
use live::Live;

use crate::Addresses;

/// What a path is bound to: leaves are [`Bound`] names, with the weight of the union branch that they hang on.
pub type BoundTree = NameTree<Leaf<Bound>>;

/// A bound name: who it is, what of the path it left over, and where it can be reached.
#[derive(Clone)]
pub struct Bound {
    /// The part of the path that the namer used. Clients, their connections and statistics belong to it.
    pub id: BoundId,
    /// The segments that the namer did not use.
    pub residual: Path,
    /// Where the name can be reached.
    pub addresses: Live<Addresses>,
}

impl Bound {
    /// A name that a namer answered with.
    pub fn new(id: Path, residual: Path, addresses: Live<Addresses>) -> Self {
        Self {
            id: BoundId::Path(id),
            residual,
            addresses,
        }
    }

    /// The service inside the router that answers every request with this status.
    pub fn status(code: u16, residual: Path) -> Self {
        Self {
            id: BoundId::Status(code),
            residual,
            addresses: Live::constant(Addresses::of([])),
        }
    }
}

/// Equal by id and residual: the addresses change without making it another name.
///
/// The reference compares ids alone and so swallows updates that change only a residual.
impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.residual == other.residual
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bound({} + {})", self.id, self.residual)
    }
}

/// The identity of a bound name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BoundId {
    /// A path that, bound again, gives the same name.
    Path(Path),
    /// An HTTP service inside the router that answers with this status. It is no path and does not cross the wire of
    /// the reference's protocols.
    Status(u16),
}

impl BoundId {
    /// The id as a path, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Status(_) => None,
        }
    }
}

impl fmt::Display for BoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path}"),
            Self::Status(code) => write!(f, "/$/io.buoyant.http.status/{code}"),
        }
    }
}
