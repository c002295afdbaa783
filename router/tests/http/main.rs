//! Real sockets around a router in this process: what a client sends, what an endpoint sees, and back.

mod world;

mod accrual;
mod admin;
mod balancers;
mod binding;
mod connections;
mod deadlines;
mod draining;
mod errors;
mod framing;
mod messages;
mod options;
mod overload;
mod pools;
mod reload;
mod requeues;
mod retried_bodies;
mod retries;
mod streaming;
mod time_limits;
mod transformers;
