//! What the two YAML files may say, and every complaint about them.
//!
//! [`RouterConfig::parse`] reads the router's file and [`NamerdConfig::parse`] namerd's. Both are data only: every value is
//! resolved to its default, every duration is a [`std::time::Duration`], and nothing here opens a socket or starts a task.
//! `router` and `namerd` make the parts from it.
//!
//! A file that cannot be accepted answers with all its [`Diagnostics`] at once, each with its place, its line, a caret and
//! what to write instead:
//!
//! ```
//! let text = "routers:\n- protocol: http\n  dtabb: /svc => /$/inet/127.1/8080\n  servers: [{port: 4140}]\n";
//! let complaints = config::RouterConfig::parse("router.yaml", text).expect_err("a misspelt key is refused");
//! let shown = complaints.to_string();
//! assert!(shown.contains("unknown key `dtabb`") && shown.contains("router.yaml:3:3") && shown.contains("did you mean `dtab`?"));
//! ```
//!
//! Start with `router_file` or `namerd`: each module holds a piece of the schema as it is used (a struct) and, below it, how
//! it is read. The machinery is `node`, a YAML tree that knows its places, and `object` and `field`, which read from it.

mod addresses;
mod admin;
mod complaints;
mod diagnostic;
mod dtab_text;
mod field;
mod forwarded;
mod http1;
mod http2;
mod identifier;
mod interface;
mod interpreter;
mod kinds;
mod later;
mod namer;
mod namerd;
mod nearest;
mod node;
mod object;
mod path_matcher;
mod policy;
mod protocol;
mod router;
mod router_file;
mod scalar;
mod server;
mod shown;
mod socket;
mod source;
mod storage;
mod time_limits;
mod tls;
mod transformer;
mod unix;

pub use admin::AdminConfig;
pub use diagnostic::{Diagnostic, Diagnostics, Level};
pub use forwarded::{ForwardedHeader, Labeler};
pub use http2::{Http2Client, Http2Flow, Http2Server, KeepAlive};
pub use identifier::IdentifierConfig;
pub use interface::{InterfaceConfig, InterfaceKind};
pub use interpreter::{
    FailureThreshold, HostPort, InterpreterConfig, MeshInterpreter, NamerdHttpInterpreter, Retry,
};
pub use namer::NamerConfig;
pub use namerd::NamerdConfig;
pub use path_matcher::PathMatcher;
pub use policy::{
    Backoff, BalancerKind, Classifier, ClientPolicy, ClientSession, ClientSettings, FailureAccrual,
    GrpcClassifier, GrpcKind, LoadBalancer, Pool, Retries, RetryBudget, ServicePolicy,
    ServiceSettings, StreamClassifier, StreamSettings,
};
pub use protocol::Protocol;
pub use router::{BindingCache, Router};
pub use router_file::{RouterConfig, StateDir};
pub use server::{Listens, Server};
pub use shown::Secret;
pub use socket::SocketOptions;
pub use storage::{EtcdStorage, StorageConfig};
pub use time_limits::{ServerSession, TimeLimits};
pub use tls::{ClientAuth, ClientTlsConfig, ServerTlsConfig, TlsProtocol};
pub use transformer::TransformerConfig;
pub use unix::UnixSocket;

#[cfg(test)]
mod tests;
