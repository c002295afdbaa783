//! The ways between the versions of HTTP, where a client speaks one and the endpoint the other.
//!
//! They lie below everything that chooses endpoints and judges them, and are used only where both sides differ:
//!
//! - `to_http2`: what asks an endpoint over HTTP/1.1 gets a connection within this process instead. At its other end, the request
//!   becomes a stream on one of the endpoint's channels. Such a connection is used once.
//! - `to_http1`: what asks over HTTP/2 opens its stream on the worker's `link`, a connection within this process. At its other end
//!   each stream has a connection of HTTP/1.1 from the endpoint's pool.
//!
//! `heads` and `bodies` turn the messages of one version into those of the other.

mod bodies;
mod heads;
mod link;
mod to_http1;
mod to_http2;

pub(crate) use heads::request_to_http2;
pub(super) use link::hand_over;
pub(super) use to_http1::{Errand, Report, Trouble};
pub(crate) use to_http2::open as open_to_http2;
