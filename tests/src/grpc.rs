//! Peers that speak gRPC: the service of the interoperability tests, on tonic, and its clients.
//!
//! A [`GrpcServer`] puts its name into the metadata of each answer, so that a client knows who answered.

mod calls;
mod client;
mod python;
mod seen;
mod server;
mod service;
mod talk;

pub use calls::{Calls, Tally};
pub use client::{Client, channel, client, who};
pub use python::{Grpcio, PythonServer};
pub use seen::Seen;
pub use server::GrpcServer;
pub use talk::Talk;

/// The messages and the service of package `grpc.testing`.
#[expect(
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::excessive_nesting,
    clippy::missing_errors_doc,
    reason = "generated code, whose generator decides how it looks"
)]
pub mod testing {
    include!("generated/grpc.testing.rs");
}

/// The metadata in which a server says who it is.
pub const SERVER: &str = "server";

/// Metadata that a server sends back before its answer.
pub const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";

/// Metadata that a server sends back after its answer.
pub const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

/// The details of the error that a server is asked for.
pub const DETAILS: &str = "x-test-details-bin";

/// The largest message that a peer takes, bytes.
const MESSAGE_MAX: usize = 64 << 20;
