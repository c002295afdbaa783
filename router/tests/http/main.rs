//! Real sockets around a router in this process: what a client sends, what an endpoint sees, and back.

mod world;

mod admin;
mod binding;
mod compression;
mod connections;
mod draining;
mod errors;
mod framing;
mod holding;
mod messages;
mod options;
mod overload;
mod pki;
mod reload;
mod streaming;
mod time_limits;
mod tls;
mod transformers;
mod unix;
