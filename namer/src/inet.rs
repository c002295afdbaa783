//! Names that are a host and a port: `/$/inet/<host>/<port>` and its like.

/// Finds the addresses of hosts.
#[derive(Clone, Debug, Default)]
pub struct Inet {}

impl Inet {
    /// As the system is set up.
    pub fn system() -> Self {
        Self {}
    }
}
