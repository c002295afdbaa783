//! Real sockets around a router in this process: what a client sends, what an endpoint sees, and back.

mod world;

mod accrual;
mod admin;
mod alternatives;
mod balancers;
mod binding;
mod bridges;
mod compression;
mod connections;
mod deadlines;
mod draining;
mod errors;
mod framing;
mod holding;
mod http2;
mod messages;
mod options;
mod overload;
mod pki;
mod pools;
mod reload;
mod requeues;
mod retried_bodies;
mod retries;
mod streaming;
mod time_limits;
mod tls;
mod transformers;
mod unix;
