//! The JSON forms of namerd's HTTP API, `/api/1/…`.
//!
//! Keys are written in the order of the fields, since people and tests compare texts. Absent optional keys are left out,
//! where a field does not say otherwise. Readers skip keys that they don't know, except in what is about to be stored.

mod address;
mod author;
mod bound;
mod delegation;
mod dentry;
mod dry_run;
mod error;
mod export;
mod fleet;
mod history;
mod lint;
mod status;
mod version;

pub use address::{Addr, Address, Metadata};
pub use author::{AUTHOR, By, MESSAGE};
pub use bound::{BoundName, BoundTree, Weighted};
pub use delegation::{DelegateTree, DelegationRequest};
pub use dentry::Dentry;
pub use dry_run::DryRun;
pub use error::ErrorBody;
pub use export::{EXPORT_FORMAT, Export};
pub use fleet::{Fleet, FleetNamespace, FleetRouter};
pub use history::{Action, Revision};
pub use lint::{Level, Lint};
pub use status::{Status, StoreState, StoreStatus};
pub use version::Version;
