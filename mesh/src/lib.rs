//! What router, namerd and namerctl say to each other.
//!
//! - [`v1`]: the gRPC stream between our routers and namerd.
//! - [`linkerd`]: the gRPC services of Linkerd 1's namerd, for other clients, and for routers whose namerd has nothing else.
//! - [`wire`]: conversions between the messages of both and our own values.
//! - [`channel`]: gRPC connections to the first of several namerds that answers.
//! - [`api`]: the JSON forms of namerd's HTTP API.
//! - [`NamerdClient`]: a client of that API.

pub mod api;
pub mod channel;
pub mod client;
#[expect(
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::excessive_nesting,
    clippy::missing_errors_doc,
    reason = "generated code, whose generator decides how it looks"
)]
pub mod linkerd;
#[expect(
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::excessive_nesting,
    clippy::missing_errors_doc,
    reason = "generated code, whose generator decides how it looks"
)]
pub mod v1;
pub mod wire;

pub use client::NamerdClient;
