//! What the parts promise together: real programs, real sockets, a file for each promise.

mod alternatives;
mod descriptors;
mod discovery;
mod embedded_crash;
mod go_namerctl;
mod linkerd_clients;
mod linkerd_routers;
mod never_down;
mod outage_etcd;
mod outage_namerd;
mod refusals;
mod shift;
mod slow_clients;
mod tls;
mod traffic;
