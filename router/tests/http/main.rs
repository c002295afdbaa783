//! Real sockets around a router in this process: what a client sends, what an endpoint sees, and back.

mod world;

mod admin;
mod alternatives;
mod binding;
mod connections;
mod draining;
mod errors;
mod framing;
mod messages;
mod options;
mod overload;
mod reload;
mod streaming;
mod time_limits;
mod transformers;
