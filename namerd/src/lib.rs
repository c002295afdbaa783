//! The control plane: keeps dtabs, and tells routers what names mean.
//!
//! Start at [`store`], which keeps the dtabs of every namespace and their history.

pub mod fleet;
pub mod mesh;
pub mod namespaces;
pub mod store;
