//! The router: names what it is asked for, binds the name through the dtab, and passes the request to an endpoint.
//!
//! Begin with `Router::answer` in `exchange`, which is the life of a request; every stage there is a module here:
//!
//! 1. `server` accepts connections and hands them to workers, each a runtime on a core of its own.
//! 2. `identify` finds the key of the request's name, `headers` takes out what was meant for this hop.
//! 3. `route` maps the key to a route, which follows its binding, and draws a branch of it.
//! 4. `client` belongs to a bound id: endpoints, and the connections to them. The crate `policy` chooses one.
//! 5. `forward` sends the request, and the response back; `error` says why there is none. `wire` moves the bytes.
//!
//! `http2` has these stages for streams of HTTP/2, wherever they differ.
//!
//! Bindings, addresses, the admin server and everything else that is not a request live on a control runtime of their own
//! and publish; workers read without a lock.

mod admin;
mod args;
mod build;
mod client;
mod config_file;
mod error;
mod exchange;
mod forward;
mod headers;
mod http2;
mod identify;
mod process;
mod route;
mod server;
mod service;
mod stats;
mod wire;

pub use args::{Args, ArgsError, Command, HELP};
pub use build::{StartError, check};
pub use config_file::{ConfigFile, ConfigFileError};
#[doc(hidden)]
pub use exchange::bench;
pub use process::{Process, Program, Running};
