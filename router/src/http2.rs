//! HTTP/2: the same stages as for HTTP/1.1, stream by stream.
//!
//! 1. `connection` serves a client's connection: it accepts streams, and `streams` runs them. `entrance` is its socket, `upgrade` how a
//!    request of HTTP/1.1 becomes its first stream.
//! 2. `exchange` is the life of a request; identifying, routing and picking are the modules that HTTP/1.1 uses.
//! 3. `tries` sends it as often as its name allows; `hold` holds an answer back where its end decides about another try.
//! 4. `forward` has an endpoint answer, on one of its `channels`, each a connection with many streams.
//!    `bridge` leads to endpoints that speak the other version.
//! 5. `relay` moves bodies and trailers, `pass` the answer; `refuse` answers where nobody else does, `grpc` speaks to its clients.
//!
//! Frames are the business of the `h2` crate, which both sides use without anything in between.

mod asked;
mod bridge;
mod channel;
mod channels;
mod connection;
mod entrance;
mod exchange;
mod fields;
mod forward;
mod grpc;
mod head;
mod hold;
mod keep_alive;
mod listening;
mod pass;
mod patience;
mod queue;
mod refuse;
mod relay;
mod streams;
mod tries;
mod upgrade;

use std::time::Duration;

pub(crate) use bridge::{open_to_http2, request_to_http2};
pub(crate) use channels::Channels;
pub(crate) use connection::serve;
pub(crate) use entrance::{Entrance, PREFACE};
pub(crate) use fields::Fields;
#[cfg(test)]
pub(crate) use head::{RequestHead, ResponseHead};
pub(crate) use upgrade::{FirstRequest, MOST_BODY, upgrade};

/// How much of a stream is written before the socket has room for it. What an endpoint sends is released by that much early.
const MOST_UNSENT: usize = 64 * 1024;

/// How much small frames may cost that wait to be read, as the library counts it: 256 bytes a frame less what it carries.
///
/// Bodies are read at once, and so this is for what came in between two looks.
fn frame_budget(flow: &config::Http2Flow) -> usize {
    usize::try_from(flow.connection_window_bytes).unwrap_or(usize::MAX)
}

/// How many streams that were reset here a connection remembers, and for how long. What the other side sends on them before it knows is
/// dropped silently; a frame on one that is forgotten is a fault, of which the library forgives so many in the whole life of a connection,
/// and then ends it with all its streams.
const REMEMBERED_RESETS: usize = 1000;
const REMEMBERED_FOR: Duration = Duration::from_secs(2);
