//! The messages and the service of package `switchyard.mesh.v1`: one two-way stream between a router and namerd.
//!
//! Paths and dtabs are the messages of [`crate::linkerd`]. Fields may be added here; receivers skip what they don't know.

include!("generated/switchyard.mesh.v1.rs");
