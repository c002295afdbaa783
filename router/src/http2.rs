//! HTTP/2: the same stages as for HTTP/1.1, stream by stream.
//!
//! 1. `connection` serves a client's connection: it accepts streams, and `streams` runs them.
//! 2. `exchange` is the life of a request; identifying, routing and picking are the modules that HTTP/1.1 uses.
//! 3. `tries` sends it as often as its name allows; `hold` holds an answer back where its end decides about another try.
//! 4. `forward` has an endpoint answer, on one of its `channels`, each a connection with many streams.
//! 5. `relay` moves bodies and trailers, `pass` the answer; `refuse` answers where nobody else does, `grpc` speaks to its clients.
//!
//! Frames are the business of the `h2` crate, which both sides use without anything in between.

mod asked;
mod channel;
mod channels;
mod connection;
mod exchange;
mod fields;
mod forward;
mod grpc;
mod head;
mod hold;
mod keep_alive;
mod pass;
mod queue;
mod refuse;
mod relay;
mod streams;
mod tries;

pub(crate) use channels::Channels;
pub(crate) use connection::serve;
pub(crate) use fields::Fields;
#[cfg(test)]
pub(crate) use head::{RequestHead, ResponseHead};

/// How much small frames may cost that wait to be read, as the library counts it: 256 bytes a frame less what it carries.
///
/// Bodies are read at once, but for those whose request waits for its name or its endpoint.
fn frame_budget(flow: &config::Http2Flow) -> usize {
    usize::try_from(flow.connection_window_bytes).unwrap_or(usize::MAX)
}
