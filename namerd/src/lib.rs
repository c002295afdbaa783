//! The control plane: keeps dtabs, and tells routers what names mean.
//!
//! Start at [`store`], which keeps the dtabs of every namespace and their history. [`namespaces`] joins them with the namers;
//! [`api`] shows and changes them over HTTP, [`mesh`] tells routers what follows from them. [`run`] has a function for each
//! command, and [`build`] makes a namerd from its configuration.

mod admin;
pub mod api;
pub mod build;
pub mod command;
pub mod fleet;
mod looking;
pub mod mesh;
pub mod namespaces;
pub mod run;
pub mod store;
