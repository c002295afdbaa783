//! Both versions of HTTP around one router: ports that take either, and endpoints that speak the other one.

mod entrances;
mod grpc;
mod peers;
mod to_http1;
mod to_http2;
mod upgrades;
