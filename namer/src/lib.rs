//! From a name to live addresses: namers, interpreters, and the binding that recomputes.
//!
//! A [`Namer`] knows some paths and answers for them with bound names or with other paths. [`Namers`] asks the
//! configured ones in order, then the built-in ones below `/$/`. A [`Binder`] joins them with a live dtab: what it
//! binds is recomputed whenever the dtab, a namer's answer or (where asked for) an address set changes.
//! An [`Interpreter`] is what a router asks: a [`Binder`] over its own dtab, or a namerd far away.

mod address;
mod binder;
mod bound;
pub mod build;
pub mod builtin;
mod fs;
mod inet;
mod interpreter;
mod namers;
mod rewrite;
mod transform;
mod watch;
pub mod wire;

pub use address::{AddressSet, Addresses, Endpoint};
pub use binder::{Binder, Binding, Evaluated, Key, Table};
pub use bound::{Bound, BoundId, BoundTree};
pub use fs::FsNamer;
pub use inet::Inet;
pub use interpreter::http::{HttpInterpreter, HttpOptions};
pub use interpreter::mesh::{MeshInterpreter, MeshOptions, RouterIdentity};
pub use interpreter::{
    ConnectionStatus, DelegateFailure, Interpreter, ServingNamerd, SnapshotPlace,
};
pub use namers::{Namer, Namers};
pub use rewrite::RewriteNamer;
