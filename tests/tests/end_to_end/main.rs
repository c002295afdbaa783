//! What the parts promise together: real programs, real sockets, a file for each promise.

mod admin_tls;
mod authority;
mod descriptors;
mod discovery;
mod embedded_crash;
mod go_namerctl;
mod linkerd_clients;
mod linkerd_routers;
mod mtls;
mod never_down;
mod outage_etcd;
mod outage_namerd;
mod overload;
mod real_clients;
mod refusals;
mod shift;
mod slow_clients;
mod tls;
mod traffic;
