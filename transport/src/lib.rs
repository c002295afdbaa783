//! Sockets, TLS and graceful ends: what the control side of Switchyard stands on.
//!
//! Start at [`serve`](serve()), which answers HTTP/1.1 and HTTP/2 (gRPC too) on one [`Listener`], and at [`Connector`], its client half.
//! [`ServerTls`] and [`ClientTls`] turn PEM files into configurations that follow the files when they change.
//! [`Shutdown`] tells everybody when to stop, and waits for what is in flight.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use transport::{Listener, Shutdown, SocketOptions};
//!
//! let shutdown = Shutdown::new();
//! let listener = Listener::bind(([127, 0, 0, 1], 9990).into(), &SocketOptions::default())?;
//! let app = axum::Router::new().route("/ping", axum::routing::get(|| async { "pong" }));
//! let server = transport::serve(listener, None, app, shutdown.drain());
//! tokio::select! {
//!     () = server => {}
//!     signal = transport::signal() => {
//!         tracing::info!("Received {signal}. Shutting down ...");
//!         shutdown.begin();
//!     }
//! }
//! shutdown.finished(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```

mod address;
mod connector;
mod descriptors;
mod drain;
mod handover;
mod listener;
mod serve;
mod signal;
mod stream;
mod supervisor;
mod tls;

pub use address::{Address, Peer};
pub use connector::{ConnectError, Connector, Io};
pub use descriptors::raise_descriptor_limit;
pub use drain::{Branch, Drain, Hold, Shutdown};
pub use handover::{HandedOver, Inherited, NotReady, Predecessor, Successor};
pub use listener::{Listener, SocketFile, SocketOptions, Unregistered};
pub use serve::{ConnectInfo, HttpSettings, serve, serve_with};
pub use signal::{Order, Orders, Signal, signal};
pub use stream::{Stream, UnregisteredStream};
pub use supervisor::{Condition, notify};
pub use tls::{
    ClientAuthFiles, ClientTls, ClientTlsFiles, ServerTls, ServerTlsFiles, TlsError, TlsStream,
    client_cert_subject, forwarded_client_cert, is_certificate_refusal, tls_reason,
};
