//! The messages and services of package `io.linkerd.mesh`, byte for byte those of Linkerd 1.
//!
//! Linkerd 1's decoder fails on fields that it does not know, and drops messages whose fields were left out because they hold
//! the default. So these messages are never extended, and are made through the conversions of this crate, which write every
//! field.

include!("generated/io.linkerd.mesh.rs");
