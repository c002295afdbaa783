//! What the parts promise together: real programs, real sockets, a file for each promise.

mod admin_tls;
mod alternatives;
mod authority;
mod bounded_pool;
mod descriptors;
mod discovery;
mod embedded_crash;
mod failing_endpoints;
mod go_namerctl;
mod grpc_interop;
mod grpc_python;
mod linkerd_clients;
mod linkerd_routers;
mod mtls;
mod never_down;
mod outage_etcd;
mod outage_namerd;
mod overload;
mod proportions;
mod real_clients;
mod refusals;
mod shift;
mod slow_clients;
mod time_limits;
mod tls;
mod traffic;
